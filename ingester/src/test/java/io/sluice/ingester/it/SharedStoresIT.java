package io.sluice.ingester.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.fixtures.BreakableConnection;
import io.sluice.fixtures.PostgresServer;
import io.sluice.fixtures.S3Server;
import io.sluice.ingester.cli.SluiceCommand;
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
import io.sluice.persist.store.ObjectUpload;
import io.sluice.persist.store.StoreContext;
import io.sluice.proto.v1.CatalogFile;
import io.sluice.proto.v1.CatalogServiceGrpc;
import io.sluice.proto.v1.ListFilesRequest;
import io.sluice.proto.v1.ListFilesResponse;
import io.sluice.proto.v1.ListPartitionsRequest;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/// Servers that share a bucket of a real S3 server and a database of a real PostgreSQL, over lines that can break.
final class SharedStoresIT {
    private static final NamespaceName NAMESPACE = new NamespaceName("n");

    @TempDir
    private static Path servers;

    private static S3Server s3;
    private static PostgresServer postgres;

    @TempDir
    private Path folder;

    private String database;
    private BreakableConnection s3Line;
    private BreakableConnection postgresLine;

    @BeforeAll
    static void startServers() throws Exception {
        s3 = S3Server.start(servers);
        postgres = PostgresServer.start(servers);
        // For this process, which looks into the bucket itself.
        System.setProperty("aws.accessKeyId", S3Server.ACCESS_KEY);
        System.setProperty("aws.secretAccessKey", S3Server.SECRET_KEY);
    }

    @AfterAll
    static void stopServers() throws Exception {
        s3.close();
        postgres.close();
    }

    @BeforeEach
    void connect() throws Exception {
        database = postgres.createNamedDatabase();
        s3Line = BreakableConnection.to(s3.port());
        postgresLine = BreakableConnection.to(postgres.port());
    }

    @AfterEach
    void disconnect() throws Exception {
        s3Line.close();
        postgresLine.close();
    }

    private String bucket() {
        return "s3://%s/%s".formatted(S3Server.BUCKET, database);
    }

    private String catalogAddress(int port) {
        return PostgresServer.address(database, port);
    }

    private SluiceServer launch(String name, String... more) throws Exception {
        List<String> options = new ArrayList<>(List.of(
                "--object-store",
                bucket(),
                "--s3-endpoint",
                "http://127.0.0.1:" + s3Line.port(),
                "--catalog",
                catalogAddress(postgresLine.port())));
        options.addAll(List.of(more));
        return SluiceServer.launch(
                folder.resolve(name),
                Map.of(
                        "AWS_ACCESS_KEY_ID",
                        S3Server.ACCESS_KEY,
                        "AWS_SECRET_ACCESS_KEY",
                        S3Server.SECRET_KEY,
                        "PGPASSWORD",
                        PostgresServer.PASSWORD),
                options.toArray(String[]::new));
    }

    private SluiceServer start(String name, String... more) throws Exception {
        SluiceServer server = launch(name, more);
        server.awaitReady();
        return server;
    }

    private ObjectStore openStore() throws Exception {
        return ObjectStores.open(
                new ObjectStoreSettings(bucket(), Optional.of(s3.endpoint()), Optional.empty()),
                new StoreContext(Clock.systemUTC(), _ -> {}, new Random(1), Runnable::run, new SimpleMeterRegistry()));
    }

    private List<FileRecord> catalogued() throws Exception {
        try (CatalogView view = Catalogs.view(
                catalogAddress(postgres.port()),
                new CatalogContext(
                        Clock.systemUTC(),
                        () -> CatalogLimits.DEFAULT,
                        _ -> {},
                        new Random(1),
                        _ -> Optional.of(PostgresServer.PASSWORD)))) {
            return view.files(new FileQuery(NAMESPACE, Optional.empty(), Optional.empty(), "", FileQuery.MAX_LIMIT));
        }
    }

    /// The rows of all catalogued files of a table, fetched from S3 and read by DuckDB.
    private List<String> rowsInFiles(String table) throws Exception {
        List<String> fetched = new ArrayList<>();
        try (ObjectStore store = openStore()) {
            for (FileRecord file : catalogued()) {
                if (file.table().value().equals(table)) {
                    Path local = Files.createTempFile(folder, "fetched", ".parquet");
                    try (InputStream in = store.open(file.objectName())) {
                        Files.write(local, in.readAllBytes());
                    }
                    fetched.add(local.toString());
                }
            }
        }
        return Rows.parquet(fetched);
    }

    private record Run(int exitCode, List<String> out, String err) {}

