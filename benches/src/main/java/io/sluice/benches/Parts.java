package io.sluice.benches;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.admission.IngestState;
import io.sluice.ingester.admission.Refusals;
import io.sluice.ingester.admission.TimestampOracle;
import io.sluice.ingester.buffer.BufferTree;
import io.sluice.ingester.door.RetryDelays;
import io.sluice.ingester.schema.PartitionSplitter;
import io.sluice.ingester.schema.SchemaCache;
import io.sluice.ingester.sink.StableWatermark;
import io.sluice.ingester.sink.WalSink;
import io.sluice.ingester.write.InFlightWrites;
import io.sluice.ingester.write.WritePath;
import io.sluice.ingester.write.WritePreparer;
import io.sluice.model.IngesterId;
import io.sluice.model.SequenceNumber;
import io.sluice.persist.catalog.Catalog;
import io.sluice.persist.catalog.Catalogs;
import io.sluice.wal.CorruptionPolicy;
import io.sluice.wal.GroupLimits;
import io.sluice.wal.Wal;
import io.sluice.wal.WalListener;
import io.sluice.wal.WalSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Comparator;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.apache.arrow.memory.RootAllocator;

/// The write path without doors and without persist: rows stay in the buffer.
final class Parts implements AutoCloseable {
    private static final long SEGMENT_BYTES = 16L << 20;
    private static final int MAX_WRITES = 100_000;
    private static final long NEVER_HOT = Long.MAX_VALUE;

    final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    final RootAllocator allocator = new RootAllocator();
    final StableWatermark stable = new StableWatermark();
    final Wal wal;
    final Catalog catalog;
    final BufferTree buffer;
    final WritePreparer preparer;
    final WalSink sink;
    final WritePath writes;

    /// @param directory for log and catalog
    Parts(Path directory) throws IOException {
        this.wal = Wal.open(walSettings(directory), Clock.systemUTC(), System::nanoTime, metrics);
        this.catalog = Catalogs.open("sqlite:" + directory.resolve("catalog.db"), Clock.systemUTC());
        SchemaCache schemas = new SchemaCache(catalog, true);
        this.buffer = new BufferTree(
                new IngesterId(new UUID(1, 1)),
                schemas,
                catalog,
                stable,
                _ -> CompletableFuture.failedStage(new IllegalStateException("nothing is persisted here")),
                NEVER_HOT,
                allocator,
                System::nanoTime,
                Runnable::run);
        this.preparer = new WritePreparer(schemas, new PartitionSplitter(allocator), buffer);
        this.sink = new WalSink(wal, buffer, stable);
        this.writes = new WritePath(
                new IngestState(System::nanoTime, metrics),
                new InFlightWrites(Long.MAX_VALUE, MAX_WRITES, System::nanoTime, metrics),
                Duration.ofSeconds(1),
                new Refusals(new RetryDelays(Math::random)),
                preparer,
                sink);
    }

    /// Makes the log take writes.
    void start() throws IOException {
        wal.start(
                new TimestampOracle(wal.lastSequence()),
                new UUID(1, 1),
                Thread.ofPlatform().name("wal-", 0).factory(),
                new WalListener() {
                    @Override
                    public void completed(SequenceNumber through) {
                        sink.completed(through);
                    }

                    @Override
                    public void failed(IOException cause) {
                        throw new IllegalStateException(cause);
                    }
                });
    }

    static WalSettings walSettings(Path directory) {
        return new WalSettings(
                directory.resolve("wal"),
                SEGMENT_BYTES,
                Long.MAX_VALUE / 4,
                Duration.ofMinutes(5),
                Long.MAX_VALUE / 4,
                MAX_WRITES,
                GroupLimits.DEFAULT,
                WalSettings.Compression.NONE,
                true,
                CorruptionPolicy.FAIL);
    }

    @Override
    public void close() throws IOException {
        wal.close();
        buffer.close();
        allocator.close();
        catalog.close();
    }

    static void delete(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
