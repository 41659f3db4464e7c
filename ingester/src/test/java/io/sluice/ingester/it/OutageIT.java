package io.sluice.ingester.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.sluice.fixtures.PostgresServer;
import io.sluice.fixtures.S3Server;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// An object store or a catalog that is away for a while, under a server that takes writes.
final class OutageIT {
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

    /// Acknowledged rows wait in memory while S3 is away, queries see them, more are refused at the limit, and all of
    /// it is in files when it is back.
    @Test
    void anOutageOfTheObjectStoreLosesNothingAndDrainsByItself() throws Exception {
        String padding = "x".repeat(200_000);
        List<Integer> acknowledged = new ArrayList<>();
        try (SluiceServer server = stores.start("one", "--buffer-bytes", "16MiB", "--persist-max-age", "200ms")) {
            stores.s3Line().cut();
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
                    .contains("the object store " + stores.bucket())
                    .contains("has not answered since ");
            assertThat(server.get("/ready").body()).contains("has not answered since ");
            assertThat(server.get("/metrics").body()).contains("sluice_object_store_up 0.0");

            stores.s3Line().mend();

            assertThat(server.run("persist")).isZero();
            assertThat(stores.rowsInFiles("m")).hasSameSizeAs(acknowledged).doesNotHaveDuplicates();
            assertThat(server.status().get("outages")).isEmpty();
            assertThat(Rows.query(server, "n", "m")).isEmpty();
            reply = write(server, line(acknowledged.size(), ""));
            while (reply.statusCode() == 503) {
                reply = write(server, line(acknowledged.size(), ""));
            }
            assertThat(reply.statusCode()).as(reply.body()).isEqualTo(204);
            assertThat(server.stop()).isZero();
        }
        assertThat(stores.rowsInFiles("m")).hasSize(acknowledged.size() + 1);
    }

    private static HttpResponse<String> write(SluiceServer server, String lines) throws Exception {
        return server.write(SharedStores.NAMESPACE.value(), lines.getBytes(StandardCharsets.UTF_8));
    }

    private static String line(int number, String padding) {
        return "m,host=h v=%di,p=\"%s\" %d".formatted(number, padding, number);
    }

    /// Writes that need nothing new go on while the database is away; those that do are refused with a hint.
    @Test
    void anOutageOfTheCatalogLosesNothingAndDrainsByItself() throws Exception {
        try (SluiceServer server = stores.start("one", "--persist-max-age", "200ms")) {
            assertThat(write(server, "m,host=h v=0i 0").statusCode()).isEqualTo(204);
            assertThat(server.run("persist")).isZero();
            stores.postgresLine().cut();
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

            stores.postgresLine().mend();

            HttpResponse<String> reply = write(server, "other,host=h v=1i 1");
            while (reply.statusCode() == 503) {
                reply = write(server, "other,host=h v=1i 1");
            }
            assertThat(reply.statusCode()).as(reply.body()).isEqualTo(204);
            assertThat(server.run("persist")).isZero();
            assertThat(stores.rowsInFiles("m"))
                    .containsExactlyInAnyOrderElementsOf(IntStream.rangeClosed(0, 20)
                            .mapToObj(i -> "host=h,time=%d,v=%d".formatted(i, i))
                            .toList());
            assertThat(server.stop()).isZero();
        }
    }
}
