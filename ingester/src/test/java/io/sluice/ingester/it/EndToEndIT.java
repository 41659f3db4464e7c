package io.sluice.ingester.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.ingester.fixture.RawHttp2;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The way of a write, end to end, on real input: ARCHITECTURE.md, invariants 1, 3, 5 and 9.
final class EndToEndIT {
    @TempDir
    private Path data = Path.of("");

    static byte[] sample(String name) throws IOException {
        try (InputStream in =
                Objects.requireNonNull(EndToEndIT.class.getResourceAsStream("/lineprotocol/" + name), name)) {
            return name.endsWith(".gz") ? new GZIPInputStream(in).readAllBytes() : in.readAllBytes();
        }
    }

    @Test
    void whatWasWrittenIsReadBackThenSurvivesAKillAndThenIsInFilesOnce() throws Exception {
        byte[] telegraf = sample("telegraf_metrics.lp.gz");
        byte[] devops = sample("tsbs_devops.lp.gz");
        Path cpuFile = data.resolve("cpu.lp");
        byte[] cpu = sample("tsbs_cpu.lp.gz");
        Files.write(cpuFile, cpu);
        try (SluiceServer server = SluiceServer.start(data)) {
            assertThat(server.write("telegraf", telegraf).statusCode()).isEqualTo(204);
            assertThat(server.write("devops", devops).statusCode()).isEqualTo(204);
            assertThat(server.run("write", "--namespace", "cpu", cpuFile.toString()))
                    .isZero();
            requireReadable(server, "telegraf", Rows.ofLines(telegraf));
            requireReadable(server, "devops", Rows.ofLines(devops));
            requireReadable(server, "cpu", Rows.ofLines(cpu));
            server.kill();
        }
        try (SluiceServer server = SluiceServer.start(data)) {
            requireReadable(server, "telegraf", Rows.ofLines(telegraf));
            requireReadable(server, "devops", Rows.ofLines(devops));
            requireReadable(server, "cpu", Rows.ofLines(cpu));
            assertThat(server.run("persist")).isZero();
            requireInFiles(server, "telegraf", Rows.merged(telegraf));
            requireInFiles(server, "devops", Rows.merged(devops));
            requireInFiles(server, "cpu", Rows.merged(cpu));
            server.kill();
        }
        try (SluiceServer server = SluiceServer.start(data)) {
            requireInFiles(server, "cpu", Rows.merged(cpu));
            assertThat(server.stop()).isZero();
        }
    }

    private static void requireReadable(SluiceServer server, String namespace, Map<String, List<String>> expected)
            throws Exception {
        for (Map.Entry<String, List<String>> table : expected.entrySet()) {
            assertThat(Rows.query(server, namespace, table.getKey()))
                    .as("%s.%s", namespace, table.getKey())
                    .isEqualTo(table.getValue());
        }
    }

    private void requireInFiles(SluiceServer server, String namespace, Map<String, List<String>> expected)
            throws Exception {
        for (Map.Entry<String, List<String>> table : expected.entrySet()) {
            assertThat(Rows.query(server, namespace, table.getKey())).isEmpty();
            assertThat(Rows.files(data, namespace, table.getKey()))
                    .as("%s.%s", namespace, table.getKey())
                    .isEqualTo(table.getValue());
        }
    }

    @Test
    void aStopPersistsEverythingAndExitsWithZero() throws Exception {
        byte[] lines = sample("air_and_water.lp");
        try (SluiceServer server = SluiceServer.start(data)) {
            assertThat(server.write("air", lines).statusCode()).isEqualTo(204);
            assertThat(server.stop()).isZero();
        }
        for (Map.Entry<String, List<String>> table : Rows.merged(lines).entrySet()) {
            assertThat(Rows.files(data, "air", table.getKey())).isEqualTo(table.getValue());
        }
    }

