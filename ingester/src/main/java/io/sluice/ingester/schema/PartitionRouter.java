package io.sluice.ingester.schema;

import io.sluice.ingester.door.DecodedColumn;
import io.sluice.ingester.door.DecodedColumn.Values;
import io.sluice.ingester.door.DecodedWrite.DecodedTable;
import io.sluice.ingester.door.InvalidWriteException;
import io.sluice.ingester.schema.PartitionSplitter.RowSelection;
import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.PartitionKey;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.TagPart;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Finds the partition of each row of one decoded table: one pass over `time` and the template's tags, and no look-up
/// as long as rows that follow one another go to the same partition. For one thread, once.
public final class PartitionRouter {
    private static final int MISSING = -1;

    private final DecodedTable table;
    private final PartitionTemplate template;
    private final ByteBuffer times;
    /// In the order of the template's tags.
    private final List<TagReader> tags;

    private PartitionRouter(DecodedTable table, PartitionTemplate template) {
        this.table = table;
        this.template = template;
        this.times = times(table);
        this.tags =
                template.tags().stream().map(tag -> TagReader.of(table, tag)).toList();
    }

    /// The partitions that a table's rows belong to, each once, in order of first appearance.
    public static List<PartitionKey> partitions(DecodedTable table, PartitionTemplate template) {
        try {
            return List.copyOf(new PartitionRouter(table, template)
                    .route(Integer.MAX_VALUE, Integer.MAX_VALUE)
                    .keySet());
        } catch (InvalidWriteException e) {
            throw new IllegalStateException("a limit that no table reaches was exceeded", e);
        }
    }

    /// The rows of each partition, in order of first appearance.
    ///
    /// @param maxColumns how many columns the partitions may have together
    /// @throws InvalidWriteException if there would be more
    static Map<PartitionKey, RowSelection> route(DecodedTable table, PartitionTemplate template, int maxColumns)
            throws InvalidWriteException {
        int maxPartitions = Math.max(0, maxColumns) / table.columns().size();
        return new PartitionRouter(table, template).route(maxPartitions, maxColumns);
    }

    /// The timestamps of a table's rows, 8 bytes each.
    static ByteBuffer times(DecodedTable table) {
        for (DecodedColumn column : table.columns()) {
            if (column.schema().equals(ColumnSchema.TIME)
                    && column.values() instanceof Values.Int64s(ByteBuffer data)) {
                return data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
            }
        }
        throw new IllegalArgumentException("table '%s' has no column 'time'".formatted(table.table()));
    }

    private Map<PartitionKey, RowSelection> route(int maxPartitions, int maxColumns) throws InvalidWriteException {
        Map<Parts, RowSelection> byParts = new LinkedHashMap<>();
        Parts parts = new Parts(tags.size());
        int start = 0;
        while (start < table.rowCount()) {
            // Rows usually come in runs of one partition; mostly there is one run.
            parts.slot = template.slot(times.getLong(start * Long.BYTES));
            for (int tag = 0; tag < parts.codes.length; tag++) {
                parts.codes[tag] = tags.get(tag).code(start);
            }
            int end = endOfRun(start, parts);
            RowSelection rows = byParts.get(parts);
            if (rows == null) {
                if (byParts.size() == maxPartitions) {
                    throw tooMany(maxPartitions, maxColumns);
                }
                rows = new RowSelection();
                byParts.put(parts.copy(), rows);
            }
            rows.addRun(start, end);
            start = end;
        }
        Map<PartitionKey, RowSelection> byKey = LinkedHashMap.newLinkedHashMap(byParts.size());
        byParts.forEach((of, rows) -> byKey.put(key(of), rows));
        return byKey;
    }

