package io.sluice.ingester.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The launcher `./sluice`.
final class LauncherIT {
    @TempDir
    private Path empty = Path.of("");

    private record Run(int exitCode, String output) {}

    private static Run run(Map<String, String> environment, String... arguments)
            throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(arguments).redirectErrorStream(true);
        builder.command().addFirst(SluiceServer.LAUNCHER.toString());
        builder.environment().putAll(environment);
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Run(process.waitFor(), output);
    }

    @Test
    void withoutAJdk25ItSaysWhatToInstall() throws Exception {
        Run run = run(Map.of("SLUICE_JAVA_HOME", empty.toString()), "--version");
        assertThat(run.exitCode()).isEqualTo(78);
        assertThat(run.output()).contains("JDK 25").contains("SLUICE_JAVA_HOME");
    }

    @Test
    void everyCommandHasHelpWithExamples() throws Exception {
        for (String[] command : new String[][] {
            {"--help"},
            {"serve", "--help"},
            {"write", "--help"},
            {"query", "--help"},
            {"persist", "--help"},
            {"status", "--help"},
            {"reconfigure", "--help"},
            {"wal", "--help"},
            {"wal", "ls", "--help"},
            {"wal", "verify", "--help"},
            {"wal", "dump", "--help"},
            {"gc", "--help"},
        }) {
            Run run = run(Map.of(), command);
            assertThat(run.exitCode()).as(String.join(" ", command)).isZero();
            assertThat(run.output()).as(String.join(" ", command)).contains("Examples:");
        }
    }

    @Test
    void anUnknownOptionAndABadValueAreOneClearLineAndExitCode2() throws Exception {
        assertThat(run(Map.of(), "serve", "--no-such-thing").exitCode()).isEqualTo(2);
        Run bad = run(Map.of("SLUICE_WAL_SEGMENT_BYTES", "many"), "serve", "--data-dir", empty.toString());
        assertThat(bad.exitCode()).isEqualTo(2);
        assertThat(bad.output().lines())
                .singleElement()
                .asString()
                .contains("SLUICE_WAL_SEGMENT_BYTES")
                .contains("'many'")
                .contains("expected a size");
    }
}
