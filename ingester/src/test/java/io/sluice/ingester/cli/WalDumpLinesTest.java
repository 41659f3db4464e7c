package io.sluice.ingester.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.ingester.door.DecodedRows;
import io.sluice.ingester.door.DecodedRows.TagValue;
import io.sluice.ingester.door.DecodedWrite;
import io.sluice.ingester.door.WriteDecoder;
import io.sluice.ingester.fixture.GeneratedTable;
import io.sluice.ingester.fixture.Logs;
import io.sluice.ingester.lineprotocol.KnownColumns;
import io.sluice.ingester.lineprotocol.LineProtocolParser;
import io.sluice.ingester.lineprotocol.ParseOptions;
import io.sluice.ingester.lineprotocol.ParsedLines;
import io.sluice.ingester.lineprotocol.Precision;
import io.sluice.model.NamespaceName;
import io.sluice.wal.Wal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `sluice wal dump --format lp`: rows → log → lines → the parser → the same rows.
final class WalDumpLinesTest {
    private static final long ARBITRARY_SEED = 42;
    private static final List<String> TABLES = List.of("cpu", "m e,m", "d=k", "é \"q\"", "a\\,b", "日本");

    @TempDir
    private Path folder = Path.of("");

    private void append(Path log, List<byte[]> writes) throws Exception {
        try (Wal wal = Logs.open(log)) {
            wal.replay((_, _) -> {}, Logs.THREADS);
            Logs.start(wal);
            for (byte[] write : writes) {
                Logs.append(wal, write);
            }
        }
    }

    private static CommandRun dump(Path log, String... more) {
        List<String> all = new ArrayList<>(List.of("wal", "dump", "--format", "lp", "--wal-dir", log.toString()));
        all.addAll(List.of(more));
        return CommandRun.of(all.toArray(String[]::new));
    }

    private static Map<String, List<Map<String, Object>>> parse(String lines) throws Exception {
        byte[] body = lines.getBytes(StandardCharsets.UTF_8);
        ParsedLines parsed = new LineProtocolParser(ARBITRARY_SEED)
                .parse(
                        body,
                        0,
                        body.length,
                        new ParseOptions(new NamespaceName("n"), Precision.NS, 0, 10, KnownColumns.NONE));
        assertThat(parsed.errors()).isEmpty();
        DecodedWrite write = WriteDecoder.decode(parsed.request().orElseThrow());
        return DecodedRows.of(write);
    }

    private static boolean hasLine(Map<String, Object> row) {
        boolean hasField = false;
        for (Map.Entry<String, Object> value : row.entrySet()) {
            if (value.getValue() instanceof TagValue(String text)) {
                if (text.isEmpty() || text.contains("\n")) {
                    return false;
                }
            } else {
                hasField |= !value.getKey().equals("time");
            }
            if (value.getValue() instanceof Double number && !Double.isFinite(number)) {
                return false;
            }
        }
        return hasField;
    }

    @Test
    void everyRowThatALineCanHoldIsReadBackAsItWasWritten() throws Exception {
        for (long seed = 0; seed < 30; seed++) {
            Random random = new Random(seed);
            List<byte[]> writes = new ArrayList<>();
            Map<String, List<Map<String, Object>>> expected = new TreeMap<>();
            long rows = 0;
            long rowsWithLine = 0;
            for (int write = 0; write < 5; write++) {
                String name = TABLES.get(random.nextInt(TABLES.size()));
                GeneratedTable table = GeneratedTable.of(random, name, random.nextInt(1, 60));
                writes.add(GeneratedTable.request("n", table));
                List<Map<String, Object>> withLine =
                        table.rows().stream().filter(WalDumpLinesTest::hasLine).toList();
                rows += table.rows().size();
                rowsWithLine += withLine.size();
                if (!withLine.isEmpty()) {
                    expected.computeIfAbsent(name, _ -> new ArrayList<>()).addAll(withLine);
                }
            }
            Path log = folder.resolve("log" + seed);
            append(log, writes);
            CommandRun run = dump(log);
            if (rowsWithLine > 0) {
                assertThat(parse(run.out())).as("seed %d", seed).isEqualTo(expected);
            }
            assertThat(run.exitCode())
                    .as("seed %d: %s", seed, run.err())
                    .isEqualTo(rows == rowsWithLine ? ExitCodes.OK : ExitCodes.PARTIAL);
            if (rows > rowsWithLine) {
                assertThat(run.err()).contains((rows - rowsWithLine) + " rows and 0 entries were left out");
            }
        }
    }

    @Test
    void writesToSeveralNamespacesAreNotMixed() throws Exception {
        Path log = folder.resolve("log");
        List<byte[]> writes = new ArrayList<>();
        for (String namespace : List.of("a", "b", "a")) {
            writes.add(parsedRequest(namespace, "cpu v=1i %d\n".formatted(writes.size())));
        }
        append(log, writes);
        assertThat(dump(log, "--namespace", "a").outLines()).containsExactly("cpu v=1i 0", "cpu v=1i 2");
        assertThat(dump(log, "--namespace", "b").outLines()).containsExactly("cpu v=1i 1");
        assertThat(dump(log, "--namespace", "c").out()).isEmpty();
        CommandRun mixed = dump(log);
        assertThat(mixed.exitCode()).isEqualTo(ExitCodes.USAGE);
        assertThat(mixed.err()).contains("namespace 'a'", "from 2 on, to 'b'", "--namespace");
        assertThat(dump(log, "--to", "1").outLines()).containsExactly("cpu v=1i 0");
    }

    @Test
    void anEntryThatIsNoWriteIsToldOfAndTheOthersAreThere() throws Exception {
        Path log = folder.resolve("log");
        append(log, List.of(new byte[] {(byte) 0xff, 1}, parsedRequest("a", "cpu v=1i 7\n")));
        CommandRun run = dump(log);
        assertThat(run.outLines()).containsExactly("cpu v=1i 7");
        assertThat(run.err()).contains("left out: write 1: ").contains("0 rows and 1 entries were left out");
        assertThat(run.exitCode()).isEqualTo(ExitCodes.PARTIAL);
    }

    private static byte[] parsedRequest(String namespace, String lines) {
        byte[] body = lines.getBytes(StandardCharsets.UTF_8);
        return new LineProtocolParser(ARBITRARY_SEED)
                .parse(
                        body,
                        0,
                        body.length,
                        new ParseOptions(new NamespaceName(namespace), Precision.NS, 0, 10, KnownColumns.NONE))
                .request()
                .orElseThrow();
    }
}
