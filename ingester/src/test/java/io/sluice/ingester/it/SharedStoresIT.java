package io.sluice.ingester.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.sluice.fixtures.PostgresServer;
import io.sluice.fixtures.S3Server;
import io.sluice.persist.catalog.FileRecord;
import io.sluice.persist.store.ObjectStore;
import io.sluice.persist.store.ObjectUpload;
import io.sluice.proto.v1.CatalogFile;
import io.sluice.proto.v1.CatalogServiceGrpc;
import io.sluice.proto.v1.ListFilesRequest;
import io.sluice.proto.v1.ListFilesResponse;
import io.sluice.proto.v1.ListPartitionsRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Servers that share a bucket of a real S3 server and a database of a real PostgreSQL, over lines that can break.
final class SharedStoresIT {
    @TempDir
    private static Path servers;

    private static S3Server s3;
    private static PostgresServer postgres;

    @TempDir
    private Path folder;

    private SharedStores stores;

    @BeforeAll
    static void startServers() throws Exception {
        s3 = S3Server.start(servers);
        postgres = PostgresServer.start(servers);
    }

    @AfterAll
    static void stopServers() throws Exception {
        s3.close();
        postgres.close();
    }

    @BeforeEach
    void connect() throws Exception {
        stores = new SharedStores(s3, postgres, folder);
    }

    @AfterEach
    void disconnect() throws Exception {
        stores.close();
    }

    private static HttpResponse<String> write(SluiceServer server, String lines) throws Exception {
        return server.write(SharedStores.NAMESPACE.value(), lines.getBytes(StandardCharsets.UTF_8));
    }

    /// ARCHITECTURE.md, invariant 3: each acknowledged row is in exactly one catalogued file, with many ingesters on
    /// one bucket and one database.
    @Test
    void serversThatRaceForSchemasAndSortKeysHaveEachRowInOneFile() throws Exception {
        int writes = 40;
        Set<String> expected = new HashSet<>();
        try (SluiceServer first = stores.launch("first");
                SluiceServer second = stores.launch("second")) {
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
            assertThat(stores.rowsInFiles("cpu")).containsExactlyInAnyOrderElementsOf(expected);
            assertThat(first.get("/status").body())
                    .contains("\"object_store\" : \"" + stores.bucket())
                    .doesNotContain(PostgresServer.PASSWORD + "@");
            requireCatalogService(first);
            first.kill();
        }
        // What it had acknowledged and persisted is neither lost nor written again.
        try (SluiceServer again = stores.start("first")) {
            assertThat(again.run("persist")).isZero();
            assertThat(stores.rowsInFiles("cpu")).hasSize(expected.size());
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
            assertThat(page.getObjectStore()).isEqualTo(stores.bucket());
            while (page.getFilesCount() > 0) {
                found.addAll(page.getFilesList());
                page = catalog.listFiles(
                        request.setAfter(page.getFilesList().getLast().getObject())
                                .build());
            }
            assertThat(found)
                    .extracting(CatalogFile::getObject)
                    .containsExactlyElementsOf(stores.catalogued().stream()
                            .map(FileRecord::objectName)
                            .toList());
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
        Offline listed = stores.offline("files", "--namespace", "n", "cpu");
        assertThat(listed.exitCode()).as(listed.err()).isZero();
        assertThat(listed.out()).hasSize(4);
        assertThat(listed.out().getLast()).startsWith("2 files, %d rows, ".formatted(rows));
        assertThat(stores.offline("files", "--namespace", "n", "cpu", "--format", "json")
                        .out())
                .hasSize(2)
                .allSatisfy(line -> assertThat(line).contains("\"min_sequence\":1,\"max_sequence\":80"));
        assertThat(stores.offline("files", "verify").out()).containsExactly("2 files, 0 not as they should be");
        List<FileRecord> files = stores.catalogued();
        try (ObjectStore store = stores.openStore()) {
            String orphan = files.getFirst().objectName().replace("-0000000001.parquet", "-0000000099.parquet");
            try (ObjectUpload upload = store.upload(orphan)) {
                upload.complete();
            }
            assertThat(stores.offline("gc").out()).hasSize(2).last().isEqualTo("1 objects are not in the catalog");
            assertThat(stores.offline("gc", "--delete").out())
                    .as("it is too young")
                    .containsExactly("0 objects deleted");
            store.delete(files.getFirst().objectName());
            try (ObjectUpload upload = store.upload(files.getLast().objectName())) {
                upload.out().write(new byte[(int) files.getLast().sizeBytes()]);
                upload.complete();
            }
        }
        Offline verified = stores.offline("files", "verify", "--namespace", "n");
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

    @Test
    void aStartThatCannotReachItsStoresSaysWhichInOneLine() throws Exception {
        stores.s3Line().cut();
        try (SluiceServer server = stores.launch("one")) {
            assertThat(server.awaitEnd()).isEqualTo(74);
            assertThat(complaints(server))
                    .singleElement()
                    .asString()
                    .contains(stores.bucket())
                    .contains("cannot be reached");
        }
        stores.s3Line().mend();
        stores.postgresLine().cut();
        try (SluiceServer server = stores.launch("one")) {
            assertThat(server.awaitEnd()).isEqualTo(74);
            assertThat(complaints(server))
                    .singleElement()
                    .asString()
                    .contains("catalog postgresql://127.0.0.1:"
                            + stores.postgresLine().port())
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
        try (SluiceServer server = stores.start("one")) {
            assertThat(write(server, "m,host=h v=0i 0").statusCode()).isEqualTo(204);
            Offline listed = Offline.run(List.of(
                    "wal",
                    "ls",
                    "--wal-dir",
                    folder.resolve("one/wal").toString(),
                    "--catalog",
                    stores.catalogAddressWithPassword()));
            assertThat(listed.exitCode()).as(listed.err()).isZero();
            assertThat(String.join("\n", listed.out())).contains("1 partition: n/m/1970-01-01");
        }
        try (Stream<Path> left = Files.list(folder.resolve("one"))) {
            assertThat(left.map(path -> path.getFileName().toString())).containsExactly("wal");
        }
    }
}
