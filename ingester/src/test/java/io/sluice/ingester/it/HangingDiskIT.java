package io.sluice.ingester.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.sluice.ingester.it.Failpoint.Place;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A disk that does not answer, under the real process: invariants 1, 7 and 9. A debugger holds the thread that asks
/// the disk.
final class HangingDiskIT {
    private static final Pattern IGNORED_SIGNALS = Pattern.compile("SigIgn:\\s+(\\S+)");
    private static final int SIGINT = 2;
    private static final String TABLE = "m";
    private static final Place SYNC = Place.entering("wal.RealDisk$SyncedFile", "write");
    private static final Place OBJECT = Place.entering("persist.store.LocalUpload$FileStream", "write");
    private static final int IN_FLIGHT = 4;
    private static final int WRITES = 7;
    private static final int LOG_FAILED = 74;
    private static final String[] OPTIONS = {
        "--wal-stall-timeout", "200ms", "--inflight-ops", Integer.toString(IN_FLIGHT)
    };

    private static final String[] SHORT_STOP = {"--shutdown-deadline", "1s"};

    @TempDir
    private Path data = Path.of("");

    private SluiceServer start(String... more) throws Exception {
        SluiceServer server = SluiceServer.launch(
                data,
                Map.of("SLUICE_JAVA_OPTS", "-Xmx512m " + Failpoint.JVM_OPTION),
                Stream.concat(Stream.of(OPTIONS), Stream.of(more)).toArray(String[]::new));
        server.awaitReady();
        return server;
    }

    private static HttpResponse<String> write(SluiceServer server, int mark) throws Exception {
        String line = "%s,w=%d v=%di %d".formatted(TABLE, mark, mark, mark);
        return server.write(Marks.NAMESPACE, line.getBytes(StandardCharsets.UTF_8));
    }

    /// What became of writes that were sent together.
    private record Answers(List<Integer> acknowledged, List<Integer> refused) {}

    private static Answers answers(List<Future<HttpResponse<String>>> writes, int firstMark) throws Exception {
        Answers answers = new Answers(new ArrayList<>(), new ArrayList<>());
        for (int i = 0; i < writes.size(); i++) {
            HttpResponse<String> answer = writes.get(i).get();
            (answer.statusCode() == 204 ? answers.acknowledged() : answers.refused()).add(firstMark + i);
        }
        return answers;
    }

    private static long done(List<Future<HttpResponse<String>>> writes) {
        return writes.stream().filter(Future::isDone).count();
    }

