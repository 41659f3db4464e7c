package io.sluice.ingester.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import io.sluice.persist.catalog.Catalog;
import io.sluice.persist.catalog.Catalogs;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Starts on folders that are not as they were left, and what can be seen from outside while a start replays the log:
/// ARCHITECTURE.md, invariants 3, 6, 8 and 9; and a number is never used twice under one id.
final class RestartIT {
    private static final String TAKEN = "a new id is taken";
    private static final int FENCED = 70;
    private static final int UNAVAILABLE = 69;

    @TempDir
    private Path folder = Path.of("");

    private static String ingester(SluiceServer server) throws Exception {
        return server.status().get("ingester").asText();
    }

    private static void persist(SluiceServer server, String table) {
        assertThat(server.run("persist", "--namespace", Marks.NAMESPACE, "--table", table))
                .isZero();
    }

    private static boolean tookNewId(SluiceServer server) {
        return server.log().stream().anyMatch(line -> line.contains(TAKEN));
    }

    private static void requireToldOfNewId(SluiceServer server, String givenUp) throws Exception {
        assertThat(server.log()).anyMatch(line -> line.contains(TAKEN) && line.contains(givenUp));
        assertThat(server.status().get("last_errors").toString()).contains(TAKEN, givenUp);
    }

    private List<String> ingestersOfFiles(String table) throws Exception {
        try (Catalog catalog = Catalogs.open("sqlite:" + folder.resolve("catalog.db"), Clock.systemUTC())) {
            return catalog.files(new NamespaceName(Marks.NAMESPACE), new TableName(table)).stream()
                    .map(file -> file.ingester().toString())
                    .toList();
        }
    }

    @Test
    void aLogRestoredFromABackupIsPersistedUnderItsIdAndWritingGoesOnUnderANewOne() throws Exception {
        Path wal = folder.resolve("wal");
        Path backup = folder.resolve("backup");
        String first;
        try (SluiceServer server = SluiceServer.start(folder)) {
            first = ingester(server);
            Marks.write(server, "waiting", 1);
            Marks.write(server, "moved", 2);
            server.kill();
        }
        Folders.copy(wal, backup);
        try (SluiceServer server = SluiceServer.start(folder)) {
            Marks.write(server, "moved", 3);
            persist(server, "moved");
            server.kill();
        }
        Folders.copy(backup, wal);
        String second;
        try (SluiceServer server = SluiceServer.start(folder)) {
            second = ingester(server);
            assertThat(second).isNotEqualTo(first);
            requireToldOfNewId(server, first);
            assertThat(Marks.find(server, folder, "waiting")).containsExactly(1);
            assertThat(Marks.find(server, folder, "moved")).containsExactly(2, 3);
            Marks.write(server, "waiting", 4);
            Marks.write(server, "moved", 5);
            server.kill();
        }
        try (SluiceServer server = SluiceServer.start(folder)) {
            assertThat(ingester(server)).isEqualTo(second);
            assertThat(tookNewId(server)).isFalse();
            assertThat(Marks.find(server, folder, "waiting")).containsExactly(1, 4);
            assertThat(Marks.find(server, folder, "moved")).containsExactly(2, 3, 5);
            assertThat(server.stop()).isZero();
        }
        assertThat(ingestersOfFiles("waiting")).containsExactlyInAnyOrder(first, second);
        // And again, with the log of the id that was given up, killed in the middle of it.
        Folders.copy(backup, wal);
        try (SluiceServer server = SluiceServer.launch(folder)) {
            assertThat(server.awaitLine(TAKEN)).contains(first);
            server.kill();
        }
        try (SluiceServer server = SluiceServer.start(folder)) {
            assertThat(ingester(server)).isNotIn(first, second);
            Marks.write(server, "waiting", 6);
            assertThat(Marks.find(server, folder, "waiting")).containsExactly(1, 4, 6);
            assertThat(Marks.find(server, folder, "moved")).containsExactly(2, 3, 5);
            assertThat(server.stop()).isZero();
        }
    }

    /// A kill between deleting the segments and writing the new id leaves the same.
    @Test
    void segmentsDeletedByHandCostTheIdAndNoRowThatIsInAFile() throws Exception {
        String id = "";
        for (int round = 1; round <= 2; round++) {
            try (SluiceServer server = SluiceServer.start(folder)) {
                assertThat(ingester(server)).isNotEqualTo(id);
                if (round > 1) {
                    requireToldOfNewId(server, id);
                }
                id = ingester(server);
                Marks.write(server, "m", 2 * round);
                persist(server, "m");
                assertThat(Marks.find(server, folder, "m"))
                        .isEqualTo(IntStream.rangeClosed(1, round)
                                .map(i -> 2 * i)
                                .boxed()
                                .toList());
                server.kill();
            }
            for (Path segment : Folders.segments(folder)) {
                Files.delete(segment);
            }
        }
    }

