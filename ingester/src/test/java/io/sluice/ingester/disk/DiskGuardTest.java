package io.sluice.ingester.disk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.admission.IngestState;
import io.sluice.ingester.disk.DiskMark.Free;
import io.sluice.ingester.disk.DiskMark.Used;
import io.sluice.ingester.disk.DiskSpace.Space;
import io.sluice.ingester.door.WriteOutcome.Reason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DiskGuardTest {
    private static final long MIB = 1 << 20;
    private static final long DISK_BYTES = 1_000 * MIB;
    private static final DiskSettings MARKS = new DiskSettings(new Used(90), new Used(85), 6 * MIB);

    @TempDir
    private Path folder = Path.of("");

    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final IngestState state = new IngestState(() -> 0, metrics);
    private FakeDisk disk = new FakeDisk(Path.of(""));

    @BeforeEach
    void mount() {
        disk = new FakeDisk(reserve());
        disk.put(folder, "a", DISK_BYTES);
        disk.put(objects(), "b", DISK_BYTES);
    }

    private Path reserve() {
        return folder.resolve("disk.reserve");
    }

    private Path objects() {
        return folder.resolve("objects");
    }

    private DiskGuard guard(DiskSettings settings) {
        Map<String, Path> folders = new LinkedHashMap<>();
        folders.put("log", folder);
        folders.put("objects", objects());
        return new DiskGuard(settings, folders, "log", reserve(), disk, state, metrics);
    }

    private boolean isFull() {
        return state.has(Reason.DISK_FULL);
    }

    private void fill(String name, long usedMib) {
        disk.use(name, usedMib * MIB);
    }

    @Test
    void writesAreRefusedFromTheHighMarkOnUntilTheDiskIsBelowTheLowOne() {
        DiskGuard guard = guard(new DiskSettings(new Used(90), new Used(85), 0));
        fill("a", 899);
        guard.check();
        assertThat(isFull()).isFalse();
        fill("a", 900);
        guard.check();
        assertThat(isFull()).isTrue();
        assertThat(guard.isLogFull()).isTrue();
        assertThat(guard.inWords())
                .isEqualTo("the disk of the log, %s, is used to 90.0 %%, 104857600 bytes are free".formatted(folder)
                        + " (--disk-high 90%, --disk-low 85%)");
        fill("a", 850);
        guard.check();
        assertThat(isFull()).as("at the low mark").isTrue();
        fill("a", 849);
        guard.check();
        assertThat(isFull()).isFalse();
        assertThat(guard.isLogFull()).isFalse();
        fill("a", 899);
        guard.check();
        assertThat(isFull()).as("between the marks, from below").isFalse();
    }

    @Test
    void marksCanBeBytesThatAreFree() {
        DiskGuard guard = guard(new DiskSettings(new Free(10 * MIB), new Free(20 * MIB), 0));
        fill("a", 989);
        guard.check();
        assertThat(isFull()).isFalse();
        fill("a", 990);
        guard.check();
        assertThat(isFull()).isTrue();
        fill("a", 980);
        guard.check();
        assertThat(isFull()).isTrue();
        fill("a", 979);
        guard.check();
        assertThat(isFull()).isFalse();
    }

    @Test
    void oneDiskThatIsFullIsEnoughAndOnlyTheLogsOwnMakesTheLogShrink() {
        DiskGuard guard = guard(MARKS);
        fill("b", 950);
        guard.tick();
        assertThat(isFull()).isTrue();
        assertThat(guard.isLogFull()).isFalse();
        assertThat(guard.stats().full()).containsExactly("objects");
        fill("a", 950);
        guard.tick();
        fill("b", 0);
        guard.tick();
        assertThat(isFull()).as("the other is still full").isTrue();
        fill("a", 0);
        guard.tick();
        assertThat(isFull()).isFalse();
    }

    @Test
    void theReserveGrowsBitByBitIsLetGoOfWhenTheDiskIsFullAndMadeAgain() throws IOException {
        DiskGuard guard = guard(MARKS);
        guard.tick();
        assertThat(reserve()).hasSize(4 * MIB);
        guard.tick();
        assertThat(reserve()).hasSize(6 * MIB);
        guard.tick();
        assertThat(reserve()).hasSize(6 * MIB);
        assertThat(metrics.get("sluice.disk.reserve.bytes").gauge().value()).isEqualTo(6 * MIB);
        fill("a", 894);
        guard.check();
        assertThat(isFull()).as("with the reserve").isTrue();
        assertThat(reserve()).doesNotExist();
        guard.tick();
        assertThat(reserve()).as("as long as it is full").doesNotExist();
        fill("a", 845);
        guard.tick();
        assertThat(isFull()).isFalse();
        assertThat(reserve()).as("it would reach the low mark").doesNotExist();
        fill("a", 840);
        guard.tick();
        guard.tick();
        assertThat(reserve()).hasSize(6 * MIB);
        assertThat(isFull()).isFalse();
    }

    @Test
    void aReserveOfAnEarlierProcessGoesOnToGrow() throws IOException {
        Files.write(reserve(), new byte[(int) (5 * MIB)]);
        DiskGuard guard = guard(MARKS);
        assertThat(guard.stats().reserveBytes()).isEqualTo(5 * MIB);
        guard.tick();
        assertThat(reserve()).hasSize(6 * MIB);
        guard.reconfigure(new DiskSettings(new Used(90), new Used(85), 0));
        guard.tick();
        assertThat(reserve()).as("none is wanted any more").doesNotExist();
    }

    @Test
    void aServerThatStopsWhileTheReserveGrowsIsNotADiskThatFails() {
        Thread.currentThread().interrupt();
        guard(MARKS).tick();
        assertThat(Thread.interrupted()).isTrue();
        assertThat(reserve()).hasSize(4 * MIB);
    }

    @Test
    void theReserveIsAHundredthOfASmallDiskAtMost() throws IOException {
        disk.put(folder, "a", 100 * MIB);
        DiskGuard guard = guard(MARKS);
        guard.tick();
        guard.tick();
        assertThat(Files.size(reserve())).isEqualTo(MIB);
    }

    @Test
    void objectsOnTheLogsDiskLetGoOfTheReserveToo() {
        disk.put(objects(), "a", DISK_BYTES);
        DiskGuard guard = guard(MARKS);
        guard.tick();
        assertThat(reserve()).exists();
        fill("a", 950);
        guard.tick();
        assertThat(reserve()).doesNotExist();
        assertThat(guard.stats().full()).containsExactlyInAnyOrder("log", "objects");
    }

    @Test
    void theReserveStaysWhenOnlyAnotherDiskIsFull() {
        DiskGuard guard = guard(MARKS);
        guard.tick();
        fill("b", 950);
        guard.tick();
        assertThat(isFull()).isTrue();
        assertThat(reserve()).exists();
    }

    @Test
    void aDiskThatDoesNotTellKeepsWhatWasKnownAndNobodyFails() {
        DiskGuard guard = guard(MARKS);
        fill("a", 950);
        guard.tick();
        disk.setAway(true);
        guard.tick();
        assertThat(isFull()).isTrue();
        assertThat(metrics.get("sluice.disk.free.bytes")
                        .tag("disk", "log")
                        .gauge()
                        .value())
                .isNaN();
        disk.setAway(false);
        fill("a", 10);
        guard.tick();
        assertThat(isFull()).isFalse();
        disk.setAway(true);
        guard.tick();
        assertThat(isFull()).as("none was full when it last told").isFalse();
    }

    @Test
    void otherMarksHoldFromTheNextLookOn() {
        DiskGuard guard = guard(MARKS);
        fill("a", 500);
        guard.tick();
        guard.reconfigure(new DiskSettings(new Used(50), new Used(40), 0));
        assertThat(isFull()).isFalse();
        guard.tick();
        assertThat(isFull()).isTrue();
    }

    @Test
    void marksThatContradictAreRefusedWithTheirSettings() {
        assertThatThrownBy(() -> new DiskSettings(new Used(85), new Used(85), 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("--disk-high is 85% and --disk-low 85%");
        assertThatThrownBy(() -> new DiskSettings(new Free(10), new Free(9), 0))
                .hasMessageContaining("--disk-high is 10 bytes free and --disk-low 9 bytes free");
        assertThatThrownBy(() -> new DiskSettings(new Used(90), new Free(9), 0)).hasMessageContaining("both");
        assertThatThrownBy(() -> new Used(100)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Used(Double.NaN)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void marksAreReadAsPercentUsedOrAsBytesFree() {
        assertThat(DiskMark.parse(" 92.5 % ", Long::parseLong)).isEqualTo(new Used(92.5));
        assertThat(DiskMark.parse("2048", Long::parseLong)).isEqualTo(new Free(2_048));
        assertThatThrownBy(() -> DiskMark.parse("-1%", Long::parseLong)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> DiskMark.parse("x%", Long::parseLong)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void theRealFileSystemTellsOfAFolderThatIsNotThereYet() throws IOException {
        Space there = DiskSpace.REAL.of(folder);
        Space missing = DiskSpace.REAL.of(folder.resolve("a").resolve("b"));
        assertThat(missing.fileSystem()).isEqualTo(there.fileSystem());
        assertThat(there.usedShare()).isBetween(0.0, 1.0);
        assertThat(there.freeBytes()).isPositive();
    }

    @Test
    void aFileSystemWithoutSizeIsNotTakenForAFullOne() {
        assumeThat(Path.of("/proc/self")).exists();
        assertThatThrownBy(() -> DiskSpace.REAL.of(Path.of("/proc/self")))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("/proc/self")
                .hasMessageContaining("does not tell its size");
    }

    /// Disks fill and empty at random; a plain model says when writes are refused.
    @Test
    @DisplayName("Invariant 7: whatever the disks do, writes are refused exactly between the marks")
    void theGuardAgreesWithAModel() {
        for (int seed = 0; seed < 200; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            IngestState seen = new IngestState(() -> 0, new SimpleMeterRegistry());
            Map<String, Path> folders = Map.of("log", folder, "objects", objects());
            DiskGuard guard = new DiskGuard(
                    new DiskSettings(new Used(90), new Used(85), 0),
                    folders,
                    "log",
                    reserve(),
                    disk,
                    seen,
                    new SimpleMeterRegistry());
            boolean[] full = new boolean[2];
            for (int step = 0; step < 100; step++) {
                for (int place = 0; place < 2; place++) {
                    long used = random.nextLong(800, 951);
                    fill(place == 0 ? "a" : "b", used);
                    full[place] = used >= (full[place] ? 850 : 900);
                }
                guard.check();
                assertThat(seen.has(Reason.DISK_FULL))
                        .as("seed %d, step %d", seed, step)
                        .isEqualTo(full[0] || full[1]);
                assertThat(guard.isLogFull()).as("seed %d, step %d", seed, step).isEqualTo(full[0]);
            }
        }
    }
}
