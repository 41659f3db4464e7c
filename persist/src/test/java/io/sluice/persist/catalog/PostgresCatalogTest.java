package io.sluice.persist.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.fixtures.BreakableConnection;
import io.sluice.fixtures.PostgresServer;
import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SequenceNumber;
import io.sluice.model.SortKey;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The catalog's promises, kept by a real PostgreSQL in a process of its own.
final class PostgresCatalogTest extends CatalogContractTest {
    private static final long SEED = 17;

    @TempDir
    private static Path folder;

    private static PostgresServer server;

    private static String database;
    private static final AtomicInteger SCHEMAS = new AtomicInteger();

    private String schema;
    private BreakableConnection line;
    private Catalog catalog;

    @BeforeAll
    static void startServer() throws IOException, SQLException {
        server = PostgresServer.start(folder);
        database = server.createNamedDatabase();
    }

    @AfterAll
    static void stopServer() throws IOException {
        server.close();
    }

    @BeforeEach
    void openCatalog() throws IOException {
        schema = "catalog_" + SCHEMAS.incrementAndGet();
        line = BreakableConnection.to(server.port());
        catalog = Catalogs.open(address(), context(PostgresCatalogTest::password));
    }

    @AfterEach
    void closeCatalog() throws IOException {
        catalog.close();
        line.close();
    }

    @Override
    Catalog catalog() {
        return catalog;
    }

    private String address() {
        return address(schema);
    }

    private String address(String chosen) {
        return PostgresServer.address(database, line.port()) + "?currentSchema=" + chosen;
    }

    private static Optional<String> password(String variable) {
        return variable.equals("PGPASSWORD") ? Optional.of(PostgresServer.PASSWORD) : Optional.empty();
    }

    private static CatalogContext context(Function<String, Optional<String>> environment) {
        return new CatalogContext(
                InstantSource.fixed(ARBITRARY_INSTANT),
                () -> CatalogLimits.DEFAULT,
                _ -> {},
                new Random(SEED),
                environment);
    }

    private Catalog open() throws IOException {
        return Catalogs.open(address(), context(PostgresCatalogTest::password));
    }

    @Test
    void everythingIsThereAfterReopening() throws IOException {
        TableSchema table = ensure(METRICS, CPU, HOST, REGION, USAGE);
        SortKey key = new SortKey(List.of(new ColumnName("host")));
        catalog.compareAndSetSortKey(table.tableId(), SortKey.EMPTY, key);
        long epoch = catalog.registerIngester(INGESTER).epoch();
        FileRecord recorded = file(table, DAY_1, INGESTER, 2, 9);
        catalog.recordFile(recorded, epoch);
        catalog.close();

        catalog = open();

        assertThat(catalog.findTable(METRICS, CPU).orElseThrow().columns()).isEqualTo(table.columns());
        assertThat(catalog.sortKey(table.tableId())).isEqualTo(key);
        assertThat(catalog.files(METRICS, CPU)).containsExactly(recorded);
        assertThat(catalog.registerIngester(INGESTER))
                .isEqualTo(new Catalog.Registration(epoch + 1, new SequenceNumber(9)));
    }

