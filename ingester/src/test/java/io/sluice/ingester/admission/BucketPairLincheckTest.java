package io.sluice.ingester.admission;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Runs [BucketPairLincheck] in a process of its own: Lincheck rewrites the classes of its process, and this one's are
/// many.
final class BucketPairLincheckTest {
    @TempDir
    private Path folder = Path.of("");

    @Test
    void theCountersBehaveAsTwoNumbersInEveryInterleavingThatIsTried() throws Exception {
        Path output = folder.resolve("output");
        Process lincheck = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:+EnableDynamicAgentLoading",
                        "-XX:-UseCompactObjectHeaders",
                        "-XX:+UseSerialGC",
                        "-Xmx512m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        BucketPairLincheck.class.getName())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        try {
            assertThat(lincheck.waitFor(3, TimeUnit.MINUTES))
                    .as("Lincheck ends")
                    .isTrue();
            assertThat(lincheck.exitValue()).as(Files.readString(output)).isZero();
        } finally {
            lincheck.destroyForcibly();
        }
    }
}
