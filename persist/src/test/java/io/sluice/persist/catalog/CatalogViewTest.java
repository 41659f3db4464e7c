package io.sluice.persist.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.sluice.model.ColumnSchema;
import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionId;
import io.sluice.model.PartitionKey;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CatalogViewTest {
    private static final InstantSource CLOCK = InstantSource.fixed(Instant.parse("2026-01-01T00:00:00Z"));
    private static final IngesterId INGESTER = new IngesterId(new UUID(0, 5));
    private static final NamespaceName NAMESPACE = new NamespaceName("n");
    private static final TableName TABLE = new TableName("cpu");

    @TempDir
    private Path folder = Path.of("");

    private Path file() {
        return folder.resolve("a?b#c %41.db");
    }

    private String address() {
        return "sqlite:" + file();
    }

    /// A table with a partition that is in files up to write 7.
    private PartitionId fill(Catalog catalog) throws IOException {
        TableSchema table = catalog.ensureTable(NAMESPACE, TABLE, List.of(ColumnSchema.TIME), 10);
        PartitionId partition = new PartitionId(table.tableId(), new PartitionKey("2026-01-01"));
        long epoch = catalog.registerIngester(INGESTER).epoch();
        catalog.recordFile(
                new FileRecord(
                        "object",
                        NAMESPACE,
                        TABLE,
                        partition,
                        INGESTER,
                        new SequenceNumber(3),
                        new SequenceNumber(7),
                        1,
                        1,
                        0,
                        1,
                        Instant.EPOCH),
                epoch);
        return partition;
    }

    private void assertTells(CatalogView view, PartitionId partition) throws IOException {
        assertThat(view.findTable(NAMESPACE, TABLE).map(TableSchema::tableId)).contains(partition.tableId());
        assertThat(view.findTable(NAMESPACE, new TableName("mem"))).isEmpty();
        assertThat(view.persistedThrough(INGESTER, partition)).isEqualTo(new SequenceNumber(7));
        assertThat(view.persistedThrough(new IngesterId(new UUID(0, 6)), partition))
                .isEqualTo(SequenceNumber.NONE);
    }

    private Map<String, String> contents() throws IOException {
        Map<String, String> contents = new TreeMap<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path found : (Iterable<Path>) files::iterator) {
                contents.put(found.toString(), HexFormat.of().formatHex(Files.readAllBytes(found)));
            }
        }
        return contents;
    }

    @Test
    void tellsWhatTheCatalogHoldsWhileItIsInUse() throws IOException {
        try (Catalog catalog = Catalogs.open(address(), CLOCK);
                CatalogView view = Catalogs.view(address())) {
            assertThat(view.findTable(NAMESPACE, TABLE)).isEmpty();
            assertTells(view, fill(catalog));
        }
    }

    @Test
    void leavesNothingBehindInAFolderThatNobodyUses() throws IOException {
        PartitionId partition;
        try (Catalog catalog = Catalogs.open(address(), CLOCK)) {
            partition = fill(catalog);
        }
        Map<String, String> before = contents();
        assertThat(before).hasSize(1);
        try (CatalogView view = Catalogs.view(address())) {
            assertTells(view, partition);
            assertThat(contents()).isEqualTo(before);
        }
        assertThat(contents()).isEqualTo(before);
    }

    /// What a crash leaves: changes that are in the log beside the file only.
    @Test
    void tellsWhatACrashLeftBesideTheFile() throws IOException {
        Path copy = Files.createDirectory(folder.resolve("copy")).resolve("catalog.db");
        PartitionId partition;
        try (Catalog catalog = Catalogs.open(address(), CLOCK)) {
            partition = fill(catalog);
            Files.copy(file(), copy);
            Files.copy(Path.of(file() + "-wal"), Path.of(copy + "-wal"));
        }
        byte[] before = Files.readAllBytes(copy);
        try (CatalogView view = Catalogs.view("sqlite:" + copy)) {
            assertTells(view, partition);
        }
        assertThat(copy).hasBinaryContent(before);
    }

    @Test
    void refusesWhatIsNoCatalogOfThisVersionAndCreatesNone() throws IOException {
        assertThatExceptionOfType(CatalogException.class)
                .isThrownBy(() -> Catalogs.view(address()))
                .withMessageContaining("there is no such file");
        assertThat(file()).doesNotExist();
        Files.createFile(file());
        assertThatExceptionOfType(CatalogException.class)
                .isThrownBy(() -> Catalogs.view(address()))
                .withMessageContaining("its schema is of version 0: expected " + SchemaMigrations.VERSION);
        assertThat(file()).isEmptyFile();
        Files.writeString(file(), "no database at all, but long enough to be looked at".repeat(20));
        assertThatExceptionOfType(CatalogException.class)
                .isThrownBy(() -> Catalogs.view(address()))
                .withMessageContaining("expected a SQLite database");
        assertThatIllegalArgumentException().isThrownBy(() -> Catalogs.view("mysql:x"));
    }
}
