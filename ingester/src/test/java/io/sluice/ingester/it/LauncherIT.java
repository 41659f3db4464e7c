package io.sluice.ingester.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.ingester.settings.MemoryPlan;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
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

    /// What the launcher sizes the JVM by, read back.
    private static MemoryPlan plan(Map<String, String> environment, String... arguments) throws Exception {
        String[] command = Stream.concat(Stream.of("--jvm-options", "serve"), Stream.of(arguments))
                .toArray(String[]::new);
        Run run = run(environment, command);
        assertThat(run.exitCode()).as(run.output()).isZero();
        Matcher memory = Pattern.compile("-Dsluice.memory=(\\d+)").matcher(run.output());
        assertThat(memory.find()).as(run.output()).isTrue();
        MemoryPlan plan = new MemoryPlan(Long.parseLong(memory.group(1)));
        assertThat(run.output())
                .contains("-Xmx" + plan.heapBytes() + " ")
                .contains("-XX:MaxDirectMemorySize=" + (plan.networkBytes() + plan.directBytes()) + " ")
                .contains("-Dio.netty.maxDirectMemory=" + plan.networkBytes() + " ");
        return plan;
    }

    @Test
    void theJvmIsSizedByTheSettingWhereverItStands() throws Exception {
        Path file = Files.writeString(empty.resolve("c.properties"), "# memory=1GiB\nwal-dir=/x\n memory : 0768 MiB\n");
        String config = file.toString();
        assertThat(plan(Map.of(), "--data-dir", "x", "--memory", "512MiB").memoryBytes())
                .isEqualTo(512 << 20);
        assertThat(plan(Map.of(), "--memory=3gb", "--config", config).memoryBytes())
                .isEqualTo(3_000_000_000L);
        assertThat(plan(Map.of("SLUICE_MEMORY", "2 g"), "--config", config).memoryBytes())
                .as("a variable wins over the file")
                .isEqualTo(2_000_000_000L);
        assertThat(plan(Map.of("SLUICE_CONFIG", config)).memoryBytes()).isEqualTo(768 << 20);
        assertThat(plan(Map.of("SLUICE_CONFIG", "/nowhere"), "--config=" + config)
                        .memoryBytes())
                .isEqualTo(768 << 20);
    }

    @Test
    void withoutASettingTheJvmHasHalfOfTheMachineOrOfTheNarrowestControlGroup() throws Exception {
        Path groups = Files.createDirectories(empty.resolve("sys/fs/cgroup"));
        Path inner = Files.createDirectories(groups.resolve("memory/a/b"));
        Path self = Files.createDirectories(empty.resolve("proc/self"));
        Map<String, String> system = Map.of("SLUICE_SYSTEM_ROOT", empty.toString());
        Files.writeString(empty.resolve("proc/meminfo"), "MemFree: 1 kB\nMemTotal:       8388608 kB\n");
        assertThat(plan(system).memoryBytes()).as("the machine").isEqualTo(4L << 30);
        Files.writeString(self.resolve("cgroup"), "9:cpu,memory:/a/b\n1:name=systemd:/c\n0::/x/y\n");
        Files.writeString(groups.resolve("memory/memory.limit_in_bytes"), "9223372036854771712\n");
        Files.writeString(inner.resolve("memory.limit_in_bytes"), Long.toString(7L << 30));
        assertThat(plan(system).memoryBytes()).as("version 1").isEqualTo(7L << 29);
        Files.writeString(inner.resolveSibling("memory.limit_in_bytes"), Long.toString(6L << 30));
        assertThat(plan(system).memoryBytes()).as("the group above").isEqualTo(3L << 30);
        Files.writeString(groups.resolve("memory.max"), "max\n");
        Files.writeString(Files.createDirectories(groups.resolve("x")).resolve("memory.max"), Long.toString(2L << 30));
        assertThat(plan(system).memoryBytes()).as("version 2").isEqualTo(1L << 30);
        Files.writeString(groups.resolve("memory.max"), Long.toString(1L << 20));
        assertThat(plan(system).memoryBytes()).as("too little").isEqualTo(MemoryPlan.MIN_BYTES);
    }

    @Test
    void memoryThatContradictsIsOneClearLineAndExitCode2() throws Exception {
        Run bad = run(Map.of(), "serve", "--data-dir", empty.toString(), "--memory", "lots");
        assertThat(bad.exitCode()).isEqualTo(2);
        assertThat(bad.output().lines())
                .singleElement()
                .asString()
                .contains("option --memory is 'lots': expected a size");
        Run tooMuch = run(
                Map.of("SLUICE_BUFFER_BYTES", "1GiB"), "serve", "--data-dir", empty.toString(), "--memory", "512MiB");
        assertThat(tooMuch.exitCode()).isEqualTo(2);
        assertThat(tooMuch.output().lines())
                .singleElement()
                .asString()
                .contains("--buffer-bytes is 1073741824")
                .contains("--memory, which is 536870912");
        Path file = Files.writeString(empty.resolve("c.properties"), "memory=5\\\n12MiB\n");
        Run unseen = run(Map.of(), "serve", "--data-dir", empty.toString(), "--config", file.toString());
        assertThat(unseen.exitCode()).isEqualTo(2);
        assertThat(unseen.output()).contains("--memory is 536870912, but the JVM was sized for");
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
