package io.sluice.ingester.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.sluice.ingester.admission.AdmissionLimits;
import io.sluice.ingester.admission.Bucket;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.model.SequenceNumber;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Who is let in over HTTP. Closing the door fails the test if a place was not given back.
@Timeout(180)
final class HttpAdmissionTest {
    private static final String LINE = "m f=1i 1";
    private static final int LIMIT = 2;
    /// For what comes, unless it never does.
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final RunningDoor door = new RunningDoor(
            1_000,
            HttpDoor.minBodyBudgetBytes(RunningDoor.MAX_REQUEST_BYTES),
            new AdmissionLimits(1, LIMIT, 1, 1, 1, 0));
    private final List<CompletableFuture<WriteOutcome>> held = new ArrayList<>();
    private final List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
    /// Answers when the test says so, or ends.
    private final CompletableFuture<Void> catalog = new CompletableFuture<>();

    @AfterEach
    void everyPlaceIsGivenBack() {
        catalog.complete(null);
        held.forEach(write -> write.complete(new WriteOutcome.Written(new SequenceNumber(1))));
        answers.forEach(CompletableFuture::join);
        door.close();
    }

    private void hold() throws Exception {
        held.add(door.writes.holdNext());
        answers.add(door.sendAsync(door.request("/api/v2/write?bucket=b").POST(BodyPublishers.ofString(LINE))));
        door.writes.take();
    }

    @Test
    void asManyAreLetInAsMayBeAndWhoIsRefusedHearsWhichLimitItIs() throws Exception {
        for (int i = 0; i < LIMIT; i++) {
            hold();
        }
        assertThat(door.admission.count(Bucket.EXISTING)).isEqualTo(LIMIT);
        HttpResponse<String> refused = door.write(LINE);
        assertThat(refused.statusCode()).isEqualTo(503);
        assertThat(refused.headers().firstValue("Retry-After")).hasValue("2");
        JsonNode json = RunningDoor.json(refused.body());
        assertThat(json.path("reason").asText()).isEqualTo("ADMISSION_LIMIT");
        assertThat(json.path("pool").asText()).isEqualTo("WRITE");
        assertThat(json.path("bucket").asText()).isEqualTo("EXISTING");
        assertThat(json.path("limit").asInt()).isEqualTo(LIMIT);
        assertThat(json.path("current").asInt()).isEqualTo(LIMIT);
        assertThat(json.path("retry_after_ms").asInt()).isEqualTo(1_500);
        assertThat(json.path("side_effects").asText()).isEqualTo("none");
        assertThat(door.writes.hasNone()).isTrue();
        held.getFirst().complete(new WriteOutcome.Written(new SequenceNumber(1)));
        assertThat(answers.getFirst().join().statusCode()).isEqualTo(204);
        while (door.admission.isFull(Bucket.EXISTING)) {
            Thread.onSpinWait();
        }
        assertThat(door.write(LINE).statusCode()).isEqualTo(204);
    }

    @Test
    void theBodyOfARefusedWriteIsNotTaken() throws Exception {
        for (int i = 0; i < LIMIT; i++) {
            hold();
        }
        long held = door.budget.usedBytes();
        HttpResponse<String> refused = door.post(
                "/api/v2/write?bucket=b",
                new String(RunningDoor.body(RunningDoor.MAX_REQUEST_BYTES), StandardCharsets.UTF_8));
        assertThat(refused.statusCode()).isEqualTo(503);
        assertThat(door.budget.peakBytes()).as("room that was ever taken").isEqualTo(held);
    }

    /// As Telegraf and many others do: an answer that came while it was still sending must not be lost, nor the
    /// connection.
    @Test
    void whoSendsALongBodyInOneGoAndThenReadsHearsWhenToComeBackOverTheSameConnection() throws Exception {
        for (int i = 0; i < LIMIT; i++) {
            hold();
        }
        byte[] body = new byte[8 << 20];
        try (RawClient client = new RawClient(door)) {
            for (int i = 0; i < 3; i++) {
                client.sendHead("Content-Length: " + body.length);
                client.send(body);
                RawClient.Response refused = client.receive();
                assertThat(refused.status()).isEqualTo(503);
                assertThat(refused.headers()).containsEntry("retry-after", "2").doesNotContainKey("connection");
            }
            client.sendHead("Transfer-Encoding: chunked");
            for (int i = 0; i < 8; i++) {
                client.send("100000\r\n");
                client.send(new byte[1 << 20]);
                client.send("\r\n");
            }
            client.send("0\r\n\r\n");
            assertThat(client.receive().status()).isEqualTo(503);
            held.forEach(write -> write.complete(new WriteOutcome.Written(new SequenceNumber(1))));
            while (door.admission.isFull(Bucket.EXISTING)) {
                Thread.onSpinWait();
            }
            client.sendHead("Content-Length: " + LINE.length());
            client.send(LINE);
            assertThat(client.receive().status()).isEqualTo(204);
        }
    }

    @Test
    void aNamespaceAboveItsOwnLimitIsToldSoWith429() throws Exception {
        door.admission.reconfigure(new AdmissionLimits(1, LIMIT, 1, 1, 1, 1));
        hold();
        HttpResponse<String> refused = door.write(LINE);
        assertThat(refused.statusCode()).isEqualTo(429);
        assertThat(refused.headers().firstValue("Retry-After")).isPresent();
        assertThat(RunningDoor.json(refused.body()).path("reason").asText()).isEqualTo("NAMESPACE_LIMIT");
        assertThat(door.post("/api/v2/write?bucket=other", LINE).statusCode()).isEqualTo(204);
    }

