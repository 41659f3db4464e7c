package io.sluice.ingester.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.sluice.fixtures.PostgresServer;
import io.sluice.fixtures.S3Server;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// An object store or a catalog that is away, under a server that is written to as fast as it answers: writes go on as
/// long as there is room, queries all the time, no acknowledged row is lost, and what waited goes into files by itself
/// when they are back. `-Dsluice.outage=PT10M` makes each outage go on for so long after the first refusal.
@Timeout(value = 30, unit = TimeUnit.MINUTES) // the usual one is too short for what the properties may ask
final class OutageIT {
    private static final Duration OUTAGE = Duration.parse(System.getProperty("sluice.outage", "PT0S"));
    private static final String TABLE = "m";
    private static final int WRITERS = 8;
    private static final int ATTEMPTS = 3;
    private static final int ROW_BYTES = 20_000;
    private static final String[] LIMITS = {"--buffer-bytes", "16MiB", "--persist-max-age", "200ms"};
    private static final Pattern RETRY = Pattern.compile("persist failed, attempt (\\d+), again in (\\d+) ms: ");

    @TempDir
    private static Path servers;

    private static S3Server s3;
    private static PostgresServer postgres;

    @TempDir
    private Path folder;

    private SharedStores stores;

    @BeforeAll
    static void startServers() throws Exception {
        s3 = S3Server.startOnDisk(servers);
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

    /// Both lose and bring back something that the server needs.
    private interface Outage {
        void begin() throws Exception;

        void end() throws Exception;
    }

    @Test
    void anOutageOfTheObjectStoreLosesNothingAndDrainsByItself() throws Exception {
        try (SluiceServer server = stores.start("one", LIMITS)) {
            Outage killed = new Outage() {
                @Override
                public void begin() throws InterruptedException {
                    s3.kill();
                }

                @Override
                public void end() throws Exception {
                    server.awaitLine("persist failed, attempt " + ATTEMPTS + ",");
                    s3.startAgain();
                }
            };
            List<Integer> acknowledged = writeThrough(
                    killed, server, "object store", "the object store " + stores.bucket(), "sluice_object_store_up");
            requireInFilesByItself(server, acknowledged);
            requireNoHerd(server);
            assertThat(server.stop()).isZero();
        }
    }

    @Test
    void anOutageOfTheCatalogLosesNothingAndDrainsByItself() throws Exception {
        Outage cut = new Outage() {
            @Override
            public void begin() {
                stores.postgresLine().cut();
            }

            @Override
            public void end() {
                stores.postgresLine().mend();
            }
        };
        try (SluiceServer server = stores.start("one", LIMITS)) {
            List<Integer> acknowledged =
                    writeThrough(cut, server, "catalog", "the catalog postgresql://127.0.0.1:", "sluice_catalog_up");
            requireInFilesByItself(server, acknowledged);
            assertThat(server.stop()).isZero();
        }
    }

    /// Writes before, during and after an outage.
    ///
    /// @return the marks of the rows that were acknowledged
    private List<Integer> writeThrough(Outage outage, SluiceServer server, String what, String name, String gauge)
            throws Exception {
        try (Writers writers = new Writers(server, TABLE, WRITERS, ROW_BYTES)) {
            writers.awaitMore(100);
            outage.begin();
            writers.awaitMore(100);
            requireRefusal(writers.awaitRefusal());
            assertThat(Rows.query(server, Marks.NAMESPACE, TABLE, "w"))
                    .as("queries go on, and see what waits")
                    .hasSizeGreaterThan(100);
            JsonNode status = server.status();
            while (status.at("/outages").isEmpty()) {
                status = server.status(); // until the first call has waited in vain
            }
            assertThat(status.at("/outages/0/what").asText()).isEqualTo(what);
            assertThat(status.at("/outages/0/attempts").asLong()).isPositive();
            assertThat(status.at("/outages/0/message").asText())
                    .contains(name)
                    .contains("has not answered since ")
                    .doesNotContain(PostgresServer.PASSWORD + "@");
            assertThat(server.get("/ready").body()).contains("has not answered since ");
            HttpResponse<String> refused = writers.awaitRefusal();
            while (!refused.body().contains("has not answered since ")) {
                refused = writers.awaitRefusal(); // of before anybody knew
            }
            assertThat(refused.body()).contains("MEMORY_LIMIT").contains(name);
            assertThat(server.get("/metrics").body()).contains(gauge + " 0.0");
            boolean _ = new CountDownLatch(1).await(OUTAGE.toMillis(), TimeUnit.MILLISECONDS);
            outage.end();
            writers.awaitMore(100);
            return writers.finish();
        }
    }

    private static void requireRefusal(HttpResponse<String> refused) {
        assertThat(refused.body()).contains("MEMORY_LIMIT");
        assertThat(refused.headers().firstValue("Retry-After")).isPresent();
    }

    /// Nobody asks for it to be persisted.
    private void requireInFilesByItself(SluiceServer server, List<Integer> acknowledged) throws Exception {
        while (!Rows.query(server, Marks.NAMESPACE, TABLE, "w").isEmpty()) {
            assertThat(server.status().at("/outages"))
                    .as("an outage that has ended")
                    .isEmpty();
        }
        List<Integer> inFiles =
                stores.rowsInFiles(TABLE).stream().map(Marks::mark).sorted().toList();
        assertThat(inFiles).doesNotHaveDuplicates().containsAll(acknowledged);
    }

    /// Jobs that failed together come back one by one: those of a partition wait twice as long each time, and no two
    /// partitions the same.
    private static void requireNoHerd(SluiceServer server) {
        for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
            List<Long> delays = delaysBehind(attempt, server.log());
            long longest = 100L << (attempt - 1);
            assertThat(delays)
                    .as("milliseconds behind attempt %d", attempt)
                    .isNotEmpty()
                    .allSatisfy(delay -> assertThat(delay).isBetween(longest / 2, longest));
        }
        List<Long> third = delaysBehind(ATTEMPTS, server.log());
        assertThat(new HashSet<>(third)).as("of %s", third).hasSizeGreaterThan(third.size() / 2);
    }

