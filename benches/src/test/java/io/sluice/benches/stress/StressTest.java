package io.sluice.benches.stress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.openjdk.jcstress.infra.collectors.DiskReadCollector;
import org.openjdk.jcstress.infra.collectors.InProcessCollector;
import org.openjdk.jcstress.infra.collectors.TestResult;

/// Runs the races of this package with jcstress, in processes of its own, and reads what it has observed. A normal run
/// gives each a moment; `-Dstress=long` gives each minutes, and every mode of compilation.
final class StressTest {
    private static final boolean IS_LONG = "long".equals(System.getProperty("stress"));
    private static final int RACES = 15;
    /// One process, one tenth of a second, and one way to compile for each race.
    private static final List<String> SHORT =
            List.of("-f", "1", "-iters", "1", "-time", "100", "-jvmArgs", "-Xmx256m", "-sc", "false", "-af", "NONE");

    @TempDir
    private Path folder = Path.of("");

    private List<String> command() {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        if (!IS_LONG) {
            // Handed on to its processes, most of which only look what the machine can do.
            command.addAll(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));
        }
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), "org.openjdk.jcstress.Main"));
        command.addAll(List.of("-t", "io\\.sluice\\.benches\\.stress"));
        command.addAll(List.of("-r", folder.resolve("report") + File.separator));
        command.addAll(IS_LONG ? List.of("-m", "default") : SHORT);
        return command;
    }

    private Collection<TestResult> run() throws Exception {
        Path output = folder.resolve("output");
        Process jcstress = new ProcessBuilder(command())
                .directory(folder.toFile()) // its results are written where it runs
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        try {
            assertThat(jcstress.waitFor(IS_LONG ? 120 : 9, TimeUnit.MINUTES))
                    .as("jcstress ends: %s", output)
                    .isTrue();
        } finally {
            jcstress.destroyForcibly();
        }
        InProcessCollector results = new InProcessCollector();
        DiskReadCollector reader = new DiskReadCollector(results(output).toString(), results);
        try {
            reader.dump();
        } finally {
            reader.close();
        }
        return results.getTestResults();
    }

    private Path results(Path output) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().endsWith(".bin.gz"))
                    .findAny()
                    .orElseThrow(() -> new AssertionError("jcstress has no results: " + text(output)));
        }
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return e.toString();
        }
    }

    @Test
    @Timeout(value = 130, unit = TimeUnit.MINUTES) // the process has its own
    void noRaceEndsInAWayThatIsForbidden() throws Exception {
        assumeThat(Runtime.getRuntime().availableProcessors())
                .as("without a second processor jcstress has no race")
                .isGreaterThan(1);
        Collection<TestResult> results = run();
        assertThat(results.stream().map(TestResult::getName).distinct())
                .as("races that were run")
                .hasSize(RACES);
        assertThat(results).allSatisfy(result -> {
            assertThat(result.getTotalCount()).as(result.getName()).isPositive();
            assertThat(result.grading().failureMessages).as(result.getName()).isEmpty();
            assertThat(result.grading().isPassed).as(result.getName()).isTrue();
        });
    }
}
