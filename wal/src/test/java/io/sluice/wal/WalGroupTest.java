package io.sluice.wal;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.model.SequenceNumber;
import io.sluice.wal.format.SegmentFormat;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What shares a sync.
final class WalGroupTest {
    private static final byte[] ARBITRARY_PAYLOAD = {1, 2, 3};

    @TempDir
    private Path folder = Path.of("");

    private Wal open(Disk disk, LongSupplier nanoTime, MeterRegistry metrics) throws IOException {
        WalSettings settings = WalFolder.settings(
                folder.resolve("wal"), 1 << 20, Duration.ofMinutes(5), 100_000, 10, CorruptionPolicy.FAIL);
        return Wal.open(settings, disk, Clock.systemUTC(), nanoTime, metrics);
    }

    @Test
    void whatWaitsDuringASyncSharesTheNext() throws Exception {
        FaultyDisk disk = new FaultyDisk();
        try (Wal wal = open(disk, System::nanoTime, new SimpleMeterRegistry())) {
            WalFolder.start(wal);
            int before = disk.writes.get();
            disk.gate = new CountDownLatch(1);
            List<CompletableFuture<SequenceNumber>> writes = new ArrayList<>();
            writes.add(WalFolder.append(wal, ARBITRARY_PAYLOAD));
            disk.writing.await();
            for (int i = 0; i < 8; i++) {
                writes.add(WalFolder.append(wal, ARBITRARY_PAYLOAD));
            }
            assertThat(writes).noneMatch(CompletableFuture::isDone);
            disk.gate.countDown();
            for (int i = 0; i < writes.size(); i++) {
                assertThat(writes.get(i).get().value()).isEqualTo(i + 1);
            }
            assertThat(disk.writes.get() - before).isEqualTo(2);
        }
    }

    @Test
    void noMoreBytesShareASyncThanMay() throws Exception {
        FaultyDisk disk = new FaultyDisk();
        try (Wal wal = open(disk, System::nanoTime, new SimpleMeterRegistry())) {
            WalFolder.start(wal);
            long entryBytes = SegmentFormat.entryBytes(ARBITRARY_PAYLOAD.length);
            int before = disk.writes.get();
            disk.gate = new CountDownLatch(1);
            List<CompletableFuture<SequenceNumber>> writes = new ArrayList<>();
            writes.add(WalFolder.append(wal, ARBITRARY_PAYLOAD));
            disk.writing.await();
            for (int i = 0; i < 6; i++) {
                writes.add(WalFolder.append(wal, ARBITRARY_PAYLOAD));
            }
            wal.reconfigure(new GroupLimits(Duration.ZERO, 0, 2 * entryBytes));
            writes.add(WalFolder.append(wal, new byte[100])); // longer than a group may be
            disk.gate.countDown();
            for (int i = 0; i < writes.size(); i++) {
                assertThat(writes.get(i).get().value()).isEqualTo(i + 1);
            }
            assertThat(disk.writes.get() - before)
                    .as("the first, three of two each, and the long one")
                    .isEqualTo(5);
        }
    }

    @Test
    void howLongWritesWaitForOneAnotherChangesWhileTheLogRuns() throws Exception {
        AtomicLong nowNs = new AtomicLong(-7);
        SimpleMeterRegistry metrics = new SimpleMeterRegistry();
        try (Wal wal = open(new RealDisk(true), nowNs::get, metrics)) {
            wal.start(WalFolder.numbersFrom(wal.lastSequence()), WalFolder.OWNER, WalFolder.THREADS, new WalListener() {
                @Override
                public void failed(IOException cause) {
                    throw new AssertionError(cause);
                }

                @Override
                public int writesInFlight() {
                    return 10;
                }
            });
            assertThat(WalFolder.append(wal, ARBITRARY_PAYLOAD).get().value())
                    .as("no wait at first, though the clock stands")
                    .isEqualTo(1);
            wal.reconfigure(new GroupLimits(Duration.ofMillis(10), 9, GroupLimits.MOST_BYTES));
            List<CompletableFuture<SequenceNumber>> together = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                together.add(WalFolder.append(wal, ARBITRARY_PAYLOAD));
            }
            CompletableFuture<Void> all = CompletableFuture.allOf(together.toArray(CompletableFuture[]::new));
            while (!all.isDone()) { // the clock goes on, whenever it was that the log looked at it first
                nowNs.addAndGet(Duration.ofMillis(10).toNanos());
                Thread.onSpinWait();
            }
            assertThat(metrics.get("sluice.wal.batch.entries").summary().count())
                    .as("groups")
                    .isEqualTo(2);
            wal.reconfigure(new GroupLimits(Duration.ofMillis(10), 10, GroupLimits.MOST_BYTES));
            assertThat(WalFolder.append(wal, ARBITRARY_PAYLOAD).get().value())
                    .as("too few others are in flight to wait for")
                    .isEqualTo(7);
        }
    }
}