    @Test
    void aClientThatSendsSlowlyHoldsNoPlace() throws Exception {
        try (RawClient slow = new RawClient(door)) {
            slow.sendHead("Content-Length: 8");
            slow.send("m f=1");
            while (door.budget.usedBytes() == 0) {
                Thread.onSpinWait();
            }
            assertThat(door.admission.count(Bucket.EXISTING)).isZero();
        }
    }

    /// As many as have processors, and one more.
    private static final int WAITING = Runtime.getRuntime().availableProcessors() + 3;

    @Test
    void writesThatWaitForTheCatalogKeepNoProcessorFromOthers() throws Exception {
        door.admission.reconfigure(new AdmissionLimits(WAITING, WAITING, 1, 1, 1, 0));
        door.writes.askCatalog(catalog);
        for (int i = 0; i < WAITING; i++) {
            answers.add(door.sendAsync(door.request("/api/v2/write?bucket=b").POST(BodyPublishers.ofString(LINE))));
            assertThat(door.writes.take(PATIENCE)).isPresent();
        }
        door.writes.askNobody();
        CompletableFuture<HttpResponse<String>> other =
                door.sendAsync(door.request("/api/v2/write?bucket=b").POST(BodyPublishers.ofString(LINE)));
        assertThat(other.get(PATIENCE.toSeconds(), TimeUnit.SECONDS).statusCode())
                .isEqualTo(204);
        catalog.complete(null);
        for (CompletableFuture<HttpResponse<String>> answer : answers) {
            assertThat(answer.join().statusCode()).isEqualTo(204);
        }
    }

    @Test
    void linesWhoseTableTheCatalogIsAskedForKeepNoProcessorFromOthers() throws Exception {
        CountDownLatch asked = new CountDownLatch(WAITING);
        door.admission.reconfigure(new AdmissionLimits(WAITING, WAITING, 1, 1, 1, 0));
        door.known.set((namespace, access) -> table -> {
            if (namespace.value().equals("new")) {
                assertThat(access.enter()).isEmpty();
                asked.countDown();
                catalog.join();
            }
            return Optional.empty();
        });
        for (int i = 0; i < WAITING; i++) {
            answers.add(door.sendAsync(door.request("/api/v2/write?bucket=new").POST(BodyPublishers.ofString(LINE))));
        }
        assertThat(asked.await(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(door.write(LINE).statusCode()).isEqualTo(204);
        catalog.complete(null);
        for (CompletableFuture<HttpResponse<String>> answer : answers) {
            assertThat(answer.join().statusCode()).isEqualTo(204);
        }
    }

    @Test
    void badLinesAndBugsGiveTheirPlacesBack() throws Exception {
        for (int i = 0; i < 2 * LIMIT; i++) {
            assertThat(door.write("no line").statusCode()).isEqualTo(400);
            awaitNobodyIn();
            door.writes.answer(new WriteOutcome.Unknown("the log failed"));
            assertThat(door.write(LINE).statusCode()).isEqualTo(500);
            awaitNobodyIn();
        }
    }

    /// A client may have its answer before its place is given back.
    private void awaitNobodyIn() {
        while (door.admission.count(Bucket.EXISTING) > 0) {
            Thread.onSpinWait();
        }
    }

    private Telegraf telegrafsRule(String lines) throws Exception {
        Telegraf rule = Telegraf.rule(door.write(lines));
        awaitNobodyIn();
        return rule;
    }

    /// What Telegraf's `outputs.influxdb_v2` does with an answer.
    private enum Telegraf {
        DONE,
        /// Waits, no less than `Retry-After`, and sends the same again.
        KEEPS,
        /// Sends the halves.
        SPLITS,
        DROPS;

        /// 413: split; 429 and 503: kept, and held back for `Retry-After`; other 4xx: dropped; 5xx: kept.
        static Telegraf rule(HttpResponse<String> answer) {
            return switch (answer.statusCode()) {
                case 200, 204 -> DONE;
                case 413 -> SPLITS;
                case 429, 503 -> {
                    assertThat(Integer.parseInt(
                                    answer.headers().firstValue("Retry-After").orElseThrow()))
                            .isPositive();
                    yield KEEPS;
                }
                default -> answer.statusCode() >= 500 ? KEEPS : DROPS;
            };
        }
    }

    @Test
    void telegrafKeepsWhatPassesSplitsWhatIsTooLargeAndDropsWhatIsWrong() throws Exception {
        assertThat(telegrafsRule(LINE)).isEqualTo(Telegraf.DONE);
        for (WriteOutcome.Reason reason : WriteOutcome.Reason.values()) {
            door.writes.answer(new WriteOutcome.Refused(reason, "not now", Duration.ofMillis(300)));
            assertThat(telegrafsRule(LINE)).as("%s", reason).isEqualTo(Telegraf.KEEPS);
        }
        door.writes.answer(new WriteOutcome.Unknown("who knows"));
        assertThat(telegrafsRule(LINE)).isEqualTo(Telegraf.KEEPS);
        door.writes.answer(new WriteOutcome.Invalid("wrong"));
        assertThat(telegrafsRule(LINE)).isEqualTo(Telegraf.DROPS);
        door.writes.answer(new WriteOutcome.LimitReached(WriteOutcome.Limit.TABLE_COUNT, "too many"));
        assertThat(telegrafsRule(LINE)).as("again would not help").isEqualTo(Telegraf.DROPS);
        assertThat(telegrafsRule("no line")).isEqualTo(Telegraf.DROPS);
        String large = "m f=1i 1\n".repeat(RunningDoor.MAX_REQUEST_BYTES / 9 + 1);
        assertThat(telegrafsRule(large)).isEqualTo(Telegraf.SPLITS);
    }
}
