package io.sluice.wal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.model.SequenceNumber;
import io.sluice.wal.FailingDisk.Effect;
import io.sluice.wal.FailingDisk.Kind;
import io.sluice.wal.WalFolder.Replayed;
import io.sluice.wal.WalRefusedException.Reason;
import io.sluice.wal.WalStatus.State;
import io.sluice.wal.format.SegmentFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// A disk that fails while a log runs or starts, at each operation in turn: ARCHITECTURE.md, invariants 1, 4 and 8.
/// Whatever fails and whatever is done of it all the same, the next start finds what was acknowledged, once, and
/// nothing that was refused; and a failure is never taken for damage.
final class WalFaultTest {
    private static final int SEGMENT_BYTES = 4_096;
    private static final int BURSTS = 14;
    private static final int MAX_BURST = 4;

    @TempDir
    private Path folder = Path.of("");

    private int rounds;

    /// What became of what was appended; an entry's payload begins with its place in the order.
    private static final class Told {
        final List<Integer> acknowledged = new ArrayList<>();
        final List<Integer> refused = new ArrayList<>();
        final List<Integer> unknown = new ArrayList<>();
        final List<Long> numbers = new ArrayList<>();
        final List<IOException> failures = Collections.synchronizedList(new ArrayList<>());
        int appended;
        /// Payloads up to this one were let go of.
        int letGo;
        /// Empty if the log could not be started.
        State state = State.OPENED;
    }

    private WalFolder newLog() {
        rounds++;
        WalFolder log = new WalFolder(folder.resolve("wal-" + rounds), SEGMENT_BYTES);
        log.disk = new UnsyncedDisk();
        log.policy = CorruptionPolicy.QUARANTINE;
        log.maxBytes = 19 * SEGMENT_BYTES; // four spares
        return log;
    }

    private static byte[] payload(int place) {
        return ByteBuffer.allocate(700 + 400 * (place % 5)).putInt(place).array();
    }

    private static int place(byte[] payload) {
        int place = ByteBuffer.wrap(payload).getInt();
        assertThat(payload).isEqualTo(payload(place));
        return place;
    }

    /// Bursts of a few entries, so that groups are of different lengths, and segments that are let go of behind them.
    private static Told run(WalFolder log) throws Exception {
        Told told = new Told();
        try (Wal wal = log.open()) {
            var _ = wal.replay(
                    (sequence, _) -> {
                        throw new AssertionError("a new log has entry " + sequence);
                    },
                    WalFolder.THREADS);
            try {
                wal.start(
                        WalFolder.numbersFrom(wal.lastSequence()),
                        WalFolder.OWNER,
                        WalFolder.THREADS,
                        told.failures::add);
            } catch (IOException e) {
                assertThat(e).hasStackTraceContaining("made to fail");
                return told;
            }
            for (int burst = 0; burst < BURSTS; burst++) {
                append(wal, 1 + burst % MAX_BURST, told);
                if (burst % 7 == 6 && !told.numbers.isEmpty()) {
                    // More than are kept as spares, so that some are deleted.
                    int index = told.numbers.size() * 9 / 10;
                    told.letGo = told.acknowledged.get(index);
                    wal.deleteBelow(new SequenceNumber(told.numbers.get(index) + 1));
                }
            }
            told.state = wal.status().state();
        } catch (IOException e) {
            assertThat(e).as("a close that fails").hasStackTraceContaining("made to fail");
        }
        return told;
    }

    private static void append(Wal wal, int count, Told told) throws Exception {
        List<CompletableFuture<SequenceNumber>> burst = new ArrayList<>();
        int first = told.appended;
        for (int i = 0; i < count; i++) {
            try {
                burst.add(WalFolder.append(wal, payload(told.appended)));
            } catch (WalRefusedException e) {
                burst.add(CompletableFuture.failedFuture(e));
            }
            told.appended++;
        }
        for (int i = 0; i < count; i++) {
            try {
                told.numbers.add(burst.get(i).get().value());
                told.acknowledged.add(first + i);
            } catch (ExecutionException e) {
                (e.getCause() instanceof WalRefusedException ? told.refused : told.unknown).add(first + i);
            }
        }
    }