    @Test
    void aSyncThatHangsMakesTheServerNotReadyAndLosesAndDoublesNothing() throws Exception {
        Answers answers;
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            try (SluiceServer server = start()) {
                Marks.write(server, TABLE, 1);
                List<Future<HttpResponse<String>>> writes = new ArrayList<>();
                try (Hold disk = Hold.arm(server, SYNC)) {
                    for (int i = 0; i < WRITES; i++) {
                        int mark = 2 + i;
                        writes.add(threads.submit(() -> write(server, mark)));
                    }
                    disk.await();
                    while (server.get("/ready").statusCode() == 200) {
                        Thread.onSpinWait();
                    }
                    HttpResponse<String> notReady = server.get("/ready");
                    assertThat(notReady.statusCode()).isEqualTo(503);
                    assertThat(notReady.body()).contains("--wal-stall-timeout", data.toString());
                    assertThat(server.awaitLine("the server is not ready until it ends"))
                            .contains("WARN");
                    assertThat(server.get("/health").statusCode()).isEqualTo(200);
                    // As many as may be in flight wait; the others have waited in vain for their place.
                    while (done(writes) < WRITES - IN_FLIGHT) {
                        Thread.onSpinWait();
                    }
                    assertThat(done(writes)).isEqualTo(WRITES - IN_FLIGHT);
                    for (Future<HttpResponse<String>> write : writes) {
                        if (write.isDone()) {
                            requireRefused(write.get());
                        }
                    }
                    assertThat(Marks.find(server, data, TABLE))
                            .as("what is not durable is not visible")
                            .containsExactly(1);
                    disk.release();
                    answers = answers(writes, 2);
                }
                assertThat(answers.acknowledged()).hasSize(IN_FLIGHT);
                while (server.get("/ready").statusCode() != 200) {
                    Thread.onSpinWait();
                }
                while (write(server, 50).statusCode() != 204) {
                    Thread.onSpinWait(); // its connection may be one of a write that was told to wait
                }
                assertThat(Marks.find(server, data, TABLE)).isEqualTo(expected(answers));
                server.kill();
            }
        }
        try (SluiceServer server = start()) {
            assertThat(Marks.find(server, data, TABLE)).isEqualTo(expected(answers));
            assertThat(server.stop()).isZero();
            assertThat(Rows.files(data, Marks.NAMESPACE, TABLE)).hasSize(IN_FLIGHT + 2);
        }
    }

    private static List<Integer> expected(Answers answers) {
        return Stream.concat(answers.acknowledged().stream(), Stream.of(1, 50))
                .sorted()
                .toList();
    }

    private static void requireRefused(HttpResponse<String> answer) {
        assertThat(answer.statusCode()).as(answer.body()).isIn(429, 503);
        // Or its connection had a write before that was refused so, and came back early.
        assertThat(answer.body()).containsAnyOf("--inflight-ops", "the write before was refused");
        assertThat(Integer.parseInt(answer.headers().firstValue("Retry-After").orElseThrow()))
                .isPositive();
    }

    @Test
    void aStopThatWaitsForAHangingSyncEndsByItselfAndTheNextStartHasWhatWasAcknowledged() throws Exception {
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
                SluiceServer server = start(SHORT_STOP)) {
            Marks.write(server, TABLE, 1);
            try (Hold disk = Hold.arm(server, SYNC)) {
                Future<HttpResponse<String>> hanging = threads.submit(() -> write(server, 2));
                disk.await();
                server.signal("TERM");
                assertThat(server.awaitEnd()).isEqualTo(LOG_FAILED);
                requireUnknown(hanging);
            }
            assertThat(server.log())
                    .filteredOn(line -> line.contains("the process ends all the same"))
                    .singleElement()
                    .asString()
                    .contains("ERROR", "--wal-stall-timeout", "what was acknowledged is in the log or in files");
        }
        requireAllThere(List.of(1), List.of(2));
    }

    /// A connection that ends without an answer, or an answer that promises nothing.
    private static void requireUnknown(Future<HttpResponse<String>> write) throws InterruptedException {
        try {
            assertThat(write.get().statusCode()).isEqualTo(500);
        } catch (ExecutionException e) {
            assertThat(e.getCause()).isInstanceOf(IOException.class);
        }
    }

    @Test
    void aStopWhoseObjectStoreHangsLeavesTheRowsInTheLogAndSaysHowMany() throws Exception {
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
                SluiceServer server = startWithOneFile(threads, SHORT_STOP)) {
            try (Hold store = Hold.arm(server, OBJECT)) {
                Marks.write(server, TABLE, 2);
                Marks.write(server, "other", 1);
                var _ = threads.submit(() -> server.run("persist"));
                store.await(); // before the stop: that might end before it comes to the disk
                server.signal("TERM");
                assertThat(server.awaitEnd()).isZero();
            }
            assertThat(server.log())
                    .filteredOn(line -> line.contains("are in no file"))
                    .singleElement()
                    .asString()
                    .contains("WARN", "2 rows", "the next start has them");
        }
        requireAllThere(List.of(1, 2), List.of());
    }

    /// Its code for writing files has run.
    private SluiceServer startWithOneFile(ExecutorService threads, String... options) throws Exception {
        SluiceServer server = start(options);
        Marks.write(server, TABLE, 1);
        assertThat(threads.submit(() -> server.run("persist")).get()).isZero();
        return server;
    }

    private static boolean ignoresInterrupts(SluiceServer server) throws IOException {
        Matcher ignored =
                IGNORED_SIGNALS.matcher(Files.readString(Path.of("/proc", Long.toString(server.pid()), "status")));
        assertThat(ignored.find()).isTrue();
        return (Long.parseUnsignedLong(ignored.group(1), 16) & (1L << (SIGINT - 1))) != 0;
    }

    @ParameterizedTest
    @ValueSource(strings = {"TERM", "INT"})
    void aSecondSignalEndsAStopThatHangsAtOnce(String signal) throws Exception {
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
                SluiceServer server = startWithOneFile(threads)) {
            assumeThat(signal.equals("INT") && ignoresInterrupts(server))
                    .as("whoever runs the tests in the background made them ignore SIGINT, and so does the server")
                    .isFalse();
            try (Hold store = Hold.arm(server, OBJECT)) {
                Marks.write(server, TABLE, 2);
                server.signal("TERM");
                store.await(); // the stop persists, and is far from its end
                server.signal(signal);
                assertThat(server.awaitEnd()).isEqualTo(signal.equals("TERM") ? 143 : 130);
            }
            assertThat(server.log()).anyMatch(line -> line.contains("ends at once, SIG" + signal));
        }
        requireAllThere(List.of(1, 2), List.of());
    }

    /// After a start on what is there, and after a stop that nothing hinders.
    ///
    /// @param possible may be there, once
    private void requireAllThere(List<Integer> acknowledged, List<Integer> possible) throws Exception {
        try (SluiceServer server = start()) {
            List<Integer> found = Marks.find(server, data, TABLE);
            assertThat(found).doesNotHaveDuplicates().containsAll(acknowledged);
            assertThat(Stream.concat(acknowledged.stream(), possible.stream())).containsAll(found);
            assertThat(server.stop()).isZero();
            assertThat(Rows.files(data, Marks.NAMESPACE, TABLE)).hasSameSizeAs(found);
        }
    }
}
