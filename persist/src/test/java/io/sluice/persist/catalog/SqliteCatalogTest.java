package io.sluice.persist.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.model.ColumnSchema;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SequenceNumber;
import io.sluice.model.SortKey;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.persist.catalog.CatalogLimitException.Limit;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sqlite.SQLiteErrorCode;
import org.sqlite.SQLiteException;

final class SqliteCatalogTest extends CatalogContractTest {
    private static final InstantSource CLOCK = InstantSource.fixed(ARBITRARY_INSTANT);

    @TempDir
    private Path folder;

    private Path file;
    private Catalog catalog;

    @BeforeEach
    void openCatalog() throws IOException {
        file = folder.resolve("new/folders/catalog.db");
        catalog = SqliteCatalog.open(file, CLOCK);
    }

    @AfterEach
    void closeCatalog() throws IOException {
        catalog.close();
    }

    @Override
    Catalog catalog() {
        return catalog;
    }

    @Test
    void everythingIsThereAfterReopening() throws IOException {
        TableSchema table = ensure(METRICS, CPU, HOST, REGION, USAGE);
        catalog.compareAndSetSortKey(table.tableId(), SortKey.EMPTY, key("host"));
        long epoch = catalog.registerIngester(INGESTER).epoch();
        FileRecord recorded = file(table, DAY_1, INGESTER, 2, 9);
        catalog.recordFile(recorded, epoch);
        catalog.close();

        catalog = SqliteCatalog.open(file, CLOCK);

        TableSchema found = catalog.findTable(METRICS, CPU).orElseThrow();
        assertThat(found.tableId()).isEqualTo(table.tableId());
        assertThat(found.columns()).isEqualTo(table.columns());
        assertThat(catalog.sortKey(table.tableId())).isEqualTo(key("host"));
        assertThat(catalog.files(METRICS, CPU)).containsExactly(recorded);
        assertThat(catalog.registerIngester(INGESTER))
                .isEqualTo(new Catalog.Registration(epoch + 1, new SequenceNumber(9)));
    }

    @Test
    void whatOneProcessCommitsAnotherOneSees() throws IOException {
        try (var other = SqliteCatalog.open(file, CLOCK)) {
            TableSchema table = ensure(METRICS, CPU, HOST);
            long stale = catalog.registerIngester(INGESTER).epoch();
            assertThat(other.findTable(METRICS, CPU)).isPresent();

            long epoch = other.registerIngester(INGESTER).epoch();

            assertThatThrownBy(() -> catalog.recordFile(file(table, DAY_1, INGESTER, 1, 1), stale))
                    .isInstanceOf(StaleEpochException.class);
            other.recordFile(file(table, DAY_1, INGESTER, 1, 1), epoch);
            assertThat(catalog.objectNames()).hasSize(1);
        }
    }

    @Test
    void manyMayCreateAndUseOneCatalogAtOnce() throws Exception {
        Path shared = folder.resolve("shared.db");
        List<Callable<Integer>> openers = IntStream.range(0, 8)
                .mapToObj(i -> (Callable<Integer>) () -> {
                    try (var own = SqliteCatalog.open(shared, CLOCK)) {
                        own.ensureTable(METRICS, new TableName("t" + i), List.of(HOST), 2);
                        return own.tables(METRICS).size();
                    }
                })
                .toList();

        assertThat(race(openers)).allSatisfy(seen -> assertThat(seen).isPositive());
        try (var after = SqliteCatalog.open(shared, CLOCK)) {
            assertThat(after.tables(METRICS)).hasSize(8);
        }
    }

