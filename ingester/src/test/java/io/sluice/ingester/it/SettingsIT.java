package io.sluice.ingester.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Settings of a running process change by SIGHUP and by `sluice reconfigure`.
final class SettingsIT {
    @TempDir
    private Path folder = Path.of("");

    private static void hangUp(SluiceServer server) throws Exception {
        Process kill = new ProcessBuilder("kill", "-HUP", Long.toString(server.pid())).start();
        assertThat(kill.waitFor()).isZero();
    }

    /// Whoever runs the tests under nohup has no SIGHUP to test.
    private static void assumeItListens(SluiceServer server) {
        assumeThat(server.log()).noneMatch(line -> line.contains("SIGHUP is ignored"));
    }

    private static JsonNode setting(JsonNode status, String key) {
        for (JsonNode setting : status.at("/settings")) {
            if (setting.at("/key").asText().equals(key)) {
                return setting;
            }
        }
        throw new AssertionError("no " + key + " in " + status);
    }

    @Test
    void theFileIsReadAgainAndABrokenOneChangesNothing() throws Exception {
        Path file = Files.writeString(folder.resolve("c.properties"), "persist-concurrency=5\nlog-level=info\n");
        try (SluiceServer server =
                SluiceServer.start(folder.resolve("data"), "--config", file.toString(), "--inflight-ops", "100")) {
            assumeItListens(server);
            assertThat(server.status().at("/persist/gate_slots").asInt()).isEqualTo(5);

            Files.writeString(file, "persist-concurrency=7\nlog-level=info\ninflight-ops=200\n");
            hangUp(server);
            server.awaitLine(
                    "SIGHUP: inflight-ops differs in " + file + ", without effect: option --inflight-ops wins");
            server.awaitLine("setting persist-concurrency: 5 is now 7, by SIGHUP");
            server.awaitLine("1 settings changed");
            JsonNode status = server.status();
            assertThat(status.at("/persist/gate_slots").asInt()).isEqualTo(7);
            assertThat(setting(status, "persist-concurrency").at("/from").asText())
                    .isEqualTo(file + " line 1");
            assertThat(setting(status, "persist-concurrency").at("/changed_at").asText())
                    .isNotEmpty();
            assertThat(setting(status, "inflight-ops").at("/value").asText()).isEqualTo("100");

            Files.writeString(file, "persist-concurrency=9\npersist-memory=much\n");
            hangUp(server);
            assertThat(server.awaitLine("SIGHUP changes nothing"))
                    .contains(file + " line 2: 'persist-memory' is 'much': expected a size");
            assertThat(server.status().at("/persist/gate_slots").asInt()).isEqualTo(7);
            assertThat(server.stop()).isZero();
        }
    }

    @Test
    void reconfigureChangesAllOrNothingAndTellsWhatNeedsARestart() throws Exception {
        try (SluiceServer server = SluiceServer.start(folder.resolve("data"))) {
            assertThat(server.run("reconfigure", "persist-concurrency=2", "persist-memory=64MiB", "log-level=debug"))
                    .isZero();
            JsonNode status = server.status();
            assertThat(status.at("/persist/gate_slots").asInt()).isEqualTo(2);
            assertThat(status.at("/persist/gate_limit_bytes").asLong()).isEqualTo(64 << 20);
            assertThat(setting(status, "persist-memory").at("/from").asText()).isEqualTo("sluice reconfigure");

            for (List<String> wrong : List.of(
                    List.of("persist-concurrency=3", "wal-dir=/elsewhere"),
                    List.of("persist-concurrency=3", "inflight-bytes=2MiB"),
                    List.of("persist-concurrency=3", "inflight-bytes=900GiB"),
                    List.of("persist-concurrency=3", "wal-max-bytes=127MiB"),
                    List.of("persist-concurrency=3", "create-on-write=perhaps"),
                    List.of("persist-concurrency=3", "no-such-setting=1"))) {
                String[] command = {"reconfigure", wrong.getFirst(), wrong.getLast()};
                assertThat(server.run(command)).as("%s", wrong).isEqualTo(2);
            }
            assertThat(server.status().at("/persist/gate_slots").asInt()).isEqualTo(2);
            assertThat(server.run("reconfigure")).isZero();

            hangUp(server);
            if (server.log().stream().noneMatch(line -> line.contains("SIGHUP is ignored"))) {
                server.awaitLine("SIGHUP: the server was started without --config");
            }
            assertThat(server.write("n", "cpu,host=a v=1 1\n".getBytes(UTF_8)).statusCode())
                    .isEqualTo(204);

            assertThat(server.run("reconfigure", "create-on-write=false", "wal-max-bytes=128MiB"))
                    .isZero();
            assertThat(server.status().at("/log/max_bytes").asLong()).isEqualTo(128 << 20);
            HttpResponse<String> unknown = server.write("other", "cpu,host=a v=1 1\n".getBytes(UTF_8));
            assertThat(unknown.statusCode()).isEqualTo(400);
            assertThat(unknown.body()).contains("--create-on-write");
            assertThat(server.write("n", "cpu,host=a w=1 1\n".getBytes(UTF_8)).statusCode())
                    .isEqualTo(204);
            assertThat(server.stop()).isZero();
        }
    }
}
