package io.sluice.ingester.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.sluice.ingester.it.Failpoint.Place;
import io.sluice.ingester.settings.MemoryPlan;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A process with as little memory as it may have, and what would take more.
final class MemoryIT {
    private static final MemoryPlan LEAST = new MemoryPlan(MemoryPlan.MIN_BYTES);
    private static final Pattern MEMORY_LIMIT_SECONDS =
            Pattern.compile("sluice_ingest_refusing_seconds_total\\{reason=\"MEMORY_LIMIT\"} (\\S+)");
    private static final Pattern PEAK = Pattern.compile("VmHWM:\\s+(\\d+) kB");
    private static final int ROWS_PER_BODY = 400;
    private static final String PADDING = "p".repeat(2_500);
    private static final int WRITERS = 4;
    private static final int ENOUGH_REFUSALS = 40;
    private static final Place OBJECT = Place.entering("persist.store.LocalUpload$FileStream", "write");

    @TempDir
    private Path folder = Path.of("");

    private final AtomicLong nextTimeNs = new AtomicLong();

    @BeforeEach
    void theSystemTellsOfProcesses() {
        assumeThat(Path.of("/proc/self/status")).isReadable();
    }

    /// About 1 MiB of rows, none equal to another.
    private byte[] body() {
        StringBuilder lines = new StringBuilder();
        for (int row = 0; row < ROWS_PER_BODY; row++) {
            long timeNs = nextTimeNs.incrementAndGet();
            lines.append("m,host=h")
                    .append(timeNs % 50)
                    .append(" v=")
                    .append(timeNs)
                    .append("i,padding=\"");
            lines.append(timeNs).append(PADDING).append("\" ").append(timeNs).append('\n');
        }
        return lines.toString().getBytes(StandardCharsets.UTF_8);
    }

    /// As the launcher sizes it: other tests give their servers a heap of their own.
    private SluiceServer launch(String memory) throws Exception {
        return SluiceServer.launch(folder, Map.of("SLUICE_JAVA_OPTS", Failpoint.JVM_OPTION), "--memory", memory);
    }

    private static String metrics(SluiceServer server) throws Exception {
        return server.get("/metrics").body();
    }

    private static long peakBytes(SluiceServer server) throws Exception {
        Matcher found = PEAK.matcher(Files.readString(Path.of("/proc", Long.toString(server.pid()), "status")));
        assertThat(found.find()).isTrue();
        return Long.parseLong(found.group(1)) * 1_024;
    }

    private static void assertWithinPlan(SluiceServer server, String when) throws Exception {
        long peak = peakBytes(server);
        System.out.printf(
                "peak resident memory %s: %d MiB of %d MiB + %d MiB%n",
                when, peak >> 20, LEAST.memoryBytes() >> 20, LEAST.overheadBytes() >> 20);
        assertThat(peak).as("peak resident memory %s", when).isLessThan(LEAST.memoryBytes() + LEAST.overheadBytes());
    }

    @Test
    @DisplayName(
            "Invariant 6: memory holds during a replay of more than that while the object store fails, and under load and queries while it hangs")
    void theProcessStaysWithinItsMemoryWhateverComes() throws Exception {
        Path obstacle = Files.createDirectories(folder.resolve("objects")).resolve("n");
        Files.createFile(obstacle);
        long written = 0;
        try (SluiceServer server = launch("2GiB")) {
            server.awaitReady();
            for (long bytes = 0; bytes < LEAST.memoryBytes() + LEAST.memoryBytes() / 8; ) {
                byte[] body = body();
                HttpResponse<String> answer = server.write("n", body);
                assertThat(answer.statusCode()).as(answer.body()).isEqualTo(204);
                bytes += body.length;
                written += ROWS_PER_BODY;
            }
            server.kill();
        }
        try (SluiceServer server = launch("256MiB")) {
            server.awaitPorts();
            while (!metrics(server).contains("sluice_memory_mark{mark=\"FULL\"} 1")) {
                assertThat(server.get("/ready").statusCode())
                        .as("not before there is room")
                        .isEqualTo(503);
            }
            assertWithinPlan(server, "in a replay that waits for room");
            Files.delete(obstacle);
            server.awaitReady();
            assertWithinPlan(server, "behind a replay of more than that");

            long acknowledged;
            try (Hold store = Hold.arm(server, OBJECT)) {
                acknowledged = load(server);
                store.await();
                assertWithinPlan(server, "with queries, and an object store that hangs");
            }
            assertThat(server.run("persist")).isZero();
            assertThat(server.write("n2", body()).statusCode())
                    .as("there is room again")
                    .isEqualTo(204);
            assertThat(count("n", server)).isEqualTo(written);
            assertThat(count("n2", server)).isEqualTo(acknowledged + ROWS_PER_BODY);
            assertWithinPlan(server, "at the end");
            assertThat(server.stop()).isZero();
        }
    }

    private static long rows(HttpResponse<String> answer) {
        assertThat(answer.statusCode()).as(answer.body()).isIn(204, 503);
        return answer.statusCode() == 204 ? ROWS_PER_BODY : 0;
    }

    /// Writes and reads until writes were refused often enough; returns how many rows were acknowledged.
    private long load(SluiceServer server) throws Exception {
        AtomicLong refused = new AtomicLong();
        AtomicBoolean done = new AtomicBoolean();
        long acknowledged = 0;
        try (ExecutorService threads = Executors.newCachedThreadPool()) {
            List<Future<Long>> writers = new ArrayList<>();
            acknowledged += rows(server.write("n2", body()));
            for (int i = 0; i < WRITERS; i++) {
                writers.add(threads.submit(() -> {
                    long taken = 0;
                    while (refused.get() < ENOUGH_REFUSALS) {
                        long rows = rows(server.write("n2", body()));
                        taken += rows;
                        refused.addAndGet(rows == 0 ? 1 : 0);
                    }
                    return taken;
                }));
            }
            Future<Long> reader = threads.submit(() -> {
                long seen = 0;
                while (!done.get()) {
                    seen = Rows.countInMemory(server, "n2", "m");
                }
                return seen;
            });
            for (Future<Long> writer : writers) {
                acknowledged += writer.get();
            }
            done.set(true);
            assertThat(reader.get()).isPositive();
        }
        // Behind the load there may be room again, of what the queries held.
        Matcher seconds = MEMORY_LIMIT_SECONDS.matcher(metrics(server));
        assertThat(seconds.find()).isTrue();
        assertThat(Double.parseDouble(seconds.group(1))).isPositive();
        return acknowledged;
    }

    private long count(String namespace, SluiceServer server) throws Exception {
        return Rows.countInFiles(folder, namespace, "m") + Rows.countInMemory(server, namespace, "m");
    }
}
