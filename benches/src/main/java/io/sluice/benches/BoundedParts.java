package io.sluice.benches;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.admission.IngestState;
import io.sluice.ingester.admission.Refusals;
import io.sluice.ingester.admission.TimestampOracle;
import io.sluice.ingester.buffer.BufferTree;
import io.sluice.ingester.buffer.BufferTree.BufferStatistics;
import io.sluice.ingester.door.RetryDelays;
import io.sluice.ingester.ledger.Account;
import io.sluice.ingester.ledger.Ledger;
import io.sluice.ingester.ledger.LedgerLimits;
import io.sluice.ingester.replay.WalReplayer;
import io.sluice.ingester.rotation.MemoryMarks;
import io.sluice.ingester.rotation.PersistTriggers;
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
import io.sluice.wal.ReplayReport;
import io.sluice.wal.Wal;
import io.sluice.wal.WalListener;
import io.sluice.wal.WalSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.arrow.memory.AllocationListener;
import org.apache.arrow.memory.RootAllocator;

/// The write path within a limit of memory, as the service has it: its triggers freeze rows, looked at as often as
/// there; what is frozen is recorded and let go of ([DiscardingPersist]). Replays a log, or takes live writes.
final class BoundedParts implements AutoCloseable {
    /// As in the service.
    private static final long TICK_MILLIS = 100;

    private static final long HOT_BYTES = 64L << 20;
    private static final Duration MAX_AGE = Duration.ofMinutes(10);
    private static final long ALIGNMENT_BYTES = 64;
    private static final int MAX_WRITES = 100_000;
    private static final IngesterId INGESTER = new IngesterId(new UUID(1, 1));

    private final Path directory;
    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final RootAllocator allocator = new RootAllocator(
            AllocationListener.NOOP, Long.MAX_VALUE, size -> (size + ALIGNMENT_BYTES - 1) & -ALIGNMENT_BYTES);
    private final StableWatermark stable = new StableWatermark();
    private final Wal wal;
    private final Catalog catalog;
    private final DiscardingPersist persist;
    private final BufferTree buffer;
    private final MemoryMarks memory;
    private final PersistTriggers triggers;
    private final WritePreparer preparer;
    private final ScheduledExecutorService ticks;
    private long ledgerPeakBytes;

    /// @param directory for the catalog
    /// @param limitBytes of the rows in memory
    BoundedParts(WalSettings log, Path directory, long limitBytes) throws IOException {
        this.directory = directory;
        this.wal = Wal.open(log, Clock.systemUTC(), System::nanoTime, metrics);
        this.catalog = Catalogs.open("sqlite:" + directory.resolve("catalog.db"), Clock.systemUTC());
        SchemaCache schemas = new SchemaCache(catalog, true);
        this.persist = new DiscardingPersist(catalog, INGESTER);
        this.buffer = new BufferTree(
                INGESTER, schemas, catalog, stable, persist, HOT_BYTES, allocator, System::nanoTime, Runnable::run);
        // A state of its own: here writes wait for room, and none is refused.
        SimpleMeterRegistry unseen = new SimpleMeterRegistry();
        Ledger ledger = new Ledger(
                new LedgerLimits(limitBytes, limitBytes, limitBytes),
                Map.of(
                        Account.FILLING,
                        () -> buffer.memoryBytes() - buffer.frozenBytes(),
                        Account.FROZEN,
                        buffer::frozenBytes),
                unseen);
        this.memory = new MemoryMarks(
                ledger,
                buffer,
                new IngestState(System::nanoTime, unseen),
                new InFlightWrites(Long.MAX_VALUE, MAX_WRITES, System::nanoTime, unseen));
        this.triggers = new PersistTriggers(buffer, wal, memory, () -> false, MAX_AGE, MAX_AGE);
        this.preparer = new WritePreparer(schemas, new PartitionSplitter(allocator), buffer);
        this.ticks = Executors.newSingleThreadScheduledExecutor(
                Thread.ofPlatform().name("tick-", 0).factory());
    }

    /// What a replay took and found.
    ///
    /// @param arrowPeakBytes the most that Arrow's allocator had given out: the rows in the buffer, and
    ///     those on their way to it
    /// @param ledgerPeakBytes the most that the buffer counted
    record Replayed(
            double seconds, long writes, long payloadBytes, long rows, long arrowPeakBytes, long ledgerPeakBytes) {}

    /// Replays the whole log, which stays as it is. Once.
    ///
    /// @throws IOException also if a row of the log is neither in the buffer nor recorded afterwards
    Replayed replay() throws IOException, InterruptedException {
        var _ = ticks.scheduleWithFixedDelay(memory::check, TICK_MILLIS, TICK_MILLIS, TimeUnit.MILLISECONDS);
        WalReplayer replayer = new WalReplayer(
                directory.resolve("quarantine"),
                preparer,
                buffer,
                stable,
                this::awaitRoom,
                Thread.ofPlatform().name("replay-", 0).factory(),
                metrics);
        long startNanos = System.nanoTime();
        ReplayReport report = replayer.replay(wal, SequenceNumber.NONE);
        double seconds = (System.nanoTime() - startNanos) / 1e9;
        note(buffer.memoryBytes());
        persist.close();
        long rows = (long) metrics.get("sluice.replay.rows").counter().count();
        BufferStatistics left = buffer.statistics();
        long found = left.fillingRows() + left.frozenRows() + persist.rows();
        if (found != rows || !report.problems().isEmpty()) {
            throw new IOException("expected %d rows in the buffer and in files, found %d; the log's problems: %s"
                    .formatted(rows, found, report.problems()));
        }
        return new Replayed(
                seconds,
                report.entries(),
                report.payloadBytes(),
                rows,
                allocator.getPeakMemoryAllocation(),
                ledgerPeakBytes);
    }

    private void awaitRoom() throws InterruptedException {
        note(buffer.memoryBytes());
        memory.awaitRoom();
    }

    private void note(long heldBytes) {
        ledgerPeakBytes = Math.max(ledgerPeakBytes, heldBytes);
    }

    /// Makes the log take writes, which wait for room themselves.
    LiveWrites startLive() throws IOException {
        return new LiveWrites(start(), memory::awaitRoom);
    }

    /// Makes the log take writes, and lets go of its segments as rows are recorded.
    WritePath start() throws IOException {
        WalSink sink = new WalSink(wal, buffer, stable);
        WritePath writes = new WritePath(
                new IngestState(System::nanoTime, metrics),
                new InFlightWrites(Long.MAX_VALUE, MAX_WRITES, System::nanoTime, metrics),
                Duration.ofSeconds(1),
                new Refusals(new RetryDelays(Math::random)),
                preparer,
                sink);
        wal.start(
                new TimestampOracle(wal.lastSequence()),
                INGESTER.value(),
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
        var _ = ticks.scheduleWithFixedDelay(triggers::tick, TICK_MILLIS, TICK_MILLIS, TimeUnit.MILLISECONDS);
        return writes;
    }

    /// Nothing is on its way any more.
    @Override
    public void close() throws IOException {
        ticks.close();
        persist.close();
        wal.close();
        buffer.close();
        allocator.close();
        catalog.close();
    }
}
