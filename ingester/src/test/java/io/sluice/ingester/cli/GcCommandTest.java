package io.sluice.ingester.cli;

import static org.assertj.core.api.Assertions.assertThat;

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
import io.sluice.persist.store.ObjectStores;
import io.sluice.persist.store.ObjectUpload;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `sluice gc` takes away what no catalog names, and nothing else, whatever it is pointed at.
final class GcCommandTest {
    private static final IngesterId INGESTER = new IngesterId(new UUID(1, 2));
    private static final String CATALOGUED = name(1, 5);
    private static final String OLD_ORPHAN = name(6, 9);
    private static final String YOUNG_ORPHAN = name(10, 12);
    private static final String FOREIGN = "notes/readme.txt";

    @TempDir
    private Path data = Path.of("");

    private static String name(long min, long max) {
        return "n/cpu/2026-11-20/%s-%020d-%020d-%010d.parquet".formatted(INGESTER, min, max, 1);
    }

    @BeforeEach
    void makeStoreAndCatalog() throws IOException {
        for (String name : List.of(CATALOGUED, OLD_ORPHAN, YOUNG_ORPHAN, FOREIGN)) {
            put(name, name.equals(YOUNG_ORPHAN) ? Duration.ofHours(2) : Duration.ofDays(3));
        }
        record("catalog.db", CATALOGUED);
    }

    private Path object(String name) {
        return data.resolve("objects").resolve(name);
    }

    private void put(String name, Duration age) throws IOException {
        try (ObjectUpload upload =
                ObjectStores.open("file:" + data.resolve("objects")).upload(name)) {
            upload.out().write("arbitrary".getBytes(StandardCharsets.UTF_8));
            upload.complete();
        }
        Files.setLastModifiedTime(
                object(name), FileTime.from(Clock.systemUTC().instant().minus(age)));
    }

    /// Makes a catalog that names one object.
    private void record(String catalogFile, String objectName) throws IOException {
        try (Catalog catalog = Catalogs.open("sqlite:" + data.resolve(catalogFile), Clock.systemUTC())) {
            long epoch = catalog.registerIngester(INGESTER).epoch();
            NamespaceName namespace = new NamespaceName("n");
            TableSchema table = catalog.ensureTable(
                    namespace, new TableName("cpu"), List.of(ColumnSchema.field("v", ColumnType.F64)), 10);
            catalog.recordFile(
                    new FileRecord(
                            objectName,
                            namespace,
                            table.table(),
                            new PartitionId(table.tableId(), new PartitionKey("2026-11-20")),
                            INGESTER,
                            new SequenceNumber(1),
                            new SequenceNumber(5),
                            5,
                            9,
                            0,
                            1,
                            Instant.EPOCH),
                    epoch);
        }
    }

    private CommandRun gc(String... arguments) {
        String[] all = Arrays.copyOf(new String[] {"gc", "--data-dir", data.toString()}, arguments.length + 3);
        System.arraycopy(arguments, 0, all, 3, arguments.length);
        return CommandRun.of(all);
    }

    private void assertNothingWasDeleted() {
        for (String name : List.of(CATALOGUED, OLD_ORPHAN, YOUNG_ORPHAN, FOREIGN)) {
            assertThat(object(name)).exists();
        }
    }

    @Test
    void orphansAreListedAndStay() {
        CommandRun run = gc();
        assertThat(run.exitCode()).as(run.err()).isZero();
        assertThat(run.outLines()).hasSize(3);
        assertThat(run.outLines().getFirst()).endsWith("  9 B  " + OLD_ORPHAN);
        assertThat(run.outLines().get(1)).endsWith(YOUNG_ORPHAN);
        assertThat(run.outLines().getLast()).isEqualTo("2 objects are not in the catalog");
        assertNothingWasDeleted();
    }

    @Test
    void deleteTakesOldOrphansOnly() {
        CommandRun run = gc("--delete");
        assertThat(run.exitCode()).as(run.err()).isZero();
        assertThat(run.outLines()).hasSize(2);
        assertThat(run.outLines().getFirst()).endsWith(OLD_ORPHAN);
        assertThat(run.outLines().getLast()).isEqualTo("1 objects deleted");
        assertThat(object(OLD_ORPHAN)).doesNotExist();
        for (String name : List.of(CATALOGUED, YOUNG_ORPHAN, FOREIGN)) {
            assertThat(object(name)).exists();
        }
    }

    @Test
    void deleteTakesAYoungerOneIfItMay() {
        assertThat(gc("--delete", "--older-than", "1h").exitCode()).isZero();
        assertThat(object(YOUNG_ORPHAN)).doesNotExist();
        assertThat(object(CATALOGUED)).exists();
    }

