package io.sluice.wal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.model.SequenceNumber;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The log while it runs: ARCHITECTURE.md, invariants 1, 2, 4 and 7.
final class WalTest {
    private static final byte[] ARBITRARY_PAYLOAD = {1, 2, 3};

    @TempDir
    private Path folder = Path.of("");

    private WalSettings settings(long segmentBytes) {
        return WalFolder.settings(
                folder.resolve("wal"), segmentBytes, Duration.ofMinutes(5), 100_000, 10, CorruptionPolicy.FAIL);
    }

    private Wal open(WalSettings settings, Disk disk) throws IOException {
        return Wal.open(settings, disk, Clock.systemUTC(), System::nanoTime, new SimpleMeterRegistry());
    }

    private static void start(Wal wal, List<IOException> failures) throws IOException {
        wal.start(WalFolder.numbersFrom(wal.lastSequence()), WalFolder.OWNER, WalFolder.THREADS, failures::add);
    }

    /// Each in a segment of its own.
    private static void fill(Wal wal, int segments) throws Exception {
        for (int i = 0; i < segments; i++) {
            WalFolder.append(wal, new byte[3_000]).get();
        }
    }

    @Test
    void segmentsThatAreLetGoOfAtOnceAreAllUsedAgain() throws Exception {
        FaultyDisk disk = new FaultyDisk();
        int segments = 12;
        try (Wal wal = open(settings(4_096), disk)) {
            start(wal, new ArrayList<>());
            fill(wal, segments);
            int before = disk.allocations.get();
            for (int round = 0; round < 3; round++) {
                wal.deleteBelow(wal.lastSequence());
                assertThat(wal.status().spareSegments()).isGreaterThanOrEqualTo(segments - 2);
                fill(wal, segments - 2);
            }
            assertThat(disk.allocations.get() - before)
                    .as("files of zeros, beside the next one that the first burst asked for")
                    .isLessThanOrEqualTo(1);
        }
    }

    @Test
    void sparesAreAQuarterOfTheLogAtMostAndSixteen() throws Exception {
        for (long[] limitAndSpares : new long[][] {{40, 10}, {8, 4}, {1 << 20, 16}}) {
            WalFolder log = new WalFolder(folder.resolve("wal-" + limitAndSpares[0]), 4_096);
            log.maxBytes = limitAndSpares[0] * 4_096;
            try (Wal wal = log.open()) {
                WalFolder.start(wal);
                for (int round = 0; round < 6; round++) {
                    fill(wal, 5);
                    wal.deleteBelow(wal.lastSequence());
                }
                assertThat(log.settings().maxSpares()).isEqualTo((int) limitAndSpares[1]);
                assertThat(wal.status().spareSegments()).isBetween(1, (int) limitAndSpares[1] + 1);
            }
        }
    }

