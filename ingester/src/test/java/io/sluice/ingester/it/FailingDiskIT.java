package io.sluice.ingester.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The system refuses the log's writes while the real process runs, by a limit on the length of files that is set from
/// outside: invariants 1 and 9.
final class FailingDiskIT {
    private static final Path PRLIMIT = Path.of("/usr/bin/prlimit");
    /// Longer than the limit that is set later, so that the next write of the log is behind it.
    private static final String PADDING = "x".repeat(40_000);

    @TempDir
    private Path data = Path.of("");

    @Test
    void aWriteThatTheDiskRefusesEndsTheProcessAndWhatWasAcknowledgedIsThereAfterwards() throws Exception {
        assumeThat(PRLIMIT).as("prlimit, of util-linux, makes writes fail").exists();
        try (SluiceServer server = SluiceServer.start(data)) {
            Marks.write(server, "m", 1, PADDING);
            Process limit = new ProcessBuilder(PRLIMIT.toString(), "--pid", Long.toString(server.pid()), "--fsize=4096")
                    .inheritIO()
                    .start();
            assertThat(limit.waitFor()).isZero();
            HttpResponse<String> answer =
                    server.write(Marks.NAMESPACE, "m,w=2 v=2i 2".getBytes(StandardCharsets.UTF_8));
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(500);
            assertThat(answer.body()).contains("log failed");
            assertThat(server.awaitEnd()).isEqualTo(74);
            assertThat(server.log()).anyMatch(line -> line.contains("the log failed") && line.contains("exit code 74"));
        }
        try (SluiceServer server = SluiceServer.start(data)) {
            List<Integer> found = Marks.find(server, data, "m");
            assertThat(found).startsWith(1).doesNotHaveDuplicates();
            Marks.write(server, "m", 3);
            assertThat(Marks.find(server, data, "m")).contains(1, 3);
            assertThat(server.stop()).isZero();
        }
        assertThat(data.resolve("wal")).exists();
        assertThat(Files.exists(data.resolve("wal/quarantine")))
                .as("a refused write is no damage")
                .isFalse();
    }
}