    /// How long jobs waited that had failed so often, milliseconds.
    private static List<Long> delaysBehind(int attempt, List<String> log) {
        return log.stream()
                .map(RETRY::matcher)
                .filter(Matcher::find)
                .filter(retry -> Integer.parseInt(retry.group(1)) == attempt)
                .map(retry -> Long.valueOf(retry.group(2)))
                .toList();
    }

    /// Writes that need nothing new go on while the database is away; those that do are refused with a hint.
    @Test
    void writesThatNeedTheCatalogAreRefusedWhileItIsAwayAndNoOthers() throws Exception {
        try (SluiceServer server = stores.start("one")) {
            assertThat(write(server, "m,host=h v=0i 0").statusCode()).isEqualTo(204);
            assertThat(server.run("persist")).isZero();
            stores.postgresLine().cut();
            for (int i = 1; i <= 20; i++) {
                HttpResponse<String> reply = write(server, "m,host=h v=%di %d".formatted(i, i));
                assertThat(reply.statusCode()).as(reply.body()).isEqualTo(204);
            }
            for (String needing : List.of("other,host=h v=1i 1", "m,host=h v=1i 86400000000000000")) {
                HttpResponse<String> refused = write(server, needing);
                assertThat(refused.statusCode()).as(needing).isEqualTo(503);
                assertThat(refused.body())
                        .contains("CATALOG_UNAVAILABLE")
                        .contains("the catalog does not answer")
                        .doesNotContain(PostgresServer.PASSWORD + "@");
                assertThat(refused.headers().firstValue("Retry-After")).isPresent();
            }
            assertThat(server.status().at("/outages/0/what").asText()).isEqualTo("catalog");
            assertThat(Rows.query(server, "n", "m")).hasSize(20);

            stores.postgresLine().mend();

            HttpResponse<String> reply = write(server, "other,host=h v=1i 1");
            while (reply.statusCode() == 503) {
                reply = write(server, "other,host=h v=1i 1");
            }
            assertThat(reply.statusCode()).as(reply.body()).isEqualTo(204);
            assertThat(server.run("persist")).isZero();
            assertThat(stores.rowsInFiles("m")).hasSize(21).doesNotHaveDuplicates();
            assertThat(server.stop()).isZero();
        }
    }

    private static HttpResponse<String> write(SluiceServer server, String lines) throws Exception {
        return server.write(Marks.NAMESPACE, lines.getBytes(StandardCharsets.UTF_8));
    }
}
