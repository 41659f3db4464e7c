package io.sluice.persist.parquet;

import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionKey;
import io.sluice.model.SequenceNumber;
import io.sluice.model.SortKey;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.rows.RowBatch;
import io.sluice.rows.merge.Batches;
import io.sluice.rows.merge.MergedRows;
import io.sluice.rows.merge.RandomWrites;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.arrow.memory.RootAllocator;

/// Files from rows that are maps, as in [Batches].
final class Encoding {
    static final IngesterId INGESTER = IngesterId.parse("5f0c2a4e-0000-4000-8000-0000000000aa");
    private static final long ARBITRARY_SEED = 1;

    /// A file, and what the encoder said of it.
    record Made(byte[] bytes, EncodedFile file) {}

    private Encoding() {}

    static FileMetadata metadata(SortKey sortKey) {
        return new FileMetadata(
                INGESTER,
                new SequenceNumber(7),
                new SequenceNumber(9),
                new NamespaceName("metrics"),
                new TableName("cpu"),
                new PartitionKey("2026-11-21"),
                sortKey,
                Instant.parse("2026-11-21T10:11:12.123456789Z"));
    }

    static Made encode(RandomWrites writes, ParquetSettings settings) throws IOException {
        try (var allocator = new RootAllocator()) {
            List<RowBatch> batches = writes.batches(allocator);
            try {
                var out = new ByteArrayOutputStream();
                EncodedFile file = encode(writes.schema(), writes.sortKey(), settings, batches, out);
                return new Made(out.toByteArray(), file);
            } finally {
                batches.forEach(RowBatch::close);
            }
        }
    }

    /// Encodes rows as one batch.
    static Made encode(TableSchema schema, SortKey sortKey, ParquetSettings settings, List<Map<String, Object>> rows)
            throws IOException {
        var out = new ByteArrayOutputStream();
        EncodedFile file = encodeTo(schema, sortKey, settings, rows, out);
        return new Made(out.toByteArray(), file);
    }

    /// Encodes rows as one batch into a stream, which may fail.
    static EncodedFile encodeTo(
            TableSchema schema,
            SortKey sortKey,
            ParquetSettings settings,
            List<Map<String, Object>> rows,
            OutputStream out)
            throws IOException {
        try (var allocator = new RootAllocator();
                var batch = Batches.batch(allocator, schema.columns(), rows, new Random(ARBITRARY_SEED))) {
            return encode(schema, sortKey, settings, List.of(batch), out);
        }
    }

    private static EncodedFile encode(
            TableSchema schema, SortKey sortKey, ParquetSettings settings, List<RowBatch> batches, OutputStream out)
            throws IOException {
        return new ParquetEncoder(settings, EncodeHelpers.NONE, () -> 0)
                .encode(MergedRows.of(schema, sortKey, batches), metadata(sortKey), out);
    }
}
