package io.sluice.benches;

import io.sluice.ingester.buffer.PersistPort;
import io.sluice.model.IngesterId;
import io.sluice.persist.PersistRequest;
import io.sluice.persist.PersistedFile;
import io.sluice.persist.catalog.Catalog;
import io.sluice.persist.catalog.FileRecord;
import io.sluice.rows.RowBatch;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;

/// A persist that costs nothing but its transaction: no row is sorted, encoded or stored, but the catalog learns of a
/// file, so that the buffer lets go of the rows. A job that fails ends the process: whoever waits for memory would wait
/// for ever.
final class DiscardingPersist implements PersistPort, AutoCloseable {
    private static final int EXIT_FAILED = 1;

    private final Catalog catalog;
    private final long epoch;
    private final ExecutorService thread;
    private final AtomicLong rows = new AtomicLong();

    /// @param ingester whose rows come
    DiscardingPersist(Catalog catalog, IngesterId ingester) throws IOException {
        this.catalog = catalog;
        this.epoch = catalog.registerIngester(ingester).epoch();
        this.thread = Executors.newSingleThreadExecutor(
                Thread.ofPlatform().name("discard-", 0).factory());
    }

    /// Rows that were recorded.
    long rows() {
        return rows.get();
    }

    @Override
    public CompletionStage<PersistedFile> enqueue(PersistRequest request) {
        CompletableFuture<PersistedFile> done = new CompletableFuture<>();
        thread.execute(() -> {
            try (request) {
                FileRecord file = file(request);
                catalog.recordFile(file, epoch);
                rows.addAndGet(request.rowCount());
                done.complete(new PersistedFile(file, request.rowCount(), Duration.ZERO, Duration.ZERO));
            } catch (IOException | RuntimeException e) {
                e.printStackTrace();
                Runtime.getRuntime().halt(EXIT_FAILED);
            }
        });
        return done;
    }

    private static FileRecord file(PersistRequest request) {
        long minTimeNs =
                request.batches().stream().mapToLong(RowBatch::minTimeNs).min().orElseThrow();
        long maxTimeNs =
                request.batches().stream().mapToLong(RowBatch::maxTimeNs).max().orElseThrow();
        return new FileRecord(
                "%s/%s/%s-%s"
                        .formatted(
                                request.schema().table(), request.key(), request.minSequence(), request.maxSequence()),
                request.schema().namespace(),
                request.schema().table(),
                request.partition(),
                request.ingester(),
                request.minSequence(),
                request.maxSequence(),
                request.rowCount(),
                Math.max(1, request.memoryBytes()),
                minTimeNs,
                maxTimeNs,
                Instant.EPOCH);
    }

    /// Waits for what was enqueued.
    @Override
    public void close() {
        thread.close();
    }
}
