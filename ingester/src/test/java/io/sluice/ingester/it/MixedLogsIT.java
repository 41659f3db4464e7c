package io.sluice.ingester.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Two servers ran on two copies of one folder, and somebody put the segments of both into one: invariants 2, 3 and 8.
/// What was acknowledged by the server of this folder is there once, nothing of the other is, and all of that is kept
/// aside and told of.
final class MixedLogsIT {
    private static final String TABLE = "m";

    @TempDir
    private Path folder = Path.of("");

    private static void write(Path data, int... marks) throws Exception {
        try (SluiceServer server = SluiceServer.start(data)) {
            for (int mark : marks) {
                Marks.write(server, TABLE, mark);
            }
            server.kill();
        }
    }

    /// Adds the segments of another folder whose names are free.
    private static List<Path> mix(Path data, Path other) throws IOException {
        List<Path> added = new ArrayList<>();
        for (Path segment : Folders.segments(other)) {
            Path target = data.resolve("wal").resolve(segment.getFileName());
            if (Files.notExists(target)) {
                added.add(Files.copy(segment, target));
            }
        }
        return added;
    }

    @Test
    void segmentsOfACopyThatWasWrittenToAreSetAsideAndNotMixedIn() throws Exception {
        Path ours = folder.resolve("ours");
        Path theirs = folder.resolve("theirs");
        write(ours, 1, 2);
        Folders.copy(ours, theirs);
        write(ours, 3, 4);
        // As many, so that what they write next has the very number that comes next here.
        write(theirs, 13, 14);
        write(theirs, 15, 16);
        write(theirs, 17);
        List<Path> added = mix(ours, theirs);
        assertThat(added).hasSize(2);

        Exit refused = Exit.of("serve", "--data-dir", ours.toString(), "--wal-on-corruption", "fail");
        assertThat(refused.code()).isEqualTo(74);
        assertThat(refused.error()).contains(added.getFirst().toString(), "OTHER_LOG", "a copy of this log");
        assertThat(added).allSatisfy(file -> assertThat(file).exists());

        try (SluiceServer server = SluiceServer.start(ours)) {
            assertThat(Marks.find(server, ours, TABLE)).containsExactly(1, 2, 3, 4);
            for (Path file : added) {
                assertThat(server.log())
                        .anyMatch(line -> line.contains("ERROR") && line.contains(file + ": OTHER_LOG"));
                assertThat(server.status().get("last_errors").toString()).contains(file + ": OTHER_LOG");
            }
            JsonNode quarantine = server.status().at("/log/quarantine");
            assertThat(quarantine.get("files").asInt()).isEqualTo(2);
            assertThat(quarantine.get("lost_entries").asInt()).isEqualTo(3);
            Marks.write(server, TABLE, 5);
            server.kill();
        }
        requireDumped(added.getFirst(), 15, 16);
        try (SluiceServer server = SluiceServer.start(ours)) {
            assertThat(Marks.find(server, ours, TABLE)).containsExactly(1, 2, 3, 4, 5);
            assertThat(server.stop()).isZero();
        }
        assertThat(Rows.files(ours, Marks.NAMESPACE, TABLE)).hasSize(5);
    }

    /// As the server's log says it can be done.
    private void requireDumped(Path segment, int... marks) throws Exception {
        Path alone = folder.resolve("alone");
        Path wal = Files.createDirectories(alone.resolve("wal"));
        Path aside = segment.resolveSibling("quarantine").resolve(segment.getFileName() + ".0");
        Files.copy(aside, wal.resolve(segment.getFileName()));
        Exit dumped = Exit.of("wal", "dump", "--format", "lp", "--data-dir", alone.toString());
        assertThat(dumped.code()).as(dumped.output()).isZero();
        assertThat(dumped.output().lines())
                .hasSize(marks.length)
                .allSatisfy(line -> assertThat(line).containsPattern("w=(%d|%d) ".formatted(marks[0], marks[1])));
    }

    @Test
    void theSegmentsOfAnotherServerAreSetAside() throws Exception {
        Path ours = folder.resolve("ours");
        Path theirs = folder.resolve("theirs");
        write(ours, 1);
        write(theirs, 11);
        write(theirs, 12);
        List<Path> added = mix(ours, theirs);
        assertThat(added).hasSize(1);
        try (SluiceServer server = SluiceServer.start(ours)) {
            assertThat(Marks.find(server, ours, TABLE)).containsExactly(1);
            assertThat(server.log())
                    .anyMatch(line ->
                            line.contains(added.getFirst() + ": OTHER_LOG") && line.contains("another ingester's log"));
            assertThat(server.stop()).isZero();
        }
    }
}
