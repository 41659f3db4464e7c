package io.sluice.ingester.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// Which threads of the running process give way to which.
@EnabledOnOs(OS.LINUX)
final class ThreadsIT {
    /// As many lines as are parsed by a thread of their own.
    private static final int LINES = 2_000;

    @TempDir
    private Path folder = Path.of("");

    /// How far the threads of a process give way, by their names without numbers, as the system keeps them.
    private static Map<String, List<Integer>> niceness(long pid) throws IOException {
        Map<String, List<Integer>> nice = new TreeMap<>();
        try (DirectoryStream<Path> threads = Files.newDirectoryStream(Path.of("/proc/%d/task".formatted(pid)))) {
            for (Path thread : threads) {
                String stat;
                try {
                    stat = Files.readString(thread.resolve("stat"));
                } catch (IOException _) {
                    continue; // it has ended
                }
                String name = stat.substring(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
                String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
                nice.computeIfAbsent(name.replaceAll("[0-9-]+$", ""), _ -> new ArrayList<>())
                        .add(Integer.parseInt(fields[16]));
            }
        }
        return nice;
    }

    @Test
    void whatParsesPersistsAndCompilesGivesWayToWhatAnswers() throws Exception {
        try (SluiceServer server = SluiceServer.start(folder.resolve("data"), "--background-nice", "7")) {
            StringBuilder lines = new StringBuilder();
            for (int i = 0; i < LINES; i++) {
                lines.append("m,host=h")
                        .append(i)
                        .append(" v=")
                        .append(i)
                        .append(' ')
                        .append(i + 1)
                        .append('\n');
            }
            assertThat(server.write("b", lines.toString().getBytes(UTF_8)).statusCode())
                    .isEqualTo(204);
            assertThat(server.run("persist", "--namespace", "b")).isZero();
            Map<String, List<Integer>> nice = niceness(server.pid());
            int process = Objects.requireNonNull(nice.get("java")).getFirst();
            List<Integer> lowered = List.of(Math.min(19, process + 7));
            for (String background : List.of("parse", "persist", "C2 CompilerThre")) {
                assertThat(nice.get(background)).as(background).isNotEmpty().allMatch(lowered::contains);
            }
            for (String answers : List.of("ForkJoinPool", "grpc", "wal", "watch")) {
                assertThat(nice.get(answers)).as(answers).isNotEmpty().allMatch(one -> one == process);
            }
            assertThat(nice.get("ForkJoinPool")).as("carriers").hasSizeGreaterThanOrEqualTo(2);
            assertThat(server.stop()).isZero();
        }
    }
}
