package io.sluice.ingester.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionId;
import io.sluice.model.PartitionKey;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.persist.catalog.Catalog;
import io.sluice.persist.catalog.Catalogs;
import io.sluice.persist.catalog.FileRecord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `sluice files` tells what the catalog says, `sluice files verify` whether it is so.
final class FilesCommandTest {
    private static final IngesterId INGESTER = new IngesterId(new UUID(1, 2));
    private static final int MORE_THAN_A_PAGE = 1_203;

    @TempDir
    private Path data = Path.of("");

    @BeforeEach
    void makeStoreAndCatalog() throws IOException {
        Files.createDirectories(data.resolve("objects"));
        try (Catalog catalog = Catalogs.open("sqlite:" + data.resolve("catalog.db"), Clock.systemUTC())) {
            long epoch = catalog.registerIngester(INGESTER).epoch();
            record(catalog, epoch, "cpu", 1, 5);
            record(catalog, epoch, "cpu", 6, 9);
            record(catalog, epoch, "mem", 10, 12);
        }
    }

    private static void record(Catalog catalog, long epoch, String tableName, long min, long max) throws IOException {
        NamespaceName namespace = new NamespaceName("n");
        TableSchema table = catalog.ensureTable(
                namespace, new TableName(tableName), List.of(ColumnSchema.field("v", ColumnType.F64)), 10);
        catalog.recordFile(
                new FileRecord(
                        "n/%s/2026-11-20/%s-%020d-%020d-%010d.parquet".formatted(tableName, INGESTER, min, max, 1),
                        namespace,
                        table.table(),
                        new PartitionId(table.tableId(), new PartitionKey("2026-11-20")),
                        INGESTER,
                        new SequenceNumber(min),
                        new SequenceNumber(max),
                        7,
                        2_048,
                        -1,
                        1_763_683_200_000_000_000L,
                        Instant.EPOCH),
                epoch);
    }

    private CommandRun files(String... arguments) {
        String[] all = Arrays.copyOf(arguments, arguments.length + 3);
        System.arraycopy(arguments, 0, all, 1, arguments.length);
        all[0] = "files";
        all[arguments.length + 1] = "--data-dir";
        all[arguments.length + 2] = data.toString();
        return CommandRun.of(all);
    }

    @Test
    void aNamespaceHasTheFilesOfItsTables() {
        CommandRun run = files("--namespace", "n");
        assertThat(run.exitCode()).as(run.err()).isZero();
        assertThat(run.outLines()).hasSize(5);
        assertThat(run.outLines().get(1))
                .startsWith("cpu ")
                .contains("2026-11-20", " 7 ", "2.0 KiB", "1969-12-31T23:59:59.999999999Z", "2025-11-21T00:00:00Z");
        assertThat(run.outLines().getLast()).isEqualTo("3 files, 21 rows, 6.0 KiB");
        assertThat(files("--namespace", "n", "cpu").outLines()).hasSize(4);
    }

    @Test
    void jsonIsOneObjectALine() throws IOException {
        CommandRun run = files("--namespace", "n", "cpu", "--format", "json");
        assertThat(run.exitCode()).as(run.err()).isZero();
        assertThat(run.outLines()).hasSize(2);
        JsonNode file = new ObjectMapper().readTree(run.outLines().getLast());
        assertThat(file.get("table").asText()).isEqualTo("cpu");
        assertThat(file.get("rows").asLong()).isEqualTo(7);
        assertThat(file.get("bytes").asLong()).isEqualTo(2_048);
        assertThat(file.get("min_sequence").asLong()).isEqualTo(6);
        assertThat(file.get("max_sequence").asLong()).isEqualTo(9);
        assertThat(file.get("min_time").asText()).isEqualTo("1969-12-31T23:59:59.999999999Z");
    }

    @Test
    void allPagesAreListed() throws IOException {
        try (Catalog catalog = Catalogs.open("sqlite:" + data.resolve("catalog.db"), Clock.systemUTC())) {
            long epoch = catalog.registerIngester(INGESTER).epoch();
            for (int i = 0; i < MORE_THAN_A_PAGE; i++) {
                record(catalog, epoch, "many", 100 + i, 100 + i);
            }
        }
        assertThat(files("--namespace", "n", "many", "--format", "json").outLines())
                .hasSize(MORE_THAN_A_PAGE)
                .doesNotHaveDuplicates();
    }

    @Test
    void whatIsNotThereIsNamed() {
        files("--namespace", "none").assertFailed(ExitCodes.PARTIAL, "there is no namespace 'none'");
        files("--namespace", "n", "none").assertFailed(ExitCodes.PARTIAL, "there is no table 'none'");
        files().assertFailed(ExitCodes.USAGE, "--namespace is missing");
        files("verify", "cpu").assertFailed(ExitCodes.USAGE, "--namespace is missing");
        CommandRun.of(
                        "files",
                        "--namespace",
                        "n",
                        "--data-dir",
                        data.resolve("none").toString())
                .assertFailed(ExitCodes.IO, "there is no catalog");
        assertThat(data.resolve("none")).doesNotExist();
    }

    @Test
    void missingAndDamagedFilesAreNamedByVerify() throws IOException {
        Path damaged =
                data.resolve("objects/n/mem/2026-11-20/%s-%020d-%020d-%010d.parquet".formatted(INGESTER, 10, 12, 1));
        Files.createDirectories(damaged.getParent());
        Files.write(damaged, new byte[2_048]);
        CommandRun run = files("verify");
        assertThat(run.exitCode()).isEqualTo(ExitCodes.PARTIAL);
        assertThat(run.outLines()).hasSize(4);
        assertThat(run.outLines().getFirst()).endsWith(": it is missing: expected 2048 bytes, 7 rows");
        assertThat(run.outLines().get(2)).contains("/mem/").contains("it is no Parquet file");
        assertThat(run.outLines().getLast()).isEqualTo("3 files, 3 not as they should be");
        assertThat(files("verify", "--namespace", "n", "mem").outLines()).hasSize(2);
    }
}
