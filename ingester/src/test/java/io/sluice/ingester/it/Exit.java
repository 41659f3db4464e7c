package io.sluice.ingester.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/// How a process that was not to stay ended.
///
/// @param output both standard streams
record Exit(int code, String output) {
    /// Runs the launcher until it ends; a server would listen on free ports unless it is told otherwise.
    static Exit of(String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(arguments));
        command.addFirst(SluiceServer.LAUNCHER.toString());
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("SLUICE_JAVA_HOME", System.getProperty("java.home"));
        builder.environment().putIfAbsent("SLUICE_GRPC_BIND", "127.0.0.1:0");
        builder.environment().putIfAbsent("SLUICE_HTTP_BIND", "127.0.0.1:0");
        Process process = builder.start();
        var _ = process.onExit().orTimeout(2, TimeUnit.MINUTES).exceptionally(_ -> process.destroyForcibly());
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Exit(process.waitFor(), output);
    }

    /// The one line for people who want to know why; requires that there is just one, and no stack trace.
    String error() {
        assertThat(output).doesNotContain("\tat ");
        List<String> lines =
                output.lines().filter(line -> line.startsWith("sluice: ")).toList();
        assertThat(lines).as(output).hasSize(1);
        return lines.getFirst();
    }
}
