package io.sluice.wal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.model.SequenceNumber;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The log while it runs: DESIGN §1, invariants 1, 2, 4 and 7.
final class WalTest {
    private static final byte[] ARBITRARY_PAYLOAD = {1, 2, 3};

    @TempDir
    private Path folder = Path.of("");

    /// Segments' files on the real disk that can be made to fail, or to wait, when they sync.
    private static final class FaultyFiles implements SegmentFile.Factory {
        private final AtomicInteger syncs = new AtomicInteger();
        private volatile boolean failSync;
        private volatile boolean failWrite;
        private volatile boolean failCreate;
        private volatile CountDownLatch gate = new CountDownLatch(0);
        private final CountDownLatch syncing = new CountDownLatch(1);

        @Override
        public SegmentFile create(Path file) throws IOException {
            if (failCreate) {
                throw new IOException("no space left (made to fail)");
            }
            SegmentFile real = DiskSegmentFile.create(file);
            return new SegmentFile() {
                @Override
                public void write(ByteBuffer bytes) throws IOException {
                    if (failWrite) {
                        throw new IOException("write (made to fail)");
                    }
                    real.write(bytes);
                }

                @Override
                public void sync() throws IOException {
                    syncs.incrementAndGet();
                    if (gate.getCount() > 0) {
                        syncing.countDown();
                        try {
                            gate.await();
                        } catch (InterruptedException e) {
                            throw new IOException(e);
                        }
                    }
                    if (failSync) {
                        throw new IOException("sync (made to fail)");
                    }
                    real.sync();
                }

                @Override
                public void close() throws IOException {
                    real.close();
                }
            };
        }
    }

    private WalSettings settings(long segmentBytes) {
        return new WalSettings(
                folder.resolve("wal"), segmentBytes, Duration.ofMinutes(5), 1_000, 10, CorruptionPolicy.FAIL);
    }

    private Wal open(WalSettings settings, SegmentFile.Factory files) throws IOException {
        return Wal.open(settings, files, Clock.systemUTC(), System::nanoTime, new SimpleMeterRegistry());
    }

    private static void start(Wal wal, List<IOException> failures) throws IOException {
        wal.start(
                WalFolder.numbersFrom(wal.lastSequence()),
                Thread.ofPlatform().name("wal").factory(),
                failures::add);
    }

    @Test
    void whatWaitsDuringASyncSharesTheNext() throws Exception {
        FaultyFiles files = new FaultyFiles();
        try (Wal wal = open(settings(1 << 20), files)) {
            start(wal, new ArrayList<>());
            int before = files.syncs.get();
            files.gate = new CountDownLatch(1);
            List<CompletableFuture<SequenceNumber>> writes = new ArrayList<>();
            writes.add(WalFolder.append(wal, ARBITRARY_PAYLOAD));
            files.syncing.await();
            for (int i = 0; i < 8; i++) {
                writes.add(WalFolder.append(wal, ARBITRARY_PAYLOAD));
            }
            assertThat(writes).noneMatch(CompletableFuture::isDone);
            files.gate.countDown();
            for (int i = 0; i < writes.size(); i++) {
                assertThat(writes.get(i).get().value()).isEqualTo(i + 1);
            }
            assertThat(files.syncs.get() - before).isEqualTo(2);
        }
    }

    @Test
    void numbersAreGivenDenselyAndCompletedInOrder() throws Exception {
        List<Long> completed = Collections.synchronizedList(new ArrayList<>());
        WalFolder log = new WalFolder(folder.resolve("wal"), 4_096);
        int perThread = 100;
        try (Wal wal = log.open()) {
            WalFolder.start(wal);
            List<Thread> threads = new ArrayList<>();
            CountDownLatch done = new CountDownLatch(8 * perThread);
            for (int t = 0; t < 8; t++) {
                threads.add(Thread.ofPlatform().start(() -> {
                    for (int i = 0; i < perThread; i++) {
                        appendUntilTaken(wal, completed, done);
                    }
                }));
            }
            done.await();
            for (Thread thread : threads) {
                thread.join();
            }
        }
        assertThat(completed).hasSize(8 * perThread).isSorted();
        assertThat(completed.getLast()).isEqualTo(8L * perThread);
        assertThat(log.replay().entries()).hasSize(8 * perThread);
    }