    private static void assertRecovered(WalFolder log, Told told) throws Exception {
        log.disk = new UnsyncedDisk();
        Replayed replayed = log.replay();
        List<Integer> found =
                replayed.entries().values().stream().map(WalFaultTest::place).toList();
        List<Integer> needed =
                told.acknowledged.stream().filter(place -> place > told.letGo).toList();
        assertThat(found).as("in order, each once").isSorted().doesNotHaveDuplicates();
        assertThat(found).as("what was acknowledged").containsAll(needed);
        assertThat(Collections.disjoint(found, told.refused))
                .as("nothing that was refused")
                .isTrue();
        assertThat(replayed.report().lostEntries()).isZero();
        assertThat(replayed.report().quarantined()).isZero();
        Told after = new Told();
        after.appended = told.appended;
        List<Integer> found2 = new ArrayList<>();
        try (Wal wal = log.open()) {
            var _ = wal.replay((_, payload) -> found2.add(place(payload)), WalFolder.THREADS);
            WalFolder.start(wal);
            append(wal, 3, after);
        }
        assertThat(found2).as("the second start finds what the first did").isEqualTo(found);
        assertThat(after.acknowledged).hasSize(3);
    }

    /// Operations of a kind, from the first to the last, fail once, or from then on.
    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"COPY", "CREATE", "SYNC"},
            mode = EnumSource.Mode.EXCLUDE)
    void whateverFailsWhileTheLogRunsWhatWasAcknowledgedIsThere(Kind kind) throws Exception {
        int failed = 0;
        for (Effect effect : kind.effects()) {
            for (boolean isLasting : effect == Effect.NOTHING ? List.of(false, true) : List.of(false)) {
                int number = 1;
                int failures;
                do {
                    WalFolder log = newLog();
                    FailingDisk disk = new FailingDisk(log.disk, kind, number, effect, isLasting);
                    log.disk = disk;
                    Told told = run(log);
                    failures = disk.failures();
                    try {
                        assertTold(kind, failures, told);
                        assertRecovered(log, told);
                    } catch (AssertionError e) {
                        throw new AssertionError(
                                "%s %d, %s done, lasting: %s".formatted(kind, number, effect, isLasting), e);
                    }
                    failed += failures;
                    number += Math.max(1, number / 3);
                } while (failures > 0);
            }
        }
        assertThat(failed).as("operations that failed").isPositive();
    }

    private static void assertTold(Kind kind, int failures, Told told) {
        if (kind == Kind.WRITE && failures > 0 && told.state != State.OPENED) {
            assertThat(told.state).isEqualTo(State.FAILED);
            assertThat(told.failures)
                    .as("who is to stop the process hears once")
                    .hasSize(1);
            assertThat(failures).as("nothing is written behind a failed write").isEqualTo(1);
        } else {
            assertThat(told.state).isNotEqualTo(State.FAILED);
            assertThat(told.failures).isEmpty();
            assertThat(told.unknown).as("outcomes are known").isEmpty();
        }
        if (failures == 0) {
            assertThat(told.acknowledged).hasSize(told.appended);
        }
    }

    /// No space is no failure: the log goes on when there is some.
    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"ALLOCATE", "NAME", "OVERWRITE", "OPEN"})
    void aLogThatCannotMakeASegmentGoesOnWhenItCan(Kind kind) throws Exception {
        WalFolder log = newLog();
        FailingDisk disk = new FailingDisk(log.disk, kind, 3, Effect.NOTHING, true);
        log.disk = disk;
        Told told = new Told();
        try (Wal wal = log.open()) {
            wal.start(
                    WalFolder.numbersFrom(wal.lastSequence()), WalFolder.OWNER, WalFolder.THREADS, told.failures::add);
            while (told.refused.isEmpty()) {
                append(wal, 1, told);
            }
            assertThat(wal.status().state()).isEqualTo(State.NO_SPACE);
            assertThatThrownBy(() -> WalFolder.append(wal, payload(0)))
                    .isInstanceOfSatisfying(
                            WalRefusedException.class,
                            e -> assertThat(e.reason()).isEqualTo(Reason.NO_SPACE));
            disk.heal();
            while (wal.status().state() != State.RUNNING) {
                Thread.onSpinWait();
            }
            int before = told.refused.size();
            append(wal, 3, told);
            assertThat(told.refused).hasSize(before);
            assertThat(told.failures).isEmpty();
        }
        assertRecovered(log, told);
    }

    /// An entry longer than what is written at once: its first part is on disk, and then there is no space.
    @ParameterizedTest
    @EnumSource(Effect.class)
    void ofALongEntryWhoseWriteFailsInTheMiddleNothingIsFound(Effect effect) throws Exception {
        WalFolder log = new WalFolder(folder.resolve("long"), 16 << 20);
        byte[] longPayload = new byte[10 << 20];
        Arrays.fill(longPayload, (byte) 7); // zeros are in the file already
        // The header, the short entry, and the first part of the long one are written.
        log.disk = new FailingDisk(new UnsyncedDisk(), Kind.WRITE, 4, effect, false);
        try (Wal wal = log.open()) {
            WalFolder.start(wal);
            assertThat(WalFolder.append(wal, payload(0)).get()).isEqualTo(new SequenceNumber(1));
            CompletableFuture<SequenceNumber> cut = WalFolder.append(wal, longPayload);
            assertThatThrownBy(cut::get).hasRootCauseMessage("WRITE 4 with %s done (made to fail)".formatted(effect));
            assertThat(wal.status().state()).isEqualTo(State.FAILED);
        }
        log.disk = new UnsyncedDisk();
        Replayed replayed = log.replay();
        assertThat(replayed.entries().keySet()).containsExactly(1L);
        assertThat(replayed.report().tornBytes()).isPositive();
        assertThat(replayed.report().lostEntries()).isZero();
    }

    /// A start repairs, names and deletes files; cut short anywhere, the next one comes to the same end.
    @ParameterizedTest
    @EnumSource(Kind.class)
    void aStartThatFailsAnywhereIsRepeatedWithoutLoss(Kind kind) throws Exception {
        WalFolder sound = newLog();
        sound.write(40, 1_500, 5);
        Path damaged = sound.segments().get(2);
        byte[] bytes = Files.readAllBytes(damaged);
        bytes[SegmentFormat.HEADER_BYTES + 30] ^= 1;
        Files.write(damaged, bytes);
        Path last = sound.segments().getLast();
        byte[] whole = Files.readAllBytes(last);
        Files.write(last, Arrays.copyOf(whole, whole.length / 2));
        Replayed expected = sound.copyTo(folder.resolve("expected")).replay();
        assertThat(expected.report().lostEntries()).isEqualTo(1);
        for (Effect effect : kind.effects()) {
            int number = 1;
            int failures;
            do {
                rounds++;
                WalFolder log = sound.copyTo(folder.resolve("start-" + rounds));
                FailingDisk disk = new FailingDisk(new UnsyncedDisk(), kind, number, effect, false);
                log.disk = disk;
                boolean isThrown = startAndClose(log);
                failures = disk.failures();
                assertThat(isThrown && failures == 0).isFalse();
                log.disk = new UnsyncedDisk();
                Replayed replayed = log.replay();
                assertThat(replayed.entries().keySet())
                        .as("%s %d, %s done", kind, number, effect)
                        .isEqualTo(expected.entries().keySet());
                assertThat(new QuarantineFolder(log.directory).contents().loss().entries())
                        .as("the loss is told, once: %s %d, %s done", kind, number, effect)
                        .isEqualTo(1);
                number++;
            } while (failures > 0);
        }
    }

    private static boolean startAndClose(WalFolder log) throws InterruptedException {
        try (Wal wal = log.open()) {
            var _ = wal.replay((_, _) -> {}, WalFolder.THREADS);
            WalFolder.start(wal);
            return false;
        } catch (IOException e) {
            assertThat(e).hasStackTraceContaining("made to fail");
            return true;
        }
    }
}