    /// ARCHITECTURE.md, invariants 3 and 9: what was reported as recorded is there after `kill -9`, and nothing has a
    /// hole.
    @Test
    void whatWasReportedAsRecordedSurvivesKill() throws Exception {
        Path killed = folder.resolve("killed.db");
        int acknowledgedBeforeKill = 50;
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        RecordUntilKilled.class.getName(),
                        killed.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        long acknowledged = 0;
        try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (!line.equals(Long.toString(acknowledged + 1))) {
                    break; // torn by the kill
                }
                acknowledged++;
                if (acknowledged == acknowledgedBeforeKill) {
                    process.toHandle().destroyForcibly(); // unlike that of Process, leaves the pipe open
                }
            }
        } finally {
            process.destroyForcibly().waitFor();
        }

        assertThat(acknowledged).isGreaterThanOrEqualTo(acknowledgedBeforeKill);
        try (var after = SqliteCatalog.open(killed, CLOCK)) {
            List<FileRecord> files = after.files(METRICS, CPU);
            assertThat(files).hasSizeBetween((int) acknowledged, (int) acknowledged + 1);
            for (int i = 0; i < files.size(); i++) {
                assertThat(files.get(i).minSequence()).isEqualTo(new SequenceNumber(i + 1));
            }
            assertThat(after.registerIngester(INGESTER).highestPersisted())
                    .isEqualTo(files.getLast().maxSequence());
        }
    }

    @Test
    void commitsAreSyncedAndForeignKeysChecked() throws Exception {
        try (Connection connection = SqliteSession.connect(file)) {
            assertThat(pragma(connection, "journal_mode")).isEqualTo("wal");
            assertThat(pragma(connection, "synchronous")).as("2 is FULL").isEqualTo("2");
            assertThat(pragma(connection, "foreign_keys")).isEqualTo("1");
            assertThat(pragma(connection, "busy_timeout")).isEqualTo("10000");
        }
    }

    @Test
    void aFileThatIsNoDatabaseIsRefusedAndLeftAlone() throws IOException {
        Path foreign = folder.resolve("notes.txt");
        byte[] content = "these are somebody's notes, not a database at all. "
                .repeat(100)
                .getBytes(StandardCharsets.UTF_8);
        Files.write(foreign, content);

        assertThatThrownBy(() -> SqliteCatalog.open(foreign, CLOCK))
                .isInstanceOf(CatalogException.class)
                .hasMessageContaining("catalog " + foreign + ": cannot open it")
                .hasMessageContaining("expected a SQLite database");
        assertThat(foreign).hasBinaryContent(content);
    }

    @Test
    void aDatabaseOfAnotherProgramIsRefusedAndLeftAlone() throws Exception {
        Path foreign = folder.resolve("foreign.db");
        try (Connection connection = SqliteSession.connect(foreign)) {
            SqliteSession.execute(connection, "CREATE TABLE songs (title TEXT)");
        }
        byte[] before = Files.readAllBytes(foreign);

        assertThatThrownBy(() -> SqliteCatalog.open(foreign, CLOCK))
                .isInstanceOf(CatalogException.class)
                .hasMessageContaining("catalog " + foreign + ": the SQLite database is of another program")
                .hasMessageContaining("expected application id 536c6365, found 00000000");
        assertThat(foreign).hasBinaryContent(before);
    }

    @Test
    void aNewerSchemaIsRefusedWithBothVersions() throws Exception {
        try (Connection connection = SqliteSession.connect(file)) {
            SqliteSession.execute(connection, "PRAGMA user_version = 4711");
        }

        assertThatThrownBy(() -> SqliteCatalog.open(file, CLOCK))
                .isInstanceOf(CatalogException.class)
                .hasMessage(
                        "catalog %s: its schema is of version 4711, written by a newer Sluice:"
                                + " this one supports versions up to %d",
                        file, SchemaMigrations.VERSION);
    }

    @Test
    void anEmptyFileBecomesACatalog() throws IOException {
        Path empty = Files.createFile(folder.resolve("empty.db"));

        try (var opened = SqliteCatalog.open(empty, CLOCK)) {
            opened.createNamespace(METRICS, PartitionTemplate.DAILY);
            assertThat(opened.namespaces()).containsExactly(METRICS);
        }
    }

    @Test
    void aFolderInTheFilesPlaceIsRefused() throws IOException {
        Path blocked = Files.createDirectory(folder.resolve("blocked.db"));

        assertThatThrownBy(() -> SqliteCatalog.open(blocked, CLOCK))
                .isInstanceOf(CatalogException.class)
                .hasMessageContaining("catalog " + blocked)
                .hasMessageContaining("expected a file or nothing");
    }

    @Test
    void aFileInTheFoldersPlaceIsRefused() throws IOException {
        Path blocking = Files.createFile(folder.resolve("blocking"));

        assertThatThrownBy(() -> SqliteCatalog.open(blocking.resolve("catalog.db"), CLOCK))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(blocking.toString());
    }

    @Test
    void damageInsideTheFileIsAnErrorThatNamesIt() throws Exception {
        for (int i = 0; i < 200; i++) {
            catalog.createNamespace(new NamespaceName("namespace-" + i), PartitionTemplate.DAILY);
        }
        catalog.close();
        int pageBytes = 4096;
        try (var damaged = new RandomAccessFile(file.toFile(), "rw")) {
            byte[] garbage = new byte[pageBytes];
            Arrays.fill(garbage, (byte) 0xA5);
            for (long position = pageBytes; position < damaged.length(); position += pageBytes) {
                damaged.seek(position);
                damaged.write(garbage);
            }
        }

        catalog = SqliteCatalog.open(file, CLOCK);

        assertThatThrownBy(() -> catalog.namespaces())
                .isInstanceOf(CatalogException.class)
                .hasMessageContaining("catalog " + file + ": cannot list namespaces")
                .hasMessageContaining("restore it from a backup");
    }

    @Test
    void aPathMayHoldCharactersThatMeanSomethingInAnAddress() throws IOException {
        Path odd = folder.resolve("what? a%20 #folder; & more=1").resolve("cata?log.db");

        try (var opened = SqliteCatalog.open(odd, CLOCK)) {
            opened.createNamespace(METRICS, PartitionTemplate.DAILY);
        }

        assertThat(odd).isRegularFile();
    }

    @Test
    void aClosedCatalogSaysSo() throws IOException {
        catalog.close();
        catalog.close();

        assertThatThrownBy(() -> catalog.namespaces())
                .isInstanceOf(CatalogException.class)
                .hasMessage("catalog %s: cannot list namespaces: it is closed", file);
        assertThatThrownBy(() -> catalog.createNamespace(METRICS, PartitionTemplate.DAILY))
                .isInstanceOf(CatalogException.class)
                .hasMessage("catalog %s: cannot create namespace 'metrics': it is closed", file);
    }

    @Test
    void anInterruptedThreadFinishesItsTransactionAndStaysInterrupted() throws IOException {
        Thread.currentThread().interrupt();
        try {
            catalog.createNamespace(METRICS, PartitionTemplate.DAILY);
            assertThat(catalog.namespaces()).containsExactly(METRICS);
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void aThreadInterruptedWhileItWaitsGivesUpAndChangesNothing() throws Exception {
        var session = new SqliteSession(file, SqliteSession.Mode.WRITE);
        var inside = new CountDownLatch(1);
        var leave = new CountDownLatch(1);
        try (session;
                var threads = Executors.newFixedThreadPool(2)) {
            Future<Integer> holder = threads.submit(() -> session.run("hold the turn", connection -> {
                inside.countDown();
                awaitQuietly(leave);
                return 1;
            }));
            inside.await();
            Thread[] waiter = new Thread[1];
            var waiting = new CountDownLatch(1);
            Future<String> outcome = threads.submit(() -> {
                waiter[0] = Thread.currentThread();
                waiting.countDown();
                try {
                    session.run("do something else", connection -> 2);
                    return "done";
                } catch (CatalogException e) {
                    return e.getMessage() + Thread.currentThread().isInterrupted();
                }
            });
            waiting.await();
            while (waiter[0].getState() != Thread.State.TIMED_WAITING) {
                Thread.onSpinWait();
            }
            waiter[0].interrupt();

            assertThat(outcome.get())
                    .isEqualTo("catalog %s: interrupted while waiting to do something else; nothing was changedtrue"
                            .formatted(file));
            leave.countDown();
            assertThat(holder.get()).isEqualTo(1);
        }
    }

    /// A connection that cannot even roll back is replaced: one bad moment does not wedge the catalog.
    @Test
    void aBrokenConnectionIsReplaced() throws IOException {
        try (var session = new SqliteSession(file, SqliteSession.Mode.WRITE)) {
            assertThatThrownBy(() -> session.run("break the connection", connection -> {
                        connection.close();
                        return 1;
                    }))
                    .isInstanceOf(CatalogException.class)
                    .hasMessageContaining("cannot break the connection");

            int result = session.run("go on", connection -> 2);
            assertThat(result).isEqualTo(2);
        }
    }

    @Test
    void aTransactionThatFailsInItsMiddleIsUndone() throws IOException {
        try (var session = new SqliteSession(file, SqliteSession.Mode.WRITE)) {
            assertThatThrownBy(() -> session.run("fail", connection -> {
                        SchemaStatements.createNamespace(
                                connection, METRICS, PartitionTemplate.DAILY, CatalogLimits.DEFAULT, ARBITRARY_INSTANT);
                        throw new SQLException("made to fail");
                    }))
                    .isInstanceOf(CatalogException.class)
                    .hasMessage("catalog %s: cannot fail: made to fail", file);
        }

        assertThat(catalog.namespaces()).isEmpty();
    }

    @Test
    void aKindThatThisVersionDoesNotKnowIsAnErrorThatNamesTheFile() throws Exception {
        ensure(METRICS, CPU, HOST);
        try (Connection connection = SqliteSession.connect(file)) {
            SqliteSession.execute(connection, "UPDATE columns SET kind = 'BLOB' WHERE name = 'host'");
        }

        assertThatThrownBy(() -> catalog.findTable(METRICS, CPU))
                .isInstanceOf(CatalogException.class)
                .hasMessageContaining("catalog " + file)
                .hasMessageContaining("it holds a value unknown to this version");
    }

    @Test
    void aFileThatAnotherProcessHoldsIsAnErrorThatSaysHowLongItWaited() {
        var busy = new SQLiteException("database is locked", SQLiteErrorCode.SQLITE_BUSY_SNAPSHOT);

        assertThat(SqliteSession.failure(file, "record file 'a'", busy))
                .hasCause(busy)
                .hasMessage(
                        "catalog %s: cannot record file 'a': database is locked:"
                                + " another process held it for longer than 10 s",
                        file);
    }

    private static String pragma(Connection connection, String name) throws SQLException {
        return Sql.queryOne(connection, "PRAGMA " + name, row -> row.getString(1))
                .orElseThrow();
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void moreNamespacesTablesOrColumnsThanAllowedAreRefusedAndLeaveNothingBehind(@TempDir Path folder)
            throws Exception {
        AtomicReference<CatalogLimits> limits = new AtomicReference<>(new CatalogLimits(2, 1));
        try (Catalog small = SqliteCatalog.open(folder.resolve("small.db"), CLOCK, limits::get)) {
            NamespaceName second = new NamespaceName("second");
            NamespaceName third = new NamespaceName("third");
            TableName table = new TableName("t");
            small.createNamespace(METRICS, PartitionTemplate.DAILY);
            small.ensureTable(second, table, List.of(), 2);
            assertLimit(Limit.NAMESPACES, () -> small.createNamespace(third, PartitionTemplate.DAILY));
            assertLimit(Limit.NAMESPACES, () -> small.ensureTable(third, table, List.of(), 2));
            assertLimit(Limit.TABLES, () -> small.ensureTable(second, new TableName("u"), List.of(), 2));
            assertLimit(
                    Limit.COLUMNS, () -> small.ensureTable(METRICS, table, List.of(HOST, ColumnSchema.tag("b")), 2));
            assertThat(small.namespaces()).containsExactly(METRICS, second);
            assertThat(small.tables(second)).hasSize(1);
            assertThat(small.tables(METRICS)).isEmpty();
            small.createNamespace(METRICS, PartitionTemplate.DAILY);
            assertThat(small.ensureTable(second, table, List.of(HOST), 2).columns())
                    .hasSize(2);
            limits.set(new CatalogLimits(3, 1));
            small.createNamespace(third, PartitionTemplate.DAILY);
            assertThat(small.namespaces()).hasSize(3);
        }
    }

    private static void assertLimit(Limit limit, ThrowableAssert.ThrowingCallable call) {
        assertThatThrownBy(call).isInstanceOfSatisfying(CatalogLimitException.class, e -> {
            assertThat(e.limit()).isEqualTo(limit);
            assertThat(e).hasMessageContaining("expected at most").hasMessageContaining("--max-");
        });
    }
}
