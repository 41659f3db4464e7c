package io.sluice.persist;

import io.sluice.model.SortKey;
import io.sluice.persist.parquet.EncodeHelpers;
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
import java.util.concurrent.ThreadFactory;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/// Sorted and merged rows as Parquet.
final class ParquetFormat implements FileFormat {
    /// Heap for each row beside the request's own memory, at its greatest: while rows are sorted of which each is a
    /// series of its own. Less than half of it if series have several rows.
    private static final long ORDER_BYTES_PER_ROW = 96;

    private final Supplier<ParquetSettings> settings;
    private final EncodeHelpers helpers;
    private final InstantSource clock;
    private final LongSupplier nanoTime;

    /// @param settings asked for each file
    ParquetFormat(
            Supplier<ParquetSettings> settings, EncodeHelpers helpers, InstantSource clock, LongSupplier nanoTime) {
        this.settings = settings;
        this.helpers = helpers;
        this.clock = clock;
        this.nanoTime = nanoTime;
    }

    private ParquetEncoder encoder() {
        return new ParquetEncoder(settings.get(), helpers, nanoTime);
    }

    @Override
    public void start(ThreadFactory threadFactory) {
        helpers.start(threadFactory);
    }

    @Override
    public void stop() {
        helpers.stop();
    }

    @Override
    public SortKey extend(SortKey key, List<RowBatch> batches) {
        return SortKeys.extend(key, batches);
    }

    @Override
    public long workingMemoryBytes(PersistRequest request) {
        long rows = request.rowCount();
        long memoryBytes = request.memoryBytes();
        return memoryBytes + ORDER_BYTES_PER_ROW * rows + encoder().workingMemoryBytes(rows, memoryBytes);
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
                EncodedFile file = encoder().encode(rows, metadata, out);
                return new Encoded(
                        file.rowCount(),
                        file.sizeBytes(),
                        file.minTimeNs(),
                        file.maxTimeNs(),
                        file.merge(),
                        file.encode(),
                        file.write());
            }

            @Override
            public void close() {
                // A view of the request, which its owner closes.
            }
        };
    }
}
