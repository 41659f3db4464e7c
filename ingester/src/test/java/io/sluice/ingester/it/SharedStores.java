package io.sluice.ingester.it;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.fixtures.BreakableConnection;
import io.sluice.fixtures.PostgresServer;
import io.sluice.fixtures.S3Server;
import io.sluice.model.NamespaceName;
import io.sluice.persist.catalog.CatalogContext;
import io.sluice.persist.catalog.CatalogLimits;
import io.sluice.persist.catalog.CatalogView;
import io.sluice.persist.catalog.Catalogs;
import io.sluice.persist.catalog.FileQuery;
import io.sluice.persist.catalog.FileRecord;
import io.sluice.persist.store.ObjectStore;
import io.sluice.persist.store.ObjectStoreSettings;
import io.sluice.persist.store.ObjectStores;
import io.sluice.persist.store.StoreContext;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;

/// A prefix of a bucket and a database that are one test's own, each over a line that can break, and what the test does
/// with them: starts servers upon them, and looks what is in them.
final class SharedStores implements AutoCloseable {
    static final NamespaceName NAMESPACE = new NamespaceName("n");
    private static final String SMALL_HEAP = "-Xmx512m";

    private final S3Server s3;
    private final PostgresServer postgres;
    private final Path folder;
    private final String database;
    private final BreakableConnection s3Line;
    private final BreakableConnection postgresLine;

    /// @param folder for the servers' own data, and for copies of objects
    SharedStores(S3Server s3, PostgresServer postgres, Path folder) throws Exception {
        this.s3 = s3;
        this.postgres = postgres;
        this.folder = folder;
        this.database = postgres.createNamedDatabase();
        this.s3Line = BreakableConnection.to(s3.port());
        this.postgresLine = BreakableConnection.to(postgres.port());
        // For this process, which looks into the bucket itself.
        System.setProperty("aws.accessKeyId", S3Server.ACCESS_KEY);
        System.setProperty("aws.secretAccessKey", S3Server.SECRET_KEY);
    }

    BreakableConnection s3Line() {
        return s3Line;
    }

    BreakableConnection postgresLine() {
        return postgresLine;
    }

    String bucket() {
        return "s3://%s/%s".formatted(S3Server.BUCKET, database);
    }

    /// The database's address, not over the line that can break.
    String catalogAddress() {
        return PostgresServer.address(database, postgres.port());
    }

    /// As [#catalogAddress], for commands of this process, which has no password in its environment.
    String catalogAddressWithPassword() {
        return catalogAddress().replace("postgres@", "postgres:" + PostgresServer.PASSWORD + "@");
    }

    /// Starts a server upon them, and waits for nothing.
    ///
    /// @param name of its folder: the same name is the same ingester
    SluiceServer launch(String name, String... options) throws Exception {
        return launchWith(SMALL_HEAP, name, options);
    }

    /// As [#launch], with options for its JVM.
    SluiceServer launchWith(String jvmOptions, String name, String... options) throws Exception {
        List<String> all = new ArrayList<>(List.of(
                "--object-store",
                bucket(),
                "--s3-endpoint",
                "http://127.0.0.1:" + s3Line.port(),
                "--catalog",
                PostgresServer.address(database, postgresLine.port())));
        all.addAll(List.of(options));
        return SluiceServer.launch(
                folder.resolve(name),
                Map.of(
                        "AWS_ACCESS_KEY_ID",
                        S3Server.ACCESS_KEY,
                        "AWS_SECRET_ACCESS_KEY",
                        S3Server.SECRET_KEY,
                        "PGPASSWORD",
                        PostgresServer.PASSWORD,
                        "SLUICE_JAVA_OPTS",
                        jvmOptions),
                all.toArray(String[]::new));
    }

    /// Starts a server upon them, and waits until it takes writes.
    SluiceServer start(String name, String... options) throws Exception {
        SluiceServer server = launch(name, options);
        server.awaitReady();
        return server;
    }

    /// Over a line of its own.
    ObjectStore openStore() throws Exception {
        return ObjectStores.open(
                new ObjectStoreSettings(bucket(), Optional.of(s3.endpoint()), Optional.empty()),
                new StoreContext(Clock.systemUTC(), _ -> {}, new Random(1), Runnable::run, new SimpleMeterRegistry()));
    }

    /// All files of the catalog.
    List<FileRecord> catalogued() throws Exception {
        try (CatalogView view = Catalogs.view(
                catalogAddress(),
                new CatalogContext(
                        Clock.systemUTC(),
                        () -> CatalogLimits.DEFAULT,
                        _ -> {},
                        new Random(1),
                        _ -> Optional.of(PostgresServer.PASSWORD)))) {
            List<FileRecord> files = new ArrayList<>();
            List<FileRecord> page;
            do {
                String after = files.isEmpty() ? "" : files.getLast().objectName();
                page = view.files(
                        new FileQuery(NAMESPACE, Optional.empty(), Optional.empty(), after, FileQuery.MAX_LIMIT));
                files.addAll(page);
            } while (page.size() == FileQuery.MAX_LIMIT);
            return files;
        }
    }

    /// The rows of all catalogued files of a table, fetched from S3 and read by DuckDB.
    List<String> rowsInFiles(String table) throws Exception {
        List<String> files = new ArrayList<>();
        try (ObjectStore store = openStore()) {
            for (FileRecord file : catalogued()) {
                if (file.table().value().equals(table)) {
                    Path local = folder.resolve("fetched-" + file.objectName().replace('/', '_'));
                    // What the catalog names never changes.
                    if (!Files.exists(local)) {
                        try (InputStream in = store.open(file.objectName())) {
                            Files.write(local, in.readAllBytes());
                        }
                    }
                    files.add(local.toString());
                }
            }
        }
        return Rows.parquet(files);
    }

    /// Runs an offline command upon them in this process.
    Offline offline(String... command) {
        List<String> all = new ArrayList<>(List.of(command));
        all.addAll(List.of(
                "--object-store",
                bucket(),
                "--s3-endpoint",
                s3.endpoint().toString(),
                "--catalog",
                catalogAddressWithPassword()));
        return Offline.run(all);
    }

    @Override
    public void close() throws IOException {
        s3Line.close();
        postgresLine.close();
    }
}