    @Test
    void anAgeAtWhichAServerMayBeAboutToRecordTheObjectIsRefused() {
        for (String age : new String[] {"0s", "59m", "PT-5H", "36501d"}) {
            gc("--delete", "--older-than", age).assertFailed(ExitCodes.USAGE, "--older-than", "expected 1h");
        }
        for (String age : new String[] {"soon", "-1h", "99999999999999999d", "99999999999999999999d"}) {
            gc("--delete", "--older-than", age).assertFailed(ExitCodes.USAGE, "is no duration");
        }
        assertNothingWasDeleted();
    }

    @Test
    void aMissingCatalogIsNoEmptyOne() throws IOException {
        Files.delete(data.resolve("catalog.db"));
        for (String[] arguments : new String[][] {{}, {"--delete"}}) {
            gc(arguments).assertFailed(ExitCodes.IO, "there is no catalog", "catalog.db");
        }
        assertThat(data.resolve("catalog.db")).doesNotExist();
        assertNothingWasDeleted();
    }

    @Test
    void anEmptyCatalogDeletesNothing() throws IOException {
        Catalogs.open("sqlite:" + data.resolve("empty.db"), Clock.systemUTC()).close();
        gc("--delete", "--catalog", "sqlite:" + data.resolve("empty.db"))
                .assertFailed(ExitCodes.PARTIAL, "nothing was deleted", "empty.db");
        assertNothingWasDeleted();
    }

    @Test
    void aCatalogOfAnotherServerDeletesNothing() throws IOException {
        record("other.db", "n/cpu/2026-11-20/%s-%020d-%020d-%010d.parquet".formatted(new UUID(3, 4), 1, 5, 1));
        gc("--delete", "--catalog", "sqlite:" + data.resolve("other.db"))
                .assertFailed(ExitCodes.PARTIAL, "nothing was deleted", "other.db");
        assertNothingWasDeleted();
    }

    @Test
    void aDatabaseOfAnotherProgramIsRefusedAndNotTouched() throws Exception {
        Path other = data.resolve("photos.db");
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + other);
                Statement statement = connection.createStatement()) {
            statement.execute("CREATE TABLE photos (name TEXT)");
        }
        byte[] before = Files.readAllBytes(other);
        gc("--delete", "--catalog", "sqlite:" + other).assertFailed(ExitCodes.IO, "photos.db", "another program");
        assertThat(Files.readAllBytes(other)).isEqualTo(before);
        Path text = Files.writeString(data.resolve("text.db"), "no database".repeat(100));
        CommandRun run = gc("--delete", "--catalog", "sqlite:" + text);
        run.assertFailed(ExitCodes.IO, "text.db");
        assertThat(Files.readString(text)).isEqualTo("no database".repeat(100));
        assertNothingWasDeleted();
    }

    @Test
    void aMissingStoreIsNamedAndNotMade() {
        gc("--object-store", "file:" + data.resolve("none")).assertFailed(ExitCodes.IO, "there is no object store");
        assertThat(data.resolve("none")).doesNotExist();
    }

    @Test
    void addressesThatAreNotSupportedAreErrorsOfUsage() {
        gc("--object-store", "s3:bucket").assertFailed(ExitCodes.USAGE, "s3:bucket", "expected file:DIR");
        gc("--object-store", "s3://b").assertFailed(ExitCodes.USAGE, "s3://b", "3 to 63");
        gc("--object-store", "s3://bucket", "--s3-endpoint", "ftp://host")
                .assertFailed(ExitCodes.USAGE, "--s3-endpoint", "expected http");
        gc("--catalog", "mysql://user:secret@host/db").assertFailed(ExitCodes.USAGE, "expected sqlite:FILE");
        gc("--catalog", "postgresql://user:secret@/db").assertFailed(ExitCodes.USAGE, "expected postgresql://");
        assertThat(gc("--catalog", "mysql://user:secret@host/db").err()).doesNotContain("secret");
        assertThat(gc("--catalog", "postgresql://user:secret@/db").err()).doesNotContain("secret");
        assertNothingWasDeleted();
    }

    @Test
    void withNothingToDeleteNothingIsWrong() throws IOException {
        Files.delete(object(OLD_ORPHAN));
        Files.delete(object(YOUNG_ORPHAN));
        CommandRun run = gc("--delete");
        assertThat(run.exitCode()).as(run.err()).isZero();
        assertThat(run.out().strip()).isEqualTo("0 objects deleted");
    }
}
