package io.sluice.persist;

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
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.TimeStampNanoTZVector;
import org.apache.arrow.vector.VarCharVector;

/// Rows of the table `metrics.cpu` with the tag `host` and the field `value`, for tests.
final class Rows {
    static final IngesterId INGESTER = IngesterId.parse("5f0c2a4e-0000-4000-8000-0000000000aa");
    static final NamespaceName NAMESPACE = new NamespaceName("metrics");
    static final ColumnSchema HOST = ColumnSchema.tag("host");
    static final ColumnSchema VALUE = ColumnSchema.field("value", ColumnType.I64);
    static final List<ColumnSchema> COLUMNS = List.of(HOST, VALUE);

    /// One row.
    record Row(String host, long timeNs, long value) {}

    private Rows() {}

    static TableSchema schema(long tableId) {
        return new TableSchema(
                NAMESPACE,
                new TableName("cpu" + tableId),
                new TableId(tableId),
                PartitionTemplate.DAILY,
                List.of(ColumnSchema.TIME, HOST, VALUE));
    }

    static PersistRequest request(
            BufferAllocator allocator,
            TableSchema schema,
            String key,
            long minSequence,
            long maxSequence,
            FreezeReason reason,
            Row... rows) {
        return new PersistRequest(
                schema,
                new PartitionKey(key),
                INGESTER,
                new SequenceNumber(minSequence),
                new SequenceNumber(maxSequence),
                List.of(batch(allocator, rows)),
                reason);
    }

    /// A request of one row, the value being `maxSequence`.
    static PersistRequest request(
            BufferAllocator allocator, TableSchema schema, String key, long minSequence, long maxSequence) {
        return request(
                allocator,
                schema,
                key,
                minSequence,
                maxSequence,
                FreezeReason.HOT,
                new Row("a", maxSequence, maxSequence));
    }

    static RowBatch batch(BufferAllocator allocator, Row... rows) {
        var hosts =
                new ArrayList<>(new TreeSet<>(Arrays.stream(rows).map(Row::host).toList()));
        var time = (TimeStampNanoTZVector) RowColumn.newVector(ColumnSchema.TIME, allocator);
        var value = (BigIntVector) RowColumn.newVector(VALUE, allocator);
        var codes = new IntVector("host", allocator);
        var dictionary = new VarCharVector("host", allocator);
        for (int i = 0; i < hosts.size(); i++) {
            dictionary.setSafe(i, hosts.get(i).getBytes(StandardCharsets.UTF_8));
        }
        dictionary.setValueCount(hosts.size());
        long min = Long.MAX_VALUE;
        long max = Long.MIN_VALUE;
        for (int i = 0; i < rows.length; i++) {
            time.setSafe(i, rows[i].timeNs());
            value.setSafe(i, rows[i].value());
            codes.setSafe(i, hosts.indexOf(rows[i].host()));
            min = Math.min(min, rows[i].timeNs());
            max = Math.max(max, rows[i].timeNs());
        }
        time.setValueCount(rows.length);
        value.setValueCount(rows.length);
        codes.setValueCount(rows.length);
        return new RowBatch(
                List.of(
                        new RowColumn.Plain(ColumnSchema.TIME, time),
                        new RowColumn.Tag(HOST, codes, dictionary),
                        new RowColumn.Plain(VALUE, value)),
                rows.length,
                min,
                max);
    }
}