    @Test
    @DisplayName("Invariant 6: what has come of a gRPC message is on the ledger before the message is complete")
    void aMessageThatIsNotCompleteIsOnTheLedger() throws Exception {
        try (SluiceServer server = SluiceServer.start(data);
                RawHttp2 client = new RawHttp2(server.grpcPort())) {
            client.begin(1, "/sluice.v1.WriteService/Write");
            client.message(1, 1_000_000, 15_000);
            while (server.status().at("/memory/accounts/arriving").asLong() < 15_000) {
                Thread.onSpinWait();
            }
            client.cancel(1);
            while (server.status().at("/memory/accounts/arriving").asLong() > 0) {
                Thread.onSpinWait();
            }
            assertThat(server.stop()).isZero();
        }
    }

    @Test
    void aSecondServerOnTheSameFolderIsRefusedAndTheFirstGoesOn() throws Exception {
        try (SluiceServer server = SluiceServer.start(data)) {
            Process second = new ProcessBuilder(
                            SluiceServer.LAUNCHER.toString(),
                            "serve",
                            "--data-dir",
                            data.toString(),
                            "--grpc-bind",
                            "127.0.0.1:0",
                            "--http-bind",
                            "127.0.0.1:0")
                    .redirectErrorStream(true)
                    .start();
            String output = new String(second.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(second.waitFor()).isEqualTo(69);
            assertThat(output).contains("in use by process").contains(data.toString());
            assertThat(server.get("/ready").statusCode()).isEqualTo(200);
        }
    }

    /// Runs `sluice query` in a process of its own, as it writes to the real standard output; returns its exit code.
    private static int query(SluiceServer server, String table, String... options) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                SluiceServer.LAUNCHER.toString(),
                "query",
                "--server",
                "127.0.0.1:" + server.grpcPort(),
                "--namespace",
                "n",
                table));
        command.addAll(List.of(options));
        return new ProcessBuilder(command)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start()
                .waitFor();
    }

    private static byte[] gzip(byte[] bytes) throws IOException {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
            out.write(bytes);
        }
        return packed.toByteArray();
    }

    @Test
    void badInputIsNamedAndTheServerGoesOnServing() throws Exception {
        try (SluiceServer server = SluiceServer.start(data, "--max-request-bytes", "1MiB")) {
            var mixed = server.write("n", "m f=1 1\nm f= 2\nm,t=a f=2 3\n".getBytes(StandardCharsets.UTF_8));
            assertThat(mixed.statusCode()).isEqualTo(400);
            assertThat(mixed.body())
                    .contains("\"line\":2")
                    .contains("\"bad_lines\":1")
                    .contains("\"written_lines\":2");
            var conflict = server.write("n", "m f=1i 4".getBytes(StandardCharsets.UTF_8));
            assertThat(conflict.statusCode()).isEqualTo(400);
            assertThat(conflict.body()).contains("F64").contains("I64");
            assertThat(server.post("/api/v2/write?bucket=n&precision=h2", new byte[] {'m'})
                            .statusCode())
                    .isEqualTo(400);
            assertThat(server.post("/api/v2/write", new byte[] {'m'}).body()).contains("bucket");
            assertThat(server.write("n", new byte[(1 << 20) + 1]).statusCode()).isEqualTo(413);
            assertThat(server.post("/api/v2/write?bucket=n", new byte[] {1, 2, 3}, "Content-Encoding", "gzip")
                            .statusCode())
                    .isEqualTo(400);
            assertThat(server.post("/api/v2/write?bucket=n", gzip(new byte[20 << 20]), "Content-Encoding", "gzip")
                            .statusCode())
                    .as("a small body that unpacks to more than the limit")
                    .isEqualTo(413);
            byte[] packed = gzip("g f=1 1".getBytes(StandardCharsets.UTF_8));
            assertThat(server.post("/write?db=n", packed, "Content-Encoding", "gzip")
                            .statusCode())
                    .isEqualTo(204);
            assertThat(Rows.query(server, "n", "g")).hasSize(1);
            for (String format : List.of("table", "csv", "json", "arrow")) {
                assertThat(query(server, "m", "--format", format)).as(format).isZero();
            }
            assertThat(query(server, "missing")).isEqualTo(1);
            assertThat(server.get("/nothing").statusCode()).isEqualTo(404);
            assertThat(server.get("/metrics").body()).contains("sluice_wal_sync_seconds_count");
            assertThat(server.get("/status").body()).contains("\"state\" : \"running\"");
            assertThat(Rows.query(server, "n", "m")).hasSize(2);
        }
    }
}
