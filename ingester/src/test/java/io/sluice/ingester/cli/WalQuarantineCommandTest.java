package io.sluice.ingester.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class WalQuarantineCommandTest {
    private static final String STRETCH = "00000000000000000003.wal.4096";
    private static final String WRITE = "write-00000000000000000012.bin";

    @TempDir
    private Path data = Path.of("");

    private Path quarantine = Path.of("");

    @BeforeEach
    void createLog() throws IOException {
        quarantine = data.resolve("wal/quarantine");
        Files.createDirectories(data.resolve("wal"));
    }

    private void setAside() throws IOException {
        Files.createDirectories(quarantine);
        Files.write(quarantine.resolve(STRETCH), new byte[100]);
        Files.write(quarantine.resolve(WRITE), new byte[20]);
        Files.writeString(quarantine.resolve("notes.txt"), "found by Jo");
    }

    private CommandRun run(String... more) {
        String[] all = {"wal", "quarantine", "--data-dir", data.toString()};
        String[] both = Arrays.copyOf(all, all.length + more.length);
        System.arraycopy(more, 0, both, all.length, more.length);
        return CommandRun.of(both);
    }

    @Test
    void aLogWithoutQuarantineHasNothingSetAside() {
        assertThat(run().out().strip()).isEqualTo("0 files, 0 bytes set aside");
        assertThat(run("--discard").exitCode()).isZero();
        assertThat(quarantine).doesNotExist();
    }

    @Test
    void eachFileIsListedWithItsLengthAndWhereItComesFrom() throws IOException {
        setAside();
        CommandRun run = run();
        assertThat(run.exitCode()).isZero();
        assertThat(run.outLines())
                .containsExactly(
                        "         100  %s  damage in segment 00000000000000000003.wal at 4096"
                                .formatted(quarantine.resolve(STRETCH)),
                        "          20  %s  write 12, which did not apply".formatted(quarantine.resolve(WRITE)),
                        "           -  %s  not the log's; it is left alone".formatted(quarantine.resolve("notes.txt")),
                        "2 files, 120 bytes set aside");
        assertThat(quarantine.resolve(STRETCH)).exists();
        assertThat(quarantine.resolve(WRITE)).exists();
    }

    @Test
    void whatWasLostIsToldWithItsCopyAndWhereThereIsNone() throws IOException {
        Files.createDirectories(quarantine);
        Files.write(quarantine.resolve(STRETCH), new byte[100]);
        Files.write(quarantine.resolve(STRETCH + ".lost-3-100"), new byte[40]);
        Files.write(quarantine.resolve("gap-00000000000000000005-00000000000000000006.lost"), new byte[30]);
        Files.write(quarantine.resolve("00000000000000000009.wal.64.further-7-700"), new byte[20]);
        assertThat(run().outLines())
                .satisfiesExactly(
                        line -> assertThat(line).contains("at 4096: 3 entries lost, 100 bytes damaged"),
                        line -> assertThat(line)
                                .contains("further damage up to segment 00000000000000000009.wal at 64")
                                .contains("7 entries lost, 700 bytes damaged"),
                        line -> assertThat(line).contains("entries 5 to 6, which are in no segment: 2 entries lost"),
                        line -> assertThat(line)
                                .isEqualTo("3 files, 150 bytes set aside; 12 entries lost, 800 bytes damaged"));
        run("--discard");
        assertThat(quarantine).isEmptyDirectory();
    }

    @Test
    void aSegmentOfAnotherLogIsNoDamage() throws IOException {
        Files.createDirectories(quarantine);
        Path segment = Files.write(quarantine.resolve("00000000000000000007.wal.0"), new byte[100]);
        Files.write(quarantine.resolve("00000000000000000007.wal.0.moved-5-100"), new byte[40]);
        assertThat(run().outLines())
                .first()
                .isEqualTo("         100  %s  segment 00000000000000000007.wal of another log, or of a copy of this one"
                                .formatted(segment)
                        + " that was written to; none of it is replayed: 5 entries");
        run("--discard");
        assertThat(quarantine).isEmptyDirectory();
    }

    @Test
    void discardNamesAndDeletesWhatTheLogPutThereAndNothingElse() throws IOException {
        setAside();
        CommandRun run = run("--discard");
        assertThat(run.exitCode()).isZero();
        assertThat(run.out()).contains(STRETCH, WRITE, "2 files, 120 bytes discarded");
        assertThat(quarantine.resolve(STRETCH)).doesNotExist();
        assertThat(quarantine.resolve(WRITE)).doesNotExist();
        assertThat(quarantine.resolve("notes.txt")).hasContent("found by Jo");
        assertThat(run().out()).endsWith("0 files, 0 bytes set aside" + System.lineSeparator());
    }
}