    private static void appendUntilTaken(Wal wal, List<Long> completed, CountDownLatch done) {
        while (true) {
            try {
                wal.append(ARBITRARY_PAYLOAD, new AppendListener() {
                    @Override
                    public void durable(SequenceNumber sequence) {
                        completed.add(sequence.value());
                        done.countDown();
                    }

                    @Override
                    public void failed(IOException cause) {
                        throw new AssertionError(cause);
                    }
                });
                return;
            } catch (WalRefusedException e) {
                Thread.onSpinWait();
            }
        }
    }

    @Test
    void aFullQueueRefusesWithoutEffect() throws Exception {
        FaultyFiles files = new FaultyFiles();
        try (Wal wal = open(settings(1 << 20), files)) {
            start(wal, new ArrayList<>());
            files.gate = new CountDownLatch(1);
            List<CompletableFuture<SequenceNumber>> writes = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                writes.add(WalFolder.append(wal, ARBITRARY_PAYLOAD));
            }
            assertThatThrownBy(() -> WalFolder.append(wal, ARBITRARY_PAYLOAD))
                    .isInstanceOfSatisfying(
                            WalRefusedException.class,
                            e -> assertThat(e.reason()).isEqualTo(WalRefusedException.Reason.QUEUE_FULL))
                    .hasMessageContaining("10 of 10 entries");
            files.gate.countDown();
            for (CompletableFuture<SequenceNumber> write : writes) {
                write.get();
            }
            assertThat(WalFolder.append(wal, ARBITRARY_PAYLOAD).get().value()).isEqualTo(11);
        }
    }

    @Test
    void aFailedSyncIsFinalAndNothingIsSyncedAgain() throws Exception {
        FaultyFiles files = new FaultyFiles();
        List<IOException> failures = Collections.synchronizedList(new ArrayList<>());
        int syncsAtFailure;
        try (Wal wal = open(settings(1 << 20), files)) {
            start(wal, failures);
            WalFolder.append(wal, ARBITRARY_PAYLOAD).get();
            files.failSync = true;
            CompletableFuture<SequenceNumber> lost = WalFolder.append(wal, ARBITRARY_PAYLOAD);
            assertThatThrownBy(lost::get)
                    .isInstanceOf(ExecutionException.class)
                    .hasRootCauseMessage("sync (made to fail)");
            int syncs = files.syncs.get();
            files.failSync = false;
            assertThatThrownBy(() -> WalFolder.append(wal, ARBITRARY_PAYLOAD))
                    .isInstanceOfSatisfying(
                            WalRefusedException.class,
                            e -> assertThat(e.reason()).isEqualTo(WalRefusedException.Reason.FAILED));
            assertThat(wal.status().state()).isEqualTo(WalStatus.State.FAILED);
            syncsAtFailure = syncs;
        }
        assertThat(files.syncs.get()).isEqualTo(syncsAtFailure);
        assertThat(failures).hasSize(1);
    }

    @Test
    void aFailedWriteIsFinal() throws Exception {
        FaultyFiles files = new FaultyFiles();
        List<IOException> failures = Collections.synchronizedList(new ArrayList<>());
        try (Wal wal = open(settings(1 << 20), files)) {
            start(wal, failures);
            files.failWrite = true;
            CompletableFuture<SequenceNumber> lost = WalFolder.append(wal, ARBITRARY_PAYLOAD);
            assertThatThrownBy(lost::get).hasRootCauseMessage("write (made to fail)");
            assertThat(failures).hasSize(1);
        }
    }

    @Test
    void noRoomForTheNextSegmentRefusesUntilThereIsAndFailsNothing() throws Exception {
        FaultyFiles files = new FaultyFiles();
        List<IOException> failures = new ArrayList<>();
        try (Wal wal = open(settings(100), files)) {
            start(wal, failures);
            WalFolder.append(wal, new byte[50]).get();
            files.failCreate = true;
            assertThat(WalFolder.append(wal, new byte[50]).get())
                    .as("taken before it was known: goes to the open segment")
                    .isEqualTo(new SequenceNumber(2));
            assertThatThrownBy(() -> WalFolder.append(wal, ARBITRARY_PAYLOAD))
                    .isInstanceOfSatisfying(
                            WalRefusedException.class,
                            e -> assertThat(e.reason()).isEqualTo(WalRefusedException.Reason.NO_SPACE));
            files.failCreate = false;
            SequenceNumber third = appendOnceTaken(wal);
            assertThat(third).isEqualTo(new SequenceNumber(3));
            assertThat(failures).isEmpty();
        }
    }

    private static SequenceNumber appendOnceTaken(Wal wal) throws Exception {
        while (true) {
            try {
                return WalFolder.append(wal, ARBITRARY_PAYLOAD).get();
            } catch (WalRefusedException e) {
                Thread.onSpinWait();
            }
        }
    }

    @Test
    void aSegmentIsClosedBySizeAndByAge() throws Exception {
        AtomicLong nowNs = new AtomicLong();
        WalSettings settings = new WalSettings(
                folder.resolve("wal"), 1_000, Duration.ofSeconds(10), 1 << 20, 1_000, CorruptionPolicy.FAIL);
        try (Wal wal = Wal.open(settings, Clock.systemUTC(), nowNs::get, new SimpleMeterRegistry())) {
            start(wal, new ArrayList<>());
            WalFolder.append(wal, new byte[800]).get();
            WalFolder.append(wal, new byte[800]).get();
            assertThat(wal.status().segments()).isEqualTo(2);
            nowNs.addAndGet(Duration.ofSeconds(11).toNanos());
            WalFolder.append(wal, ARBITRARY_PAYLOAD).get();
            assertThat(wal.status().segments()).isEqualTo(3);
            WalFolder.append(wal, new byte[5_000]).get();
            assertThat(wal.status().segments())
                    .as("a long entry has a segment of its own")
                    .isEqualTo(4);
        }
    }

    @Test
    void onlyClosedSegmentsBelowTheMarkAreDeleted() throws Exception {
        WalFolder log = new WalFolder(folder.resolve("wal"), 100);
        try (Wal wal = log.open()) {
            WalFolder.start(wal);
            for (int i = 0; i < 5; i++) {
                WalFolder.append(wal, new byte[90]).get();
            }
            assertThat(wal.status().segments()).isEqualTo(5);
            wal.deleteBelow(new SequenceNumber(3));
            assertThat(wal.status().segments()).isEqualTo(3);
            wal.deleteBelow(new SequenceNumber(100));
            assertThat(wal.status().segments()).as("the open one stays").isEqualTo(1);
        }
        assertThat(log.replay().entries().keySet()).containsExactly(5L);
    }

    @Test
    void aFolderBelongsToOneLogAtATime() throws Exception {
        WalFolder log = new WalFolder(folder.resolve("wal"), 100);
        try (Wal wal = log.open()) {
            assertThat(wal.status().state()).isEqualTo(WalStatus.State.OPENED);
            assertThatThrownBy(log::open)
                    .isInstanceOf(WalLockedException.class)
                    .hasMessageContaining(log.directory.toString())
                    .hasMessageContaining("process " + ProcessHandle.current().pid());
        }
        log.open().close();
    }

    @Test
    void closeMakesDurableWhatIsQueuedAndRefusesTheRest() throws Exception {
        FaultyFiles files = new FaultyFiles();
        Wal wal = open(settings(1 << 20), files);
        start(wal, new ArrayList<>());
        List<CompletableFuture<SequenceNumber>> writes = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            writes.add(WalFolder.append(wal, ARBITRARY_PAYLOAD));
        }
        wal.close();
        assertThat(writes).allMatch(write -> write.isDone() && !write.isCompletedExceptionally());
        assertThatThrownBy(() -> WalFolder.append(wal, ARBITRARY_PAYLOAD)).isInstanceOf(WalRefusedException.class);
        wal.close();
    }
}
