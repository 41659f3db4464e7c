package io.sluice.rows.merge;

import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SortKey;
import io.sluice.model.TableId;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.rows.RowBatch;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.arrow.memory.BufferAllocator;

/// What random writes left in a partition, from a seed: a table with columns of all types, some of which no batch has,
/// and batches of rows, many of them with the same key. Rows are maps as in [Batches].
///
/// @param sortKey all tags of the table, in any order, and perhaps one that no batch has
/// @param rows of each batch
public record RandomWrites(
        TableSchema schema,
        SortKey sortKey,
        List<List<ColumnSchema>> columns,
        List<List<Map<String, Object>>> rows,
        long seed) {
    private static final List<String> TAG_VALUES =
            List.of("", "a", "b", "aa", "a b", "A", "é", "ｚ", "😀", "\uE000", "a\"b", "z".repeat(70));
    private static final List<Object> INTEGERS = List.of(Long.MIN_VALUE, Long.MAX_VALUE, 0L, -1L, 1L);
    private static final List<Object> UNSIGNED = List.of(
            BigInteger.ZERO,
            BigInteger.ONE,
            BigInteger.valueOf(Long.MAX_VALUE),
            BigInteger.ONE.shiftLeft(63),
            BigInteger.ONE.shiftLeft(64).subtract(BigInteger.ONE));
    private static final List<Object> FLOATS = List.of(
            Double.NaN,
            0.0,
            -0.0,
            1.5,
            Double.MIN_VALUE,
            Double.MAX_VALUE,
            Double.POSITIVE_INFINITY,
            Double.NEGATIVE_INFINITY);
    private static final List<Object> STRINGS =
            List.of("", "x", "ünïcödé", "日本語", "😀😀", "line\nline", "q".repeat(200));

    /// Writes of at most this many batches, of at most this many rows.
    public static RandomWrites of(long seed, int maxBatches, int maxRows) {
        var random = new Random(seed);
        List<ColumnSchema> table = new ArrayList<>();
        table.add(ColumnSchema.TIME);
        int tagCount = random.nextInt(5);
        for (int i = 0; i < tagCount; i++) {
            table.add(ColumnSchema.tag("tag" + i));
        }
        for (ColumnType type : ColumnType.values()) {
            for (int i = random.nextInt(3); i > 0; i--) {
                table.add(ColumnSchema.field(type + "." + i, type));
            }
        }
        Collections.shuffle(table, random);
        var tags = new ArrayList<ColumnName>(table.stream()
                .filter(column -> column.kind() == ColumnKind.TAG)
                .map(ColumnSchema::name)
                .toList());
        if (random.nextInt(4) == 0) {
            tags.add(new ColumnName("tag of nobody"));
        }
        Collections.shuffle(tags, random);
        var columns = new ArrayList<List<ColumnSchema>>();
        var rows = new ArrayList<List<Map<String, Object>>>();
        int tagValues = 1 + random.nextInt(TAG_VALUES.size());
        int times = 1 + random.nextInt(Math.max(1, maxRows / 2));
        for (int batch = 1 + random.nextInt(maxBatches); batch > 0; batch--) {
            List<ColumnSchema> written = table.stream()
                    .filter(column -> column.kind() == ColumnKind.TIME || random.nextInt(4) != 0)
                    .toList();
            columns.add(written);
            var rowsOfBatch = new ArrayList<Map<String, Object>>();
            for (int row = random.nextInt(maxRows + 1); row > 0; row--) {
                rowsOfBatch.add(row(written, tagValues, times, random));
            }
            rows.add(rowsOfBatch);
        }
        var schema = new TableSchema(
                new NamespaceName("metrics"), new TableName("cpu"), new TableId(1), PartitionTemplate.DAILY, table);
        return new RandomWrites(schema, new SortKey(tags), columns, rows, seed);
    }

    private static Map<String, Object> row(List<ColumnSchema> columns, int tagValues, int times, Random random) {
        Map<String, Object> row = new HashMap<>();
        for (ColumnSchema column : columns) {
            if (column.kind() == ColumnKind.TIME || random.nextInt(3) != 0) {
                row.put(column.name().value(), value(column, tagValues, times, random));
            }
        }
        return row;
    }

    private static Object value(ColumnSchema column, int tagValues, int times, Random random) {
        return switch (column.kind()) {
            case TIME -> time(random.nextInt(times));
            case TAG -> TAG_VALUES.get(random.nextInt(tagValues));
            case FIELD ->
                switch (column.type()) {
                    case I64 -> any(INTEGERS, random.nextLong(), random);
                    case U64 ->
                        any(UNSIGNED, BigInteger.valueOf(random.nextInt()).abs(), random);
                    case F64 -> any(FLOATS, random.nextGaussian(), random);
                    case BOOL -> random.nextBoolean();
                    case STRING -> any(STRINGS, "s" + random.nextInt(), random);
                };
        };
    }

    private static Object any(List<Object> special, Object ordinary, Random random) {
        return random.nextBoolean() ? ordinary : special.get(random.nextInt(special.size()));
    }

    // The extremes of a long, too: order by subtraction would fail on them.
    private static long time(int number) {
        return switch (number) {
            case 0 -> 0;
            case 1 -> Long.MIN_VALUE;
            case 2 -> Long.MAX_VALUE;
            default -> number % 2 == 0 ? number : -number * 1_000_000_007L;
        };
    }

    /// The batches, which the caller closes.
    public List<RowBatch> batches(BufferAllocator allocator) {
        var random = new Random(seed);
        List<RowBatch> batches = new ArrayList<>();
        for (int i = 0; i < rows.size(); i++) {
            batches.add(Batches.batch(allocator, columns.get(i), rows.get(i), random));
        }
        return batches;
    }

    /// What sorting and merging have to make of them.
    public List<Map<String, Object>> merged() {
        return MergeModel.merge(sortKey, rows);
    }
}