    /// The first row behind `start` that belongs to another partition.
    private int endOfRun(int start, Parts parts) {
        long startNs = template.slotStartNs(parts.slot);
        long endNs = template.slotEndNs(parts.slot);
        int end = start + 1;
        while (end < table.rowCount()) {
            long timeNs = times.getLong(end * Long.BYTES);
            if (timeNs < startNs || timeNs >= endNs) {
                break;
            }
            end++;
        }
        for (int tag = 0; tag < parts.codes.length; tag++) {
            end = tags.get(tag).endOfRun(start, end, parts.codes[tag]);
        }
        return end;
    }

    private PartitionKey key(Parts parts) {
        List<TagPart> values = new ArrayList<>(parts.codes.length);
        for (int tag = 0; tag < parts.codes.length; tag++) {
            values.add(TagPart.of(tags.get(tag).value(parts.codes[tag])));
        }
        return template.key(parts.slot, values);
    }

    private InvalidWriteException tooMany(int maxPartitions, int maxColumns) {
        int columnCount = table.columns().size();
        return new InvalidWriteException(
                "table '%s': rows of %d partitions or more with %d column%s each: expected at most %d columns in partitions (what is left for this table of the request): send rows of fewer partitions at once"
                        .formatted(
                                table.table(),
                                maxPartitions + 1,
                                columnCount,
                                columnCount == 1 ? "" : "s",
                                maxColumns));
    }

    /// What tells a partition from others of the table: the stretch of time, and a code for each tag's value. Changed
    /// only as long as it is no key of a map.
    private static final class Parts {
        private long slot;
        private final int[] codes;

        Parts(int tags) {
            this.codes = new int[tags];
        }

        private Parts(long slot, int[] codes) {
            this.slot = slot;
            this.codes = codes;
        }

        Parts copy() {
            return new Parts(slot, codes.clone());
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Parts parts && slot == parts.slot && Arrays.equals(codes, parts.codes);
        }

        @Override
        public int hashCode() {
            return 31 * Long.hashCode(slot) + Arrays.hashCode(codes);
        }
    }

    /// The values of one tag of the template, by row, as codes: equal exactly when the values are.
    ///
    /// @param codes of the rows, 4 bytes each; empty if no row has a value
    /// @param firstCodes by code, the first code that has the same value
    private record TagReader(Optional<DecodedColumn> column, ByteBuffer codes, List<String> values, int[] firstCodes) {
        static TagReader of(DecodedTable table, ColumnName tag) {
            for (DecodedColumn column : table.columns()) {
                // What is no tag was refused before, by the catalog.
                if (column.schema().name().equals(tag)
                        && column.schema().kind() == ColumnKind.TAG
                        && column.values() instanceof Values.Dictionary(List<String> values, ByteBuffer codes)) {
                    return new TagReader(
                            Optional.of(column),
                            codes.duplicate().order(ByteOrder.LITTLE_ENDIAN),
                            values,
                            firstCodes(values));
                }
            }
            return new TagReader(Optional.empty(), ByteBuffer.allocate(0), List.of(), new int[0]);
        }

        private static int[] firstCodes(List<String> values) {
            Map<String, Integer> known = HashMap.newHashMap(values.size());
            int[] firstCodes = new int[values.size()];
            for (int code = 0; code < firstCodes.length; code++) {
                Integer first = known.putIfAbsent(values.get(code), code);
                firstCodes[code] = first == null ? code : first;
            }
            return firstCodes;
        }

        int code(int row) {
            return column.isPresent() && column.get().isPresent(row)
                    ? firstCodes[codes.getInt(row * Integer.BYTES)]
                    : MISSING;
        }

        int endOfRun(int start, int limit, int code) {
            if (column.isEmpty()
                    || (firstCodes.length == 1 && column.get().validity().isEmpty())) {
                return limit;
            }
            int end = start + 1;
            while (end < limit && code(end) == code) {
                end++;
            }
            return end;
        }

        Optional<String> value(int code) {
            return code == MISSING ? Optional.empty() : Optional.of(values.get(code));
        }
    }
}