    @Test
    void manyProcessesMayCreateItAtOnce() throws Exception {
        String fresh = PostgresServer.address(server.createNamedDatabase(), server.port());
        List<Callable<Boolean>> openings = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            openings.add(() -> {
                try (Catalog own = Catalogs.open(fresh, context(PostgresCatalogTest::password))) {
                    own.createNamespace(METRICS, PartitionTemplate.DAILY);
                    return own.namespaces().contains(METRICS);
                }
            });
        }
        try (var threads = Executors.newFixedThreadPool(openings.size())) {
            for (Future<Boolean> opened : threads.invokeAll(openings)) {
                assertThat(opened.get()).isTrue();
            }
        }
    }

    @Test
    void aConnectionThatBreaksIsReplaced() throws IOException, SQLException {
        catalog.createNamespace(METRICS, PartitionTemplate.DAILY);
        breakAll();
        assertThat(catalog.namespaces()).containsExactly(METRICS);
    }

    private static void breakAll() throws SQLException {
        server.execute(
                "postgres",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + database + "'");
    }

    /// As when the database was started again: the pool has more of them than one call may find broken.
    @Test
    void connectionsThatBreakAllAtOnceAreReplaced() throws Exception {
        catalog.createNamespace(METRICS, PartitionTemplate.DAILY);
        useConnections(2 * PostgresSession.MAX_BROKEN);
        breakAll();
        assertThat(catalog.namespaces()).containsExactly(METRICS);
    }

    /// Has so many calls wait for one lock, each on a connection of its own, and then end.
    private void useConnections(int count) throws Exception {
        try (Connection holder = server.connect(database);
                Statement statement = holder.createStatement();
                ExecutorService threads = Executors.newFixedThreadPool(count)) {
            holder.setAutoCommit(false);
            statement.execute("LOCK TABLE %s.namespaces IN ACCESS EXCLUSIVE MODE".formatted(schema));
            List<Future<List<NamespaceName>>> reads = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                reads.add(threads.submit(catalog::namespaces));
            }
            while (waiting(statement) != count) {
                Thread.onSpinWait();
            }
            holder.commit();
            for (Future<List<NamespaceName>> read : reads) {
                assertThat(read.get()).containsExactly(METRICS);
            }
        }
    }

    private static int waiting(Statement statement) throws SQLException {
        try (ResultSet row = statement.executeQuery("SELECT count(*) FROM pg_locks WHERE NOT granted")) {
            row.next();
            return row.getInt(1);
        }
    }

    /// ARCHITECTURE.md, invariant 3: the file is recorded once although nobody heard so.
    @Test
    void aCommitWhoseAnswerIsLostIsFoundByLooking() throws IOException {
        TableSchema table = ensure(METRICS, CPU, HOST);
        long epoch = catalog.registerIngester(INGESTER).epoch();
        FileRecord file = file(table, DAY_1, INGESTER, 1, 7);
        // Statements as text each time, so that the line can read them.
        try (Catalog readable =
                Catalogs.open(address() + "&prepareThreshold=0", context(PostgresCatalogTest::password))) {
            line.loseAnswerTo(request -> request.contains("COMMIT"));
            readable.recordFile(file, epoch);
        }

        assertThat(line.lostAnswers()).isEqualTo(1);
        assertThat(catalog.files(METRICS, CPU)).containsExactly(file);
        catalog.recordFile(file, epoch);
        catalog.recordFile(file(table, DAY_1, INGESTER, 8, 9), epoch);
        assertThat(catalog.files(METRICS, CPU)).hasSize(2);
    }

    @Test
    void aServerThatIsGoneIsToldAndUsedAgainWhenItIsBack() throws IOException {
        line.cut();
        assertThatExceptionOfType(CatalogException.class)
                .isThrownBy(() -> catalog.namespaces())
                .withMessageContaining("catalog postgresql://127.0.0.1:" + line.port() + "/" + database
                        + "?currentSchema=" + schema + ": cannot list namespaces");
        line.mend();

        assertThat(catalog.namespaces()).isEmpty();
    }

    @Test
    void aNewerSchemaIsRefused() throws IOException, SQLException {
        server.execute(database, "UPDATE %s.catalog_version SET version = 4711".formatted(schema));

        assertThatExceptionOfType(CatalogException.class)
                .isThrownBy(this::open)
                .withMessageContaining("its schema is of version 4711, written by a newer Sluice");
        assertThatExceptionOfType(CatalogException.class)
                .isThrownBy(() -> Catalogs.view(address(), context(PostgresCatalogTest::password)))
                .withMessageContaining("version 4711");
    }

    @Test
    void aSchemaOfAnotherProgramIsRefusedAndAnotherOneCanBeChosen() throws IOException, SQLException {
        server.execute(database, "CREATE SCHEMA music; CREATE TABLE music.songs (title TEXT)");

        assertThatExceptionOfType(CatalogException.class)
                .isThrownBy(() -> Catalogs.open(address("music"), context(PostgresCatalogTest::password)))
                .withMessageContaining("the schema 'music' is of another program");
        try (Catalog other = Catalogs.open(address("other"), context(PostgresCatalogTest::password))) {
            other.createNamespace(METRICS, PartitionTemplate.DAILY);
        }
        assertThat(catalog.namespaces()).isEmpty();
    }

    @Test
    void aMissingDatabaseIsNamedAndNoPasswordIsTold() {
        String secret = "postgresql://postgres:top-secret@127.0.0.1:%d/none".formatted(server.port());
        assertThatExceptionOfType(CatalogException.class)
                .isThrownBy(() -> Catalogs.open(secret, context(_ -> Optional.empty())))
                .withMessageContaining("/none: cannot open it: there is no such database: create it")
                .satisfies(
                        e -> assertThat(String.valueOf(e.getMessage()).lines()).hasSize(1))
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("top-secret"));
        assertThat(Catalogs.describe(secret)).doesNotContain("secret");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Catalogs.check("postgresql://user:top-secret@/x"))
                .withMessageContaining("expected postgresql://")
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("secret"));
    }

    @Test
    void aViewTellsTheSameAndMayNotChangeAnything() throws IOException, SQLException {
        TableSchema table = ensure(METRICS, CPU, HOST);
        long epoch = catalog.registerIngester(INGESTER).epoch();
        FileRecord file = file(table, DAY_1, INGESTER, 1, 7);
        catalog.recordFile(file, epoch);
        try (CatalogView view = Catalogs.view(address(), context(PostgresCatalogTest::password))) {
            assertThat(view.namespaces()).containsExactly(METRICS);
            assertThat(view.findTable(METRICS, CPU).orElseThrow().columns()).isEqualTo(table.columns());
            assertThat(view.objectNames()).containsExactly(file.objectName());
            assertThat(view.files(new FileQuery(METRICS, Optional.empty(), Optional.empty(), "", 10)))
                    .containsExactly(file);
            assertThat(view.persistedThrough(INGESTER, partition(table, DAY_1))).isEqualTo(new SequenceNumber(7));
        }
        String empty = PostgresServer.address(server.createNamedDatabase(), server.port());
        assertThatThrownBy(() -> Catalogs.view(empty, context(PostgresCatalogTest::password)))
                .isInstanceOf(CatalogException.class)
                .hasMessageContaining("there is none");
    }

    /// Two processes on one database, both creating namespaces, tables, columns and sort keys and recording files.
    @Test
    void ingestersRaceOnOneDatabaseAndAgree() throws Exception {
        try (Catalog other = open()) {
            List<Catalog> both = List.of(catalog, other);
            List<Long> epochs = List.of(
                    catalog.registerIngester(INGESTER).epoch(),
                    other.registerIngester(OTHER_INGESTER).epoch());
            List<Callable<TableSchema>> work = new ArrayList<>();
            for (int thread = 0; thread < 8; thread++) {
                int number = thread;
                Catalog own = both.get(thread % 2);
                work.add(() -> {
                    TableSchema table =
                            own.ensureTable(METRICS, CPU, List.of(HOST, ColumnSchema.tag("t" + number)), MANY_COLUMNS);
                    SortKey inForce = own.sortKey(table.tableId());
                    SortKey wanted = SortKey.EMPTY;
                    while (!wanted.equals(inForce) || !inForce.tags().contains(new ColumnName("t" + number))) {
                        List<ColumnName> tags = new ArrayList<>(inForce.tags());
                        if (!tags.contains(new ColumnName("t" + number))) {
                            tags.add(new ColumnName("t" + number));
                        }
                        wanted = new SortKey(tags);
                        inForce = own.compareAndSetSortKey(table.tableId(), inForce, wanted);
                    }
                    if (number < 2) {
                        for (int i = 1; i <= 20; i++) {
                            own.recordFile(
                                    file(table, DAY_1, number == 0 ? INGESTER : OTHER_INGESTER, i, i),
                                    epochs.get(number));
                        }
                    }
                    return table;
                });
            }
            try (var threads = Executors.newFixedThreadPool(work.size())) {
                for (Future<TableSchema> done : threads.invokeAll(work)) {
                    assertThat(done.get().columns()).contains(HOST);
                }
            }
            TableSchema table = catalog.findTable(METRICS, CPU).orElseThrow();
            assertThat(other.findTable(METRICS, CPU).orElseThrow().columns()).isEqualTo(table.columns());
            assertThat(table.columns()).hasSize(1 + 1 + 8).doesNotHaveDuplicates();
            assertThat(catalog.sortKey(table.tableId()).tags()).hasSize(8).doesNotHaveDuplicates();
            assertThat(other.files(METRICS, new TableName("cpu"))).hasSize(40);
        }
    }
}