    @Test
    void aLogThatIsFullTakesEntriesAgainOnceItMayBeLarger() throws Exception {
        WalFolder log = new WalFolder(folder.resolve("wal"), 4_096);
        log.maxBytes = 3 * 4_096;
        try (Wal wal = log.open()) {
            WalFolder.start(wal);
            fillUntilFull(wal);
            assertThat(wal.status().maxBytes()).isEqualTo(3 * 4_096);
            wal.reconfigure(6 * 4_096);
            while (wal.status().state() != WalStatus.State.RUNNING) {
                Thread.onSpinWait();
            }
            assertThat(wal.status().maxBytes()).isEqualTo(6 * 4_096);
            fillUntilFull(wal);
            assertThat(wal.status().bytes()).isEqualTo(6 * 4_096);
            wal.reconfigure(2 * 4_096);
            assertThat(wal.status().state()).as("what there is stays").isEqualTo(WalStatus.State.FULL);
            assertThatThrownBy(() -> wal.reconfigure(2 * 4_096 - 1)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    /// Until entries are refused: before they are queued, or from the queue.
    private static void fillUntilFull(Wal wal) throws Exception {
        while (wal.status().state() != WalStatus.State.FULL) {
            CountDownLatch told = new CountDownLatch(1);
            try {
                wal.append(new byte[1_000], new AppendListener() {
                    @Override
                    public void durable(SequenceNumber sequence) {
                        told.countDown();
                    }

                    @Override
                    public void refused(WalRefusedException refusal) {
                        told.countDown();
                    }

                    @Override
                    public void failed(IOException cause) {
                        told.countDown();
                    }
                });
            } catch (WalRefusedException e) {
                assertThat(e.reason()).isEqualTo(WalRefusedException.Reason.FULL);
                continue;
            }
            told.await();
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
                    public void refused(WalRefusedException refusal) {
                        throw new AssertionError(refusal);
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
        FaultyDisk disk = new FaultyDisk();
        try (Wal wal = open(settings(1 << 20), disk)) {
            start(wal, new ArrayList<>());
            disk.gate = new CountDownLatch(1);
            List<CompletableFuture<SequenceNumber>> writes = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                writes.add(WalFolder.append(wal, ARBITRARY_PAYLOAD));
            }
            assertThatThrownBy(() -> WalFolder.append(wal, ARBITRARY_PAYLOAD))
                    .isInstanceOfSatisfying(
                            WalRefusedException.class,
                            e -> assertThat(e.reason()).isEqualTo(WalRefusedException.Reason.QUEUE_FULL))
                    .hasMessageContaining("10 of 10 entries");
            disk.gate.countDown();
            for (CompletableFuture<SequenceNumber> write : writes) {
                write.get();
            }
            assertThat(WalFolder.append(wal, ARBITRARY_PAYLOAD).get().value()).isEqualTo(11);
        }
    }

    @Test
    void aDiskThatHangsShowsInTheTimeThatTheLogWaitsAndHarmsNothing() throws Exception {
        FaultyDisk disk = new FaultyDisk();
        AtomicLong nowNs = new AtomicLong(-7);
        try (Wal wal = Wal.open(settings(1 << 20), disk, Clock.systemUTC(), nowNs::get, new SimpleMeterRegistry())) {
            start(wal, new ArrayList<>());
            assertThat(wal.status().writingFor()).isZero();
            disk.gate = new CountDownLatch(1);
            List<CompletableFuture<SequenceNumber>> writes = new ArrayList<>();
            writes.add(WalFolder.append(wal, ARBITRARY_PAYLOAD));
            disk.writing.await();
            nowNs.addAndGet(Duration.ofSeconds(12).toNanos());
            assertThat(wal.status().writingFor()).isEqualTo(Duration.ofSeconds(12));
            assertThat(wal.status().state()).as("it may still end well").isEqualTo(WalStatus.State.RUNNING);
            for (int i = 1; i < 10; i++) {
                writes.add(WalFolder.append(wal, ARBITRARY_PAYLOAD));
            }
            assertThatThrownBy(() -> WalFolder.append(wal, ARBITRARY_PAYLOAD))
                    .isInstanceOfSatisfying(
                            WalRefusedException.class,
                            e -> assertThat(e.reason()).isEqualTo(WalRefusedException.Reason.QUEUE_FULL));
            disk.gate.countDown();
            for (CompletableFuture<SequenceNumber> write : writes) {
                write.get();
            }
            assertThat(wal.status().writingFor()).isZero();
        }
    }

    @Test
    void aDiskThatHangsOverTheNextSegmentShowsToo() throws Exception {
        FaultyDisk disk = new FaultyDisk();
        AtomicLong nowNs = new AtomicLong();
        try (Wal wal = Wal.open(settings(4_096), disk, Clock.systemUTC(), nowNs::get, new SimpleMeterRegistry())) {
            start(wal, new ArrayList<>());
            disk.allocateGate = new CountDownLatch(1);
            WalFolder.append(wal, new byte[3_000]).get();
            disk.writing.await(); // the next segment is made ahead, and nobody waits for it
            assertThat(wal.status().writingFor()).isZero();
            nowNs.addAndGet(1);
            CompletableFuture<SequenceNumber> write = WalFolder.append(wal, new byte[3_000]);
            while (true) {
                nowNs.addAndGet(1);
                if (wal.status().writingFor().isPositive()) {
                    break;
                }
            }
            disk.allocateGate.countDown();
            assertThat(write.get()).isEqualTo(new SequenceNumber(2));
            assertThat(wal.status().writingFor()).isZero();
        }
    }

    @Test
    void aFailedWriteIsFinalAndNothingIsWrittenAgain() throws Exception {
        FaultyDisk disk = new FaultyDisk();
        List<IOException> failures = Collections.synchronizedList(new ArrayList<>());
        int writesAtFailure;
        try (Wal wal = open(settings(1 << 20), disk)) {
            start(wal, failures);
            WalFolder.append(wal, ARBITRARY_PAYLOAD).get();
            disk.failWrite = true;
            CompletableFuture<SequenceNumber> lost = WalFolder.append(wal, ARBITRARY_PAYLOAD);
            assertThatThrownBy(lost::get)
                    .isInstanceOf(ExecutionException.class)
                    .hasRootCauseMessage("write (made to fail)");
            writesAtFailure = disk.writes.get();
            disk.failWrite = false;
            assertThatThrownBy(() -> WalFolder.append(wal, ARBITRARY_PAYLOAD))
                    .isInstanceOfSatisfying(
                            WalRefusedException.class,
                            e -> assertThat(e.reason()).isEqualTo(WalRefusedException.Reason.FAILED));
            assertThat(wal.status().state()).isEqualTo(WalStatus.State.FAILED);
        }
        assertThat(disk.writes.get()).isEqualTo(writesAtFailure);
        assertThat(failures).hasSize(1);
    }

    /// Both causes of a missing next segment: no space for a new file, and a folder that takes no names.
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void noRoomForTheNextSegmentRefusesUntilThereIsAndFailsNothing(boolean atAllocation) throws Exception {
        FaultyDisk disk = new FaultyDisk();
        List<IOException> failures = new ArrayList<>();
        try (Wal wal = open(settings(4_096), disk)) {
            start(wal, failures);
            disk.failAllocate = atAllocation;
            disk.failRename = !atAllocation;
            List<Long> taken = new ArrayList<>();
            WalRefusedException refusal = fillUntilRefused(wal, taken);
            assertThat(refusal.reason()).isEqualTo(WalRefusedException.Reason.NO_SPACE);
            assertThat(refusal).hasMessageContaining("made to fail");
            assertThatThrownBy(() -> WalFolder.append(wal, new byte[3_000]).get())
                    .satisfies(thrown ->
                            assertThat(refusalIn(thrown).reason()).isEqualTo(WalRefusedException.Reason.NO_SPACE));
            disk.failAllocate = false;
            disk.failRename = false;
            assertThat(appendOnceTaken(wal)).isEqualTo(new SequenceNumber(taken.size() + 1L));
            assertThat(failures).isEmpty();
        }
    }

    private static WalRefusedException fillUntilRefused(Wal wal, List<Long> taken) throws Exception {
        while (true) {
            try {
                taken.add(WalFolder.append(wal, new byte[3_000]).get().value());
            } catch (WalRefusedException | ExecutionException e) {
                return refusalIn(e);
            }
        }
    }

    /// A write is refused when it is handed over, or, if it was queued by then, through its listener.
    private static WalRefusedException refusalIn(Throwable thrown) {
        return Stream.of(thrown, thrown.getCause())
                .filter(WalRefusedException.class::isInstance)
                .map(WalRefusedException.class::cast)
                .findFirst()
                .orElseThrow(() -> new AssertionError(thrown));
    }

    @Test
    void aFullLogRefusesUntilSegmentsAreLetGoOf() throws Exception {
        WalSettings settings = new WalSettings(
                folder.resolve("wal"),
                4_096,
                3 * 4_096,
                Duration.ofMinutes(5),
                100_000,
                10,
                GroupLimits.DEFAULT,
                WalSettings.Compression.NONE,
                true,
                CorruptionPolicy.FAIL);
        try (Wal wal = open(settings, new RealDisk(true))) {
            start(wal, new ArrayList<>());
            List<Long> taken = new ArrayList<>();
            WalRefusedException refusal = fillUntilRefused(wal, taken);
            assertThat(taken).containsExactly(1L, 2L, 3L);
            assertThat(refusal.reason()).isEqualTo(WalRefusedException.Reason.FULL);
            assertThat(refusal).hasMessageContaining("12288 of 12288 bytes");
            assertThat(wal.status().state()).isEqualTo(WalStatus.State.FULL);
            wal.deleteBelow(new SequenceNumber(3));
            assertThat(appendOnceTaken(wal)).isEqualTo(new SequenceNumber(4));
        }
    }

    /// Small entries fit where a long one found no room, and the log takes entries all the time: whoever hears of the
    /// refusal only now has handed over the next entry long since.
    @Test
    void behindARefusedLongEntryNoneOfItsSessionIsWrittenThoughTheyWouldFit() throws Exception {
        FaultyDisk disk = new FaultyDisk();
        WalSettings settings = WalFolder.settings(
                folder.resolve("wal"), 1 << 16, Duration.ofMinutes(5), 1 << 20, 100, CorruptionPolicy.FAIL);
        try (Wal wal = open(settings, disk)) {
            start(wal, new ArrayList<>());
            WalFolder.append(wal, ARBITRARY_PAYLOAD).get();
            AppendSession session = new AppendSession();
            disk.failAllocate = true;
            List<CompletableFuture<SequenceNumber>> behind = new ArrayList<>();
            var refused = WalFolder.append(wal, new byte[1 << 17], session, () -> behind.add(taken(wal, session)));
            assertThatThrownBy(refused::get).hasCauseInstanceOf(WalRefusedException.class);
            assertThatThrownBy(behind.getFirst()::get)
                    .satisfies(thrown ->
                            assertThat(refusalIn(thrown).reason()).isEqualTo(WalRefusedException.Reason.NO_SPACE));
            assertThat(WalFolder.append(wal, ARBITRARY_PAYLOAD).get())
                    .as("others find room")
                    .isEqualTo(new SequenceNumber(2));
        }
    }

    private static CompletableFuture<SequenceNumber> taken(Wal wal, AppendSession session) {
        try {
            return WalFolder.append(wal, ARBITRARY_PAYLOAD, session, () -> {});
        } catch (WalRefusedException e) {
            throw new AssertionError("refused at once", e);
        }
    }

    @Test
    void aSessionStaysRefusedThoughTheLogHasRoomAgain() throws Exception {
        FaultyDisk disk = new FaultyDisk();
        WalSettings settings = new WalSettings(
                folder.resolve("wal"),
                4_096,
                2 * 4_096,
                Duration.ofMinutes(5),
                100_000,
                100,
                GroupLimits.DEFAULT,
                WalSettings.Compression.NONE,
                true,
                CorruptionPolicy.FAIL);
        try (Wal wal = open(settings, disk)) {
            start(wal, new ArrayList<>());
            WalFolder.append(wal, new byte[3_000]).get();
            disk.gate = new CountDownLatch(1);
            var last = WalFolder.append(wal, new byte[3_000]);
            disk.writing.await();
            AppendSession session = new AppendSession();
            CountDownLatch isRoom = new CountDownLatch(1);
            List<CompletableFuture<SequenceNumber>> behind = new ArrayList<>();
            var refused = WalFolder.append(wal, new byte[3_000], session, () -> {
                awaitRoom(wal);
                behind.add(taken(wal, session));
                isRoom.countDown();
            });
            // So many that they are told on another thread than the log's, which finds room meanwhile.
            for (int i = 0; i < 9; i++) {
                var _ = WalFolder.append(wal, new byte[3_000]);
            }
            disk.gate.countDown();
            assertThat(last.get()).isEqualTo(new SequenceNumber(2));
            isRoom.await();
            assertThatThrownBy(refused::get).hasCauseInstanceOf(WalRefusedException.class);
            assertThatThrownBy(behind.getFirst()::get)
                    .satisfies(thrown ->
                            assertThat(refusalIn(thrown).reason()).isEqualTo(WalRefusedException.Reason.FULL));
            assertThat(WalFolder.append(wal, ARBITRARY_PAYLOAD).get()).isEqualTo(new SequenceNumber(3));
        }
    }

    private static void awaitRoom(Wal wal) {
        wal.deleteBelow(new SequenceNumber(2));
        while (wal.status().state() != WalStatus.State.RUNNING) {
            Thread.onSpinWait();
        }
    }

    private static SequenceNumber appendOnceTaken(Wal wal) throws Exception {
        while (true) {
            try {
                return WalFolder.append(wal, ARBITRARY_PAYLOAD).get();
            } catch (WalRefusedException | ExecutionException e) {
                assertThat(refusalIn(e)).isNotNull();
                Thread.onSpinWait();
            }
        }
    }

    @Test
    void aSegmentIsClosedBySizeAndByAge() throws Exception {
        AtomicLong nowNs = new AtomicLong();
        WalSettings settings = WalFolder.settings(
                folder.resolve("wal"), 4_096, Duration.ofSeconds(10), 1 << 20, 1_000, CorruptionPolicy.FAIL);
        try (Wal wal = Wal.open(settings, Clock.systemUTC(), nowNs::get, new SimpleMeterRegistry())) {
            start(wal, new ArrayList<>());
            WalFolder.append(wal, new byte[3_000]).get();
            WalFolder.append(wal, new byte[3_000]).get();
            assertThat(wal.status().segments()).isEqualTo(2);
            nowNs.addAndGet(Duration.ofSeconds(11).toNanos());
            WalFolder.append(wal, ARBITRARY_PAYLOAD).get();
            assertThat(wal.status().segments()).isEqualTo(3);
            WalFolder.append(wal, new byte[9_000]).get();
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
                WalFolder.append(wal, new byte[3_000]).get();
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
        FaultyDisk disk = new FaultyDisk();
        Wal wal = open(settings(1 << 20), disk);
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
