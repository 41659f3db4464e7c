package io.sluice.persist;

import io.sluice.model.SortKey;
import io.sluice.persist.parquet.EncodedFile;
import io.sluice.persist.parquet.FileMetadata;
import io.sluice.persist.parquet.ParquetEncoder;
import io.sluice.persist.parquet.ParquetSettings;
import io.sluice.rows.RowBatch;
import io.sluice.rows.merge.MergedRows;
import io.sluice.rows.merge.SortKeys;
import java.io.IOException;
import java.io.OutputStream;
import java.time.InstantSource;
import java.util.List;

/// Sorted and merged rows as Parquet.
final class ParquetFormat implements FileFormat {
    /// Heap for each row beside the request's own memory: the order, the times, and a column of values at a time for
    /// the encoder, which holds all of a file's columns.
    private static final long ORDER_BYTES_PER_ROW = 24;

    private static final long COLUMN_BYTES_PER_ROW = 9;

    private final ParquetEncoder encoder;
    private final InstantSource clock;

    ParquetFormat(ParquetSettings settings, InstantSource clock) {
        this.encoder = new ParquetEncoder(settings);
        this.clock = clock;
    }

    @Override
    public SortKey extend(SortKey key, List<RowBatch> batches) {
        return SortKeys.extend(key, batches);
    }

    @Override
    public long workingMemoryBytes(PersistRequest request) {
        long perRow = ORDER_BYTES_PER_ROW
                + COLUMN_BYTES_PER_ROW * request.schema().columns().size();
        return request.memoryBytes() + perRow * request.rowCount();
    }

    @Override
    public SortedRows sort(PersistRequest request, SortKey key) {
        MergedRows rows = MergedRows.of(request.schema(), key, request.batches());
        FileMetadata metadata = new FileMetadata(
                request.ingester(),
                request.minSequence(),
                request.maxSequence(),
                request.schema().namespace(),
                request.schema().table(),
                request.key(),
                key,
                clock.instant());
        return new SortedRows() {
            @Override
            public Encoded encode(OutputStream out) throws IOException {
                EncodedFile file = encoder.encode(rows, metadata, out);
                return new Encoded(file.rowCount(), file.sizeBytes(), file.minTimeNs(), file.maxTimeNs());
            }

            @Override
            public void close() {
                // A view of the request, which its owner closes.
            }
        };
    }
}
