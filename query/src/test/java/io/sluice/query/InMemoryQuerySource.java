package io.sluice.query;

import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionKey;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableId;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import io.sluice.rows.TimeRange;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.TimeStampNanoTZVector;
import org.apache.arrow.vector.VarCharVector;

/// A table `metrics.cpu` with a tag `host` and a field `usage`, and later `extra`.
public final class InMemoryQuerySource implements QuerySource, AutoCloseable {
    public static final long DAY_NS = PartitionTemplate.DAY_NS;
    private static final ColumnSchema HOST = ColumnSchema.tag("host");
    private static final ColumnSchema USAGE = ColumnSchema.field("usage", ColumnType.F64);
    private static final ColumnSchema EXTRA = ColumnSchema.field("extra", ColumnType.STRING);
    private static final TableSchema SCHEMA = new TableSchema(
            new NamespaceName("metrics"),
            new TableName("cpu"),
            new TableId(1),
            PartitionTemplate.DAILY,
            List.of(ColumnSchema.TIME, HOST, USAGE, EXTRA));

    private final BufferAllocator allocator;
    private final TreeMap<Long, List<RowBatch>> days = new TreeMap<>();

    public InMemoryQuerySource(BufferAllocator allocator) {
        this.allocator = allocator;
    }

    /// Holders of the chunks, the source among them.
    public long holders() {
        return days.values().stream()
                .flatMap(List::stream)
                .mapToLong(RowBatch::holders)
                .sum();
    }

    /// A row; `host` may be empty for null.
    public record Row(long timeNs, String host, double usage) {}

    /// Adds a chunk of rows of one day, with a dictionary of its own.
    public void add(List<Row> rows, boolean withExtra) {
        TimeStampNanoTZVector time = (TimeStampNanoTZVector) RowColumn.newVector(ColumnSchema.TIME, allocator);
        IntVector codes = new IntVector("host", allocator);
        VarCharVector dictionary = new VarCharVector("host", allocator);
        Float8Vector usage = (Float8Vector) RowColumn.newVector(USAGE, allocator);
        Map<String, Integer> values = new HashMap<>();
        long min = Long.MAX_VALUE;
        long max = Long.MIN_VALUE;
        for (int i = 0; i < rows.size(); i++) {
            Row row = rows.get(i);
            time.setSafe(i, row.timeNs());
            usage.setSafe(i, row.usage());
            if (row.host().isEmpty()) {
                codes.setNull(i);
            } else {
                Integer known = values.putIfAbsent(row.host(), values.size());
                if (known == null) {
                    dictionary.setSafe(values.size() - 1, row.host().getBytes(StandardCharsets.UTF_8));
                }
                codes.setSafe(i, known == null ? values.size() - 1 : known);
            }
            min = Math.min(min, row.timeNs());
            max = Math.max(max, row.timeNs());
        }
        time.setValueCount(rows.size());
        codes.setValueCount(rows.size());
        dictionary.setValueCount(values.size());
        usage.setValueCount(rows.size());
        List<RowColumn> columns = new ArrayList<>(List.of(
                new RowColumn.Plain(ColumnSchema.TIME, time),
                new RowColumn.Tag(HOST, codes, dictionary),
                new RowColumn.Plain(USAGE, usage)));
        if (withExtra) {
            VarCharVector extra = (VarCharVector) RowColumn.newVector(EXTRA, allocator);
            for (int i = 0; i < rows.size(); i++) {
                extra.setSafe(i, ("e" + i).getBytes(StandardCharsets.UTF_8));
            }
            extra.setValueCount(rows.size());
            columns.add(new RowColumn.Plain(EXTRA, extra));
        }
        days.computeIfAbsent(Math.floorDiv(min, DAY_NS), _ -> new ArrayList<>())
                .add(new RowBatch(columns, rows.size(), min, max));
    }

    @Override
    public Optional<TableScan> scan(NamespaceName namespace, TableName table) {
        if (!namespace.equals(SCHEMA.namespace()) || !table.equals(SCHEMA.table())) {
            return Optional.empty();
        }
        List<Partition> partitions = new ArrayList<>();
        days.forEach((day, batches) -> partitions.add(new Day(SCHEMA.template().key(day), batches)));
        return Optional.of(new Scan(partitions));
    }

    @Override
    public List<TableSchema> tables() {
        return List.of(SCHEMA);
    }

    private record Scan(List<Partition> partitions) implements TableScan {
        @Override
        public TableSchema schema() {
            return SCHEMA;
        }

        @Override
        public IngesterId ingester() {
            return new IngesterId(new UUID(0, 7));
        }

        @Override
        public SequenceNumber asOf() {
            return new SequenceNumber(42);
        }
    }

    private static final class Day implements Partition {
        private final PartitionKey key;
        private final List<RowBatch> batches;

        Day(PartitionKey key, List<RowBatch> batches) {
            this.key = key;
            this.batches = batches;
        }

        @Override
        public PartitionKey key() {
            return key;
        }

        @Override
        public PartitionRows read(TimeRange times) {
            List<RowBatch> shared = new ArrayList<>();
            for (RowBatch batch : batches) {
                if (times.overlaps(batch.minTimeNs(), batch.maxTimeNs())) {
                    shared.add(batch.share(batch.rowCount()));
                }
            }
            return new PartitionRows(new SequenceNumber(5), shared, batches.size() - shared.size());
        }
    }

    @Override
    public void close() {
        days.values().forEach(batches -> batches.forEach(RowBatch::close));
    }
}
