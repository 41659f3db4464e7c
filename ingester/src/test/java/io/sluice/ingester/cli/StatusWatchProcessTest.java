package io.sluice.ingester.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// How a watch ends, as a process of its own.
@Timeout(120)
final class StatusWatchProcessTest {
    private static final Pattern IGNORED_SIGNALS = Pattern.compile("(?m)^SigIgn:\\s*([0-9a-f]+)$");
    private static final int SIGINT = 2;

    @TempDir
    private Path folder;

    private Optional<TestServer> started = Optional.empty();

    @BeforeEach
    void start() throws Exception {
        started = Optional.of(TestServer.start());
    }

    @AfterEach
    void stop() throws Exception {
        started.orElseThrow().stop();
    }

    private Process watch() throws IOException {
        return new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        "io.sluice.ingester.cli.Main",
                        "status",
                        "--server",
                        started.orElseThrow().address(),
                        "--watch=1"))
                .redirectError(errors().toFile())
                .start();
    }

    private Path errors() {
        return folder.resolve("errors");
    }

    private static BufferedReader reader(Process process) {
        return new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    }

    private static boolean ignoresInterrupts(Process process) throws IOException {
        Matcher ignored =
                IGNORED_SIGNALS.matcher(Files.readString(Path.of("/proc", Long.toString(process.pid()), "status")));
        assertThat(ignored.find()).isTrue();
        return (Long.parseUnsignedLong(ignored.group(1), 16) & (1L << (SIGINT - 1))) != 0;
    }

    private void assertEndedWell(Process watch) throws Exception {
        assertThat(watch.waitFor()).isZero();
        assertThat(Files.readString(errors())).doesNotContain("sluice:", "Exception");
    }

    @Test
    void anInterruptEndsItWithoutAnError() throws Exception {
        Process watch = watch();
        try (BufferedReader pages = reader(watch)) {
            assertThat(pages.readLine()).as("the first page").isNotNull();
            assumeThat(ignoresInterrupts(watch))
                    .as("whoever runs the tests in the background made them ignore SIGINT, and so does the watch")
                    .isFalse();
            assertThat(new ProcessBuilder("kill", "-INT", Long.toString(watch.pid()))
                            .inheritIO()
                            .start()
                            .waitFor())
                    .isZero();
            assertEndedWell(watch);
        } finally {
            watch.destroyForcibly();
        }
    }

    @Test
    void itEndsWhenNobodyReadsOn() throws Exception {
        Process watch = watch();
        try {
            try (BufferedReader pages = reader(watch)) {
                assertThat(pages.readLine()).as("the first page").isNotNull();
            }
            assertEndedWell(watch);
        } finally {
            watch.destroyForcibly();
        }
    }
}