    @Test
    void whoeverStartsLastOnCopiesOfAFolderEndsTheOther() throws Exception {
        Path original = folder.resolve("original");
        Path copy = folder.resolve("copy");
        try (SluiceServer older = SluiceServer.start(original)) {
            Marks.write(older, "m", 1);
            Folders.copy(original, copy);
            try (SluiceServer newer = SluiceServer.start(
                    copy,
                    "--catalog",
                    "sqlite:" + original.resolve("catalog.db"),
                    "--object-store",
                    "file:" + original.resolve("objects"))) {
                assertThat(ingester(newer)).isEqualTo(ingester(older));
                assertThat(older.run("persist")).isEqualTo(UNAVAILABLE);
                assertThat(older.awaitEnd()).isEqualTo(FENCED);
                assertThat(older.log()).anyMatch(line -> line.contains("ERROR") && line.contains("epoch"));
                persist(newer, "m");
                assertThat(Marks.find(newer, original, "m")).containsExactly(1);
                // The original takes its place back: now a stop finds that its rows cannot be recorded.
                Marks.write(newer, "m", 2);
                try (SluiceServer again = SluiceServer.start(original)) {
                    assertThat(newer.stop()).isEqualTo(FENCED);
                    assertThat(Marks.find(again, original, "m")).containsExactly(1);
                }
            }
        }
    }

    /// More than the buffer holds, and an object store that takes nothing, so that the replay stands still half-way.
    @Test
    void aStartThatReplaysSaysHowFarItIsAndTakesNothing() throws Exception {
        int writes = 60;
        String padding = "x".repeat(700_000);
        try (SluiceServer server = SluiceServer.start(folder)) {
            for (int mark = 1; mark <= writes; mark++) {
                Marks.write(server, "m", mark, padding);
            }
            server.kill();
        }
        Path obstacle = folder.resolve("objects").resolve(Marks.NAMESPACE);
        Files.createFile(obstacle);
        try (SluiceServer server = replaying()) {
            assertThat(server.stop()).as("a stop while the log is replayed").isZero();
        }
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
                SluiceServer server = replaying()) {
            assertThat(server.get("/health").statusCode()).isEqualTo(200);
            assertThat(server.status().get("state").asText()).isEqualTo("starting");
            JsonNode replay = server.status().get("replay");
            // What is done and what there is are told apart in the log's own bytes, not in those of its files.
            assertThat(replay.get("total_bytes").asLong())
                    .isBetween(writes * (long) padding.length(), writes * (padding.length() + 1_000L));
            while (!replay.has("eta_seconds") || replay.get("rows").asLong() == 0) {
                replay = server.status().get("replay");
            }
            assertThat(replay.get("percent").asInt()).isBetween(1, 99);
            assertThat(replay.get("done_bytes").asLong())
                    .isBetween(1L, replay.get("total_bytes").asLong() - 1);
            assertThat(replay.get("rows").asLong()).isPositive();
            assertThat(replay.get("eta_seconds").asLong()).isPositive();
            assertThat(server.get("/ready").body()).containsPattern("%\\), [1-9]\\d* rows, about [1-9]\\d* s left");
            HttpResponse<String> refused =
                    server.write(Marks.NAMESPACE, "m,w=0 v=0i 0".getBytes(StandardCharsets.UTF_8));
            assertThat(refused.statusCode()).isEqualTo(503);
            assertThat(refused.body()).contains("NOT_READY");
            assertThat(Integer.parseInt(
                            refused.headers().firstValue("Retry-After").orElseThrow()))
                    .isPositive();
            assertThat(server.run("persist")).isEqualTo(UNAVAILABLE);
            // A query waits until no acknowledged row can be missing.
            Future<List<String>> waiting = threads.submit(() -> Rows.query(server, Marks.NAMESPACE, "m"));
            while (!server.get("/metrics").body().contains("sluice_query_waiting_replay 1")) {
                assertThat(waiting.isDone()).isFalse();
            }
            assertThat(server.get("/ready").statusCode()).isEqualTo(503);
            Files.delete(obstacle);
            // Files of now may hold rows of the answer too; none may be in neither.
            Set<String> rows = new HashSet<>(waiting.get());
            rows.addAll(Rows.files(folder, Marks.NAMESPACE, "m"));
            assertThat(rows).hasSize(writes);
            HttpResponse<String> ready = server.get("/ready");
            while (ready.statusCode() != 200) {
                assertThat(percent(ready)).isBetween(1, 100);
                ready = server.get("/ready");
            }
            server.awaitReady();
            assertThat(server.status().get("replay").get("percent").asInt()).isEqualTo(100);
            assertThat(server.status().get("replay").has("eta_seconds")).isFalse();
            Marks.write(server, "m", writes + 1);
            persist(server, "m");
            assertThat(Marks.find(server, folder, "m"))
                    .isEqualTo(IntStream.rangeClosed(1, writes + 1).boxed().toList());
        }
    }

    /// A start that has come to a stand in the middle of the log.
    private SluiceServer replaying() throws Exception {
        SluiceServer server = SluiceServer.launch(folder, "--buffer-bytes", "16MiB");
        server.awaitPorts();
        HttpResponse<String> answer = server.get("/ready");
        while (percent(answer) == 0) {
            answer = server.get("/ready");
        }
        assertThat(percent(answer)).isLessThan(100);
        return server;
    }

    private static int percent(HttpResponse<String> notReady) {
        assertThat(notReady.statusCode()).isEqualTo(503);
        Matcher matcher = Pattern.compile("the log is being replayed, (\\d+) of (\\d+) bytes \\((\\d+) %\\)")
                .matcher(notReady.body());
        assertThat(matcher.find()).as(notReady.body()).isTrue();
        int percent = Integer.parseInt(matcher.group(3));
        long total = Long.parseLong(matcher.group(2));
        assertThat(percent).isEqualTo(total == 0 ? 0 : (int) (Long.parseLong(matcher.group(1)) * 100 / total));
        return percent;
    }
}