    /// Runs an offline command in this process, which has no password in its environment.
    private Run offline(String... command) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CommandLine line = SluiceCommand.create().setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
        String address =
                catalogAddress(postgres.port()).replace("postgres@", "postgres:" + PostgresServer.PASSWORD + "@");
        List<String> all = new ArrayList<>(List.of(command));
        all.addAll(List.of(
                "--object-store", bucket(), "--s3-endpoint", s3.endpoint().toString(), "--catalog", address));
        int exitCode = line.execute(all.toArray(String[]::new));
        return new Run(exitCode, out.toString().lines().toList(), err.toString());
    }

    private static HttpResponse<String> write(SluiceServer server, String lines) throws Exception {
        return server.write(NAMESPACE.value(), lines.getBytes(StandardCharsets.UTF_8));
    }

    /// DESIGN.md §1, 3: each acknowledged row is in exactly one catalogued file, with many ingesters on one bucket
    /// and one database.
    @Test
    void serversThatRaceForSchemasAndSortKeysHaveEachRowInOneFile() throws Exception {
        int writes = 40;
        Set<String> expected = new HashSet<>();
        try (SluiceServer first = launch("first");
                SluiceServer second = launch("second")) {
            first.awaitReady();
            second.awaitReady();
            List<Callable<Integer>> clients = new ArrayList<>();
            for (int client = 0; client < 4; client++) {
                int number = client;
                SluiceServer server = client % 2 == 0 ? first : second;
                clients.add(() -> {
                    for (int i = 0; i < writes; i++) {
                        // Each client brings tags and fields of its own, so that all extend the same table.
                        HttpResponse<String> reply = write(
                                server,
                                "cpu,host=h%d,tag%d=t v=%di,field%d=1i %d"
                                        .formatted(number, i % 5 + number, i, i % 7, 1_000 * number + i));
                        assertThat(reply.statusCode()).as(reply.body()).isEqualTo(204);
                    }
                    return writes;
                });
            }
            try (var threads = Executors.newFixedThreadPool(clients.size())) {
                for (Future<Integer> client : threads.invokeAll(clients)) {
                    assertThat(client.get()).isEqualTo(writes);
                }
                List<Callable<Integer>> persists = List.of(() -> first.run("persist"), () -> second.run("persist"));
                for (Future<Integer> done : threads.invokeAll(persists)) {
                    assertThat(done.get()).isZero();
                }
            }
            for (int client = 0; client < 4; client++) {
                for (int i = 0; i < writes; i++) {
                    expected.add("field%d=1,host=h%d,tag%d=t,time=%d,v=%d"
                            .formatted(i % 7, client, i % 5 + client, 1_000 * client + i, i));
                }
            }
            assertThat(rowsInFiles("cpu")).containsExactlyInAnyOrderElementsOf(expected);
            assertThat(first.get("/status").body())
                    .contains("\"object_store\" : \"" + bucket())
                    .doesNotContain(PostgresServer.PASSWORD + "@");
            requireCatalogService(first);
            first.kill();
        }
        // What it had acknowledged and persisted is neither lost nor written again.
        try (SluiceServer again = start("first")) {
            assertThat(again.run("persist")).isZero();
            assertThat(rowsInFiles("cpu")).hasSize(expected.size());
            assertThat(again.stop()).isZero();
        }
        requireOfflineCommands(expected.size());
    }

    private void requireCatalogService(SluiceServer server) throws Exception {
        ManagedChannel channel = ManagedChannelBuilder.forAddress("127.0.0.1", server.grpcPort())
                .usePlaintext()
                .build();
        try {
            var catalog = CatalogServiceGrpc.newBlockingStub(channel);
            List<CatalogFile> found = new ArrayList<>();
            ListFilesRequest.Builder request = ListFilesRequest.newBuilder()
                    .setNamespace("n")
                    .setTable("cpu")
                    .setLimit(1);
            ListFilesResponse page = catalog.listFiles(request.build());
            assertThat(page.getObjectStore()).isEqualTo(bucket());
            while (page.getFilesCount() > 0) {
                found.addAll(page.getFilesList());
                page = catalog.listFiles(
                        request.setAfter(page.getFilesList().getLast().getObject())
                                .build());
            }
            assertThat(found)
                    .extracting(CatalogFile::getObject)
                    .containsExactlyElementsOf(
                            catalogued().stream().map(FileRecord::objectName).toList());
            assertThat(found)
                    .extracting(CatalogFile::getIngester)
                    .doesNotHaveDuplicates()
                    .hasSize(2);
            assertThat(found).allSatisfy(file -> {
                assertThat(file.getMinSequence()).isEqualTo(1);
                assertThat(file.getMaxSequence()).isEqualTo(80);
                assertThat(file.getRowCount()).isEqualTo(80);
            });
            var partitions = catalog.listPartitions(ListPartitionsRequest.newBuilder()
                    .setNamespace("n")
                    .setTable("cpu")
                    .build());
            assertThat(partitions.getPartitionsList()).singleElement().satisfies(partition -> {
                assertThat(partition.getKey()).isEqualTo("1970-01-01");
                assertThat(partition.getFiles()).isEqualTo(2);
                assertThat(partition.getRowCount()).isEqualTo(160);
            });
        } finally {
            channel.shutdownNow();
        }
    }

    private void requireOfflineCommands(int rows) throws Exception {
        Run listed = offline("files", "--namespace", "n", "cpu");
        assertThat(listed.exitCode()).as(listed.err()).isZero();
        assertThat(listed.out()).hasSize(4);
        assertThat(listed.out().getLast()).startsWith("2 files, %d rows, ".formatted(rows));
        assertThat(offline("files", "--namespace", "n", "cpu", "--format", "json")
                        .out())
                .hasSize(2)
                .allSatisfy(line -> assertThat(line).contains("\"min_sequence\":1,\"max_sequence\":80"));
        assertThat(offline("files", "verify").out()).containsExactly("2 files, 0 not as they should be");
        List<FileRecord> files = catalogued();
        try (ObjectStore store = openStore()) {
            String orphan = files.getFirst().objectName().replace("-0000000001.parquet", "-0000000099.parquet");
            try (ObjectUpload upload = store.upload(orphan)) {
                upload.complete();
            }
            assertThat(offline("gc").out()).hasSize(2).last().isEqualTo("1 objects are not in the catalog");
            assertThat(offline("gc", "--delete").out()).as("it is too young").containsExactly("0 objects deleted");
            store.delete(files.getFirst().objectName());
            try (ObjectUpload upload = store.upload(files.getLast().objectName())) {
                upload.out().write(new byte[(int) files.getLast().sizeBytes()]);
                upload.complete();
            }
        }
        Run verified = offline("files", "verify", "--namespace", "n");
        assertThat(verified.exitCode()).isEqualTo(1);
        assertThat(verified.out())
                .anySatisfy(line -> assertThat(line)
                        .startsWith(files.getFirst().objectName())
                        .contains("it is missing"))
                .anySatisfy(line -> assertThat(line)
                        .startsWith(files.getLast().objectName())
                        .contains("it is no Parquet file"))
                .last()
                .isEqualTo("2 files, 2 not as they should be");
    }

    /// Acknowledged rows wait in memory while S3 is away, queries see them, more are refused at the limit, and all of
    /// it is in files when it is back.
    @Test
    void anOutageOfTheObjectStoreLosesNothingAndDrainsByItself() throws Exception {
        String padding = "x".repeat(200_000);
        List<Integer> acknowledged = new ArrayList<>();
        try (SluiceServer server = start("one", "--buffer-bytes", "16MiB", "--persist-max-age", "200ms")) {
            s3Line.cut();
            HttpResponse<String> reply = write(server, line(0, padding));
            while (reply.statusCode() == 204) {
                acknowledged.add(acknowledged.size());
                assertThat(acknowledged).hasSizeLessThan(1_000);
                reply = write(server, line(acknowledged.size(), padding));
            }
            assertThat(reply.statusCode()).isEqualTo(503);
            assertThat(reply.body()).contains("MEMORY_LIMIT");
            assertThat(reply.headers().firstValue("Retry-After")).isPresent();
            assertThat(acknowledged).hasSizeGreaterThan(20);
            assertThat(Rows.query(server, "n", "m")).hasSameSizeAs(acknowledged);
            JsonNode status = server.status();
            while (status.get("outages").isEmpty()) {
                status = server.status();
            }
            assertThat(status.at("/outages/0/what").asText()).isEqualTo("object store");
            assertThat(status.at("/outages/0/attempts").asLong()).isPositive();
            assertThat(status.at("/outages/0/message").asText())
                    .contains("the object store " + bucket())
                    .contains("has not answered since ");
            assertThat(server.get("/ready").body()).contains("has not answered since ");
            assertThat(server.get("/metrics").body()).contains("sluice_object_store_up 0.0");

            s3Line.mend();

            assertThat(server.run("persist")).isZero();
            assertThat(rowsInFiles("m")).hasSameSizeAs(acknowledged).doesNotHaveDuplicates();
            assertThat(server.status().get("outages")).isEmpty();
            assertThat(Rows.query(server, "n", "m")).isEmpty();
            reply = write(server, line(acknowledged.size(), ""));
            while (reply.statusCode() == 503) {
                reply = write(server, line(acknowledged.size(), ""));
            }
            assertThat(reply.statusCode()).as(reply.body()).isEqualTo(204);
            assertThat(server.stop()).isZero();
        }
        assertThat(rowsInFiles("m")).hasSize(acknowledged.size() + 1);
    }

    private static String line(int number, String padding) {
        return "m,host=h v=%di,p=\"%s\" %d".formatted(number, padding, number);
    }

    /// Writes that need nothing new go on while the database is away; those that do are refused with a hint.
    @Test
    void anOutageOfTheCatalogLosesNothingAndDrainsByItself() throws Exception {
        try (SluiceServer server = start("one", "--persist-max-age", "200ms")) {
            assertThat(write(server, "m,host=h v=0i 0").statusCode()).isEqualTo(204);
            assertThat(server.run("persist")).isZero();
            postgresLine.cut();
            for (int i = 1; i <= 20; i++) {
                HttpResponse<String> reply = write(server, "m,host=h v=%di %d".formatted(i, i));
                assertThat(reply.statusCode()).as(reply.body()).isEqualTo(204);
            }
            HttpResponse<String> needing = write(server, "other,host=h v=1i 1");
            assertThat(needing.statusCode()).isEqualTo(503);
            assertThat(needing.body())
                    .contains("CATALOG_UNAVAILABLE")
                    .contains("the catalog does not answer")
                    .doesNotContain(PostgresServer.PASSWORD + "@");
            assertThat(needing.headers().firstValue("Retry-After")).isPresent();
            assertThat(server.status().at("/outages/0/what").asText()).isEqualTo("catalog");
            assertThat(Rows.query(server, "n", "m")).hasSize(20);

            postgresLine.mend();

            HttpResponse<String> reply = write(server, "other,host=h v=1i 1");
            while (reply.statusCode() == 503) {
                reply = write(server, "other,host=h v=1i 1");
            }
            assertThat(reply.statusCode()).as(reply.body()).isEqualTo(204);
            assertThat(server.run("persist")).isZero();
            assertThat(rowsInFiles("m"))
                    .containsExactlyInAnyOrderElementsOf(IntStream.rangeClosed(0, 20)
                            .mapToObj(i -> "host=h,time=%d,v=%d".formatted(i, i))
                            .toList());
            assertThat(server.stop()).isZero();
        }
    }

    @Test
    void aStartThatCannotReachItsStoresSaysWhichInOneLine() throws Exception {
        s3Line.cut();
        try (SluiceServer server = launch("one")) {
            assertThat(server.awaitEnd()).isEqualTo(74);
            assertThat(complaints(server))
                    .singleElement()
                    .asString()
                    .contains(bucket())
                    .contains("cannot be reached");
        }
        s3Line.mend();
        postgresLine.cut();
        try (SluiceServer server = launch("one")) {
            assertThat(server.awaitEnd()).isEqualTo(74);
            assertThat(complaints(server))
                    .singleElement()
                    .asString()
                    .contains("catalog postgresql://127.0.0.1:" + postgresLine.port())
                    .contains("cannot be reached");
        }
        try (SluiceServer server = SluiceServer.launch(folder.resolve("one"), "--s3-region", "eu-west-1")) {
            assertThat(server.awaitEnd()).isEqualTo(2);
            assertThat(complaints(server)).singleElement().asString().contains("expected --object-store s3://");
        }
    }

    private static List<String> complaints(SluiceServer server) {
        return server.log().stream().filter(line -> line.startsWith("sluice: ")).toList();
    }

    @Test
    void aLogIsLookedIntoWithTheHelpOfASharedCatalog() throws Exception {
        try (SluiceServer server = start("one")) {
            assertThat(write(server, "m,host=h v=0i 0").statusCode()).isEqualTo(204);
            StringWriter out = new StringWriter();
            int exitCode = SluiceCommand.create()
                    .setOut(new PrintWriter(out))
                    .execute(
                            "wal",
                            "ls",
                            "--wal-dir",
                            folder.resolve("one/wal").toString(),
                            "--catalog",
                            catalogAddress(postgres.port())
                                    .replace("postgres@", "postgres:" + PostgresServer.PASSWORD + "@"));
            assertThat(exitCode).isZero();
            assertThat(out.toString()).contains("1 partition: n/m/1970-01-01");
        }
        try (Stream<Path> left = Files.list(folder.resolve("one"))) {
            assertThat(left.map(path -> path.getFileName().toString())).containsExactly("wal");
        }
    }
}
