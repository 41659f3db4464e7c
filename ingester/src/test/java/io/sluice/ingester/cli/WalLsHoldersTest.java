package io.sluice.ingester.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.ingester.fixture.Logs;
import io.sluice.ingester.fixture.Pipeline;
import io.sluice.ingester.lineprotocol.KnownColumns;
import io.sluice.ingester.lineprotocol.LineProtocolParser;
import io.sluice.ingester.lineprotocol.ParseOptions;
import io.sluice.ingester.lineprotocol.Precision;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.TableName;
import io.sluice.persist.FreezeReason;
import io.sluice.wal.Wal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `sluice wal ls` beside the catalog of the server whose log it is.
final class WalLsHoldersTest {
    /// So that a segment, which has 4 KiB, has room for one write.
    private static final String PADDING = "x".repeat(3_000);

    @TempDir
    private Path data = Path.of("");

    /// A write of rows to `table`, one on each of the days since the epoch.
    private static byte[] write(String table, int... days) {
        StringBuilder lines = new StringBuilder();
        for (int day : days) {
            lines.append("%s v=1i,s=\"%s\" %d\n".formatted(table, PADDING, day * PartitionTemplate.DAY_NS));
        }
        byte[] body = lines.toString().getBytes(StandardCharsets.UTF_8);
        return new LineProtocolParser(7)
                .parse(
                        body,
                        0,
                        body.length,
                        new ParseOptions(Pipeline.NAMESPACE, Precision.NS, 0, 1, KnownColumns.NONE))
                .request()
                .orElseThrow();
    }

    private static void write(Wal wal, Pipeline pipeline, byte[] request) throws Exception {
        pipeline.apply(Logs.append(wal, request).value(), request);
    }

    private static void persist(Pipeline pipeline, String table) throws Exception {
        var _ = pipeline.buffer()
                .persist(Optional.of(Pipeline.NAMESPACE), Optional.of(new TableName(table)), FreezeReason.RPC);
        for (Pipeline.Job job : pipeline.jobs()) {
            if (!job.isDone()) {
                job.complete();
            }
        }
    }

    private List<String> heldBy(String... options) {
        String[] all = Arrays.copyOf(new String[] {"wal", "ls"}, options.length + 2);
        System.arraycopy(options, 0, all, 2, options.length);
        CommandRun run = CommandRun.of(all);
        assertThat(run.exitCode()).as(run.err()).isZero();
        int column = run.outLines().getFirst().indexOf("held by");
        return run.outLines().stream()
                .skip(1)
                .map(line -> line.substring(column))
                .toList();
    }

    @Test
    void eachSegmentTellsThePartitionsWhoseWritesInItAreInNoFile() throws Exception {
        String[] options = {"--data-dir", data.toString()};
        try (RootAllocator allocator = new RootAllocator();
                Pipeline pipeline = Pipeline.open(data, allocator);
                Wal wal = Logs.open(data.resolve("wal"))) {
            wal.replay((_, _) -> {}, Logs.THREADS);
            Logs.start(wal);
            write(wal, pipeline, write("cpu", 0));
            write(wal, pipeline, write("mem", 0, 1));
            write(wal, pipeline, write("cpu", 0, 0, 1, 2, 1, 3));
            // While the log and the catalog are in use.
            assertThat(heldBy(options))
                    .startsWith(
                            "1 partition: n/cpu/1970-01-01",
                            "2 partitions: n/mem/1970-01-01, n/mem/1970-01-02",
                            "4 partitions: n/cpu/1970-01-01, n/cpu/1970-01-02, n/cpu/1970-01-03, …");
            persist(pipeline, "cpu");
            assertThat(heldBy(options))
                    .startsWith("-", "2 partitions: n/mem/1970-01-01, n/mem/1970-01-02", "earlier segments");
            write(wal, pipeline, write("cpu", 3));
            assertThat(heldBy(options)).element(3).isEqualTo("1 partition: n/cpu/1970-01-04");
            persist(pipeline, "mem");
            assertThat(heldBy(options)).startsWith("-", "-", "-", "1 partition: n/cpu/1970-01-04");
        }
        // And when nobody uses them.
        assertThat(data.resolve("catalog.db-wal")).doesNotExist();
        assertThat(heldBy(options)).startsWith("-", "-", "-", "1 partition: n/cpu/1970-01-04");
        assertThat(data.resolve("catalog.db-wal")).doesNotExist();
        assertThat(data.resolve("catalog.db-shm")).doesNotExist();
        String log = data.resolve("wal").toString();
        assertThat(heldBy("--wal-dir", log, "--catalog", "sqlite:" + data.resolve("catalog.db")))
                .isEqualTo(heldBy(options));
        // Whose log it is cannot be known, so neither can be whose catalog.
        assertThat(heldBy("--wal-dir", log)).containsOnly("?");
    }

    @Test
    void aCatalogThatCannotBeReadIsToldOfAndTheSegmentsAreListed() throws Exception {
        try (Wal wal = Logs.open(data.resolve("wal"))) {
            wal.replay((_, _) -> {}, Logs.THREADS);
            Logs.start(wal);
            Logs.append(wal, write("cpu", 0));
        }
        Path file = Files.writeString(data.resolve("catalog.db"), "not a database".repeat(100));
        CommandRun run = CommandRun.of("wal", "ls", "--data-dir", data.toString());
        assertThat(run.exitCode()).isZero();
        assertThat(run.err()).contains("catalog " + file);
        assertThat(run.outLines()).hasSizeGreaterThan(1).last().asString().endsWith("  ?");
        // Who names it wants to know what it says.
        CommandRun.of("wal", "ls", "--data-dir", data.toString(), "--catalog", "sqlite:" + file)
                .assertFailed(ExitCodes.IO, "catalog " + file);
        CommandRun.of("wal", "ls", "--data-dir", data.toString(), "--catalog", "sqlite:" + data.resolve("none.db"))
                .assertFailed(ExitCodes.IO, "there is no such file");
        assertThat(data.resolve("none.db")).doesNotExist();
        CommandRun.of("wal", "ls", "--data-dir", data.toString(), "--catalog", "mysql:x")
                .assertFailed(ExitCodes.USAGE, "is not supported");
    }
}
