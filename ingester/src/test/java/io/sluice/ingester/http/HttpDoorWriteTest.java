package io.sluice.ingester.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.ingester.lineprotocol.KnownColumns;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.TableId;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.proto.v1.WriteRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What a write over HTTP becomes, and what each outcome is to its client.
@Timeout(value = 30, unit = TimeUnit.SECONDS)
final class HttpDoorWriteTest {
    private static final String GOOD_LINE = "cpu,host=a usage=1.5 1000";

    private static final TableSchema CPU = new TableSchema(
            new NamespaceName("b"),
            new TableName("cpu"),
            new TableId(1),
            PartitionTemplate.DAILY,
            List.of(ColumnSchema.TIME, ColumnSchema.field("usage", ColumnType.I64)));

    private final RunningDoor door = new RunningDoor();

    @AfterEach
    void stop() {
        door.close();
    }

    private HttpResponse<String> answerTo(WriteOutcome outcome) throws Exception {
        door.writes.answer(outcome);
        return door.write(GOOD_LINE);
    }

    private static String retryAfter(HttpResponse<String> response) {
        return response.headers().firstValue("Retry-After").orElse("none");
    }

    @Test
    void linesThatAreWrittenAreAnsweredWithNoContent() throws Exception {
        HttpResponse<String> response = door.write("cpu,host=a usage=1.5 1000\nmem,host=a free=3i 2000\n");

        assertThat(response.statusCode()).isEqualTo(204);
        assertThat(response.body()).isEmpty();
        WriteRequest written = door.writes.take();
        assertThat(written.getNamespace()).isEqualTo("b");
        assertThat(written.getTablesList()).extracting("table").containsExactly("cpu", "mem");
        assertThat(FakeWrites.timestamps(written)).containsExactly(1_000L, 2_000L);
        assertThat(door.counted("/api/v2/write", "204")).isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource({"16383, 0", "16384, 1", "100000, 1"})
    void aLongBodyIsHandedOverToAParser(int lengthBytes, int handedOver) throws Exception {
        HttpResponse<String> response = door.send(
                door.request("/api/v2/write?bucket=b").POST(BodyPublishers.ofByteArray(RunningDoor.body(lengthBytes))));
        assertThat(response.statusCode()).isEqualTo(204);
        assertThat(FakeWrites.timestamps(door.writes.take())).containsExactly(1L);
        assertThat(door.handedOver).hasValue(handedOver);
    }

    @Test
    void whatFailsInAParserIsAnsweredAsWhatFailsElsewhere() throws Exception {
        String lines = "m f=1i 1\n".repeat(10_000);
        door.know(_ -> {
            throw new IllegalStateException("a secret of the inside");
        });
        HttpResponse<String> failed = door.write(lines);
        assertThat(failed.statusCode()).isEqualTo(500);
        assertThat(failed.body()).contains("internal error ").doesNotContain("secret");
        door.know(KnownColumns.NONE);
        assertThat(door.post("/api/v2/write?bucket=b&accept_partial=false", lines + "m")
                        .statusCode())
                .isEqualTo(400);
        assertThat(door.write(lines).statusCode()).isEqualTo(204);
        assertThat(door.handedOver).hasValue(3);
    }

    @Test
    void aBodyThatHasWaitedTooLongForAProcessorIsRefusedAndNothingOfItIsWritten() throws Exception {
        CountDownLatch known = new CountDownLatch(1);
        CountDownLatch asked = new CountDownLatch(2);
        door.know(_ -> {
            asked.countDown();
            try {
                known.await();
                return Optional.empty();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        CompletableFuture<HttpResponse<String>> first =
                door.sendAsync(door.request("/api/v2/write?bucket=b").POST(BodyPublishers.ofString("m f=1 1")));
        CompletableFuture<HttpResponse<String>> second =
                door.sendAsync(door.request("/api/v2/write?bucket=b").POST(BodyPublishers.ofString("m f=2 2")));
        asked.await();
        CompletableFuture<HttpResponse<String>> late =
                door.sendAsync(door.request("/api/v2/write?bucket=b").POST(BodyPublishers.ofString("m f=3 3")));
        while (door.waitingForWork() == 0) {
            Thread.onSpinWait();
        }
        door.workNs.addAndGet(RunningDoor.MAX_WORK_WAIT.toNanos() + 1_000_000);
        known.countDown();
        assertThat(late.get().statusCode()).isEqualTo(503);
        assertThat(late.get().headers().firstValue("Retry-After")).isPresent();
        assertThat(late.get().body())
                .contains(
                        "line protocol that came before has kept this waiting for 60001 ms, and 60000 ms is the limit (--max-work-wait)");
        assertThat(first.get().statusCode()).isEqualTo(204);
        assertThat(second.get().statusCode()).isEqualTo(204);
        assertThat(List.of(door.writes.take(), door.writes.take()))
                .flatExtracting(FakeWrites::timestamps)
                .containsExactlyInAnyOrder(1L, 2L);
        assertThat(door.writes.hasNone()).isTrue();
    }

    @Test
    void anEmptyBodyIsNoWriteAndNoError() throws Exception {
        assertThat(door.write("").statusCode()).isEqualTo(204);
        assertThat(door.write("# a comment\n\n").statusCode()).isEqualTo(204);
        assertThat(door.writes.hasNone()).isTrue();
    }

    @Test
    void theAnswerWaitsForTheOutcome() throws Exception {
        CompletableFuture<WriteOutcome> outcome = door.writes.holdNext();
        CompletableFuture<HttpResponse<String>> response =
                door.sendAsync(door.request("/api/v2/write?bucket=b").POST(BodyPublishers.ofString(GOOD_LINE)));
        door.writes.take();
        assertThat(response).isNotDone();
        outcome.complete(new WriteOutcome.Invalid("only now"));
        assertThat(response.get().statusCode()).isEqualTo(400);
        assertThat(response.get().body()).contains("only now");
    }

    @Test
    void aBadLineIsNamedWithItsNumberAndReasonAndTheGoodOnesAreWritten() throws Exception {
        HttpResponse<String> response = door.write("cpu usage=1 1\ncpu usage= 2\n\ncpu usage=3 3\ncpu usage=4 x\n");

        assertThat(response.statusCode()).isEqualTo(400);
        JsonNode json = RunningDoor.json(response.body());
        assertThat(json.path("code").asText()).isEqualTo("invalid");
        assertThat(json.path("message").asText()).isEqualTo("partial write: 2 lines were written, 2 are bad");
        assertThat(json.path("written_lines").asLong()).isEqualTo(2);
        assertThat(json.path("bad_lines").asLong()).isEqualTo(2);
        assertThat(json.path("errors")).hasSize(2);
        assertThat(json.path("errors").path(0).path("line").asLong()).isEqualTo(2);
        assertThat(json.path("errors").path(0).path("reason").asText()).contains("usage");
        assertThat(json.path("errors").path(1).path("line").asLong()).isEqualTo(5);
        assertThat(json.path("errors").path(1).path("reason").asText()).contains("'x'");
        assertThat(response.headers().firstValue("X-Influxdb-Error"))
                .hasValue("partial write: 2 lines were written, 2 are bad");
        assertThat(FakeWrites.timestamps(door.writes.take())).containsExactly(1L, 3L);
    }

    @Test
    void linesThatAreAllBadAreNamedAndNothingIsWritten() throws Exception {
        JsonNode json = RunningDoor.json(door.write("bad\nworse\n").body());
        assertThat(json.path("written_lines").asLong()).isZero();
        assertThat(json.path("bad_lines").asLong()).isEqualTo(2);
        assertThat(door.writes.hasNone()).isTrue();
    }

    @Test
    void ofManyBadLinesAllAreCountedAndTheFirstHundredDescribed() throws Exception {
        JsonNode json = RunningDoor.json(door.write("bad\n".repeat(250)).body());
        assertThat(json.path("bad_lines").asLong()).isEqualTo(250);
        assertThat(json.path("errors")).hasSize(100);
        assertThat(json.path("errors").path(99).path("line").asLong()).isEqualTo(100);
    }

    @Test
    void withoutPartialAcceptanceOneBadLineKeepsAllOut() throws Exception {
        HttpResponse<String> response =
                door.post("/api/v2/write?bucket=b&accept_partial=false", GOOD_LINE + "\nbad\n" + GOOD_LINE);

        assertThat(response.statusCode()).isEqualTo(400);
        JsonNode json = RunningDoor.json(response.body());
        assertThat(json.path("message").asText())
                .isEqualTo("1 of 3 lines are bad, and nothing was written (accept_partial=false)");
        assertThat(json.path("written_lines").asLong()).isZero();
        assertThat(json.path("errors").path(0).path("line").asLong()).isEqualTo(2);
        assertThat(door.writes.hasNone()).isTrue();
        assertThat(door.post("/api/v2/write?bucket=b&accept_partial=false", GOOD_LINE)
                        .statusCode())
                .isEqualTo(204);
        assertThat(door.post("/api/v2/write?bucket=b&accept_partial=maybe", GOOD_LINE)
                        .body())
                .contains("'maybe': expected true or false");
    }

    @Test
    void timestampsAreInThePrecisionOfTheRequest() throws Exception {
        Map<String, Long> nanoseconds = Map.ofEntries(
                Map.entry("&precision=ns", 1L),
                Map.entry("&precision=n", 1L),
                Map.entry("&precision=us", 1_000L),
                Map.entry("&precision=u", 1_000L),
                Map.entry("&precision=%C2%B5s", 1_000L),
                Map.entry("&precision=ms", 1_000_000L),
                Map.entry("&precision=s", 1_000_000_000L),
                Map.entry("&precision=m", 60_000_000_000L),
                Map.entry("&precision=h", 3_600_000_000_000L),
                Map.entry("&precision=", 1L),
                Map.entry("", 1L));
        for (Map.Entry<String, Long> entry : nanoseconds.entrySet()) {
            for (String path : List.of("/api/v2/write?bucket=b", "/write?db=b")) {
                assertThat(door.post(path + entry.getKey(), "m f=1 5").statusCode())
                        .as(entry.getKey())
                        .isEqualTo(204);
                assertThat(FakeWrites.timestamps(door.writes.take()))
                        .as(entry.getKey())
                        .containsExactly(5 * entry.getValue());
            }
        }
    }

    @Test
    void aLineWithoutTimestampGetsTheServersTimeWhateverThePrecision() throws Exception {
        assertThat(door.post("/api/v2/write?bucket=b&precision=s", "m f=1").statusCode())
                .isEqualTo(204);
        assertThat(FakeWrites.timestamps(door.writes.take())).containsExactly(1_763_683_200_123_456_789L);
    }

    @Test
    void anUnknownPrecisionIsNamed() throws Exception {
        HttpResponse<String> response = door.post("/api/v2/write?bucket=b&precision=fortnight", GOOD_LINE);
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(RunningDoor.json(response.body()).path("message").asText())
                .contains("'precision' is 'fortnight': expected ns, us, ms or s");
        assertThat(door.writes.hasNone()).isTrue();
    }

    @Test
    void aRequestThatNamesNoNamespaceSaysWhichParameterIsMissing() throws Exception {
        for (String path : List.of("/api/v2/write", "/api/v2/write?bucket=", "/api/v2/write?db=b")) {
            HttpResponse<String> response = door.post(path, GOOD_LINE);
            assertThat(response.statusCode()).as(path).isEqualTo(400);
            assertThat(response.body()).as(path).contains("parameter 'bucket' is missing");
        }
        for (String path : List.of("/write", "/write?bucket=b", "/write?db=&rp=week")) {
            HttpResponse<String> response = door.post(path, GOOD_LINE);
            assertThat(response.statusCode()).as(path).isEqualTo(400);
            assertThat(response.body()).as(path).contains("parameter 'db' is missing");
        }
        assertThat(door.writes.hasNone()).isTrue();
    }

    @Test
    void aNamespaceThatIsNoNameIsRefused() throws Exception {
        assertThat(door.post("/api/v2/write?bucket=a%0Ab", GOOD_LINE).statusCode())
                .isEqualTo(400);
        assertThat(door.post("/api/v2/write?bucket=" + "a".repeat(256), GOOD_LINE)
                        .statusCode())
                .isEqualTo(400);
        HttpResponse<String> notUtf8 = door.post("/api/v2/write?bucket=%C3%28", GOOD_LINE);
        assertThat(notUtf8.statusCode()).isEqualTo(400);
        assertThat(notUtf8.body()).contains("not UTF-8");
        assertThat(door.writes.hasNone()).isTrue();
    }

    @Test
    void versionOneNamesTheDatabaseAndItsRetentionPolicy() throws Exception {
        Map<String, String> namespaces = Map.of(
                "/write?db=metrics", "metrics",
                "/write?db=metrics&rp=", "metrics",
                "/write?db=metrics&rp=autogen", "metrics",
                "/write?db=metrics&rp=week", "metrics/week",
                "/write?db=a%20b%2Bc&u=user&p=secret&consistency=one", "a b+c",
                "/write?db=caf%C3%A9", "café");
        for (Map.Entry<String, String> entry : namespaces.entrySet()) {
            assertThat(door.post(entry.getKey(), GOOD_LINE).statusCode())
                    .as(entry.getKey())
                    .isEqualTo(204);
            assertThat(door.writes.take().getNamespace()).as(entry.getKey()).isEqualTo(entry.getValue());
        }
    }

    @Test
    void versionOneHasItsErrorWhereItsClientsLook() throws Exception {
        JsonNode json = RunningDoor.json(door.post("/write?db=b", "bad").body());
        assertThat(json.path("error").asText()).startsWith("partial write");
        assertThat(json.has("code")).isFalse();
        assertThat(json.path("errors").path(0).path("line").asLong()).isEqualTo(1);
    }

    @Test
    void anInvalidWriteIsABadRequestWithItsReason() throws Exception {
        HttpResponse<String> response = answerTo(new WriteOutcome.Invalid("table 'cpu' has 1,001 columns"));
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(RunningDoor.json(response.body()).path("message").asText())
                .isEqualTo("table 'cpu' has 1,001 columns");
        assertThat(retryAfter(response)).isEqualTo("none");
    }

    @Test
    void aConflictIsParsedAgainSoThatItsLinesAreToldFromTheGoodOnes() throws Exception {
        // Between the first look at the schema and the write, somebody else created `usage` as an integer.
        door.know(table -> door.writes.hasNone() || !table.value().equals("cpu") ? Optional.empty() : Optional.of(CPU));
        door.writes.answer(new WriteOutcome.Conflict("column 'usage' is i64"));

        HttpResponse<String> response = door.write("cpu usage=1.5 1\nmem free=1i 2\n");

        assertThat(response.statusCode()).isEqualTo(400);
        JsonNode json = RunningDoor.json(response.body());
        assertThat(json.path("written_lines").asLong()).isEqualTo(1);
        assertThat(json.path("errors")).hasSize(1);
        assertThat(json.path("errors").path(0).path("line").asLong()).isEqualTo(1);
        assertThat(FakeWrites.rows(door.writes.take())).isEqualTo(2);
        assertThat(FakeWrites.timestamps(door.writes.take())).containsExactly(2L);
    }

    @Test
    void aConflictThatStaysIsAnsweredAfterTheSecondAttempt() throws Exception {
        door.writes.answer(new WriteOutcome.Conflict("first"));
        HttpResponse<String> response = answerTo(new WriteOutcome.Conflict("column 'usage' is i64, not f64"));
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(response.body()).contains("column 'usage' is i64, not f64");
        door.writes.take();
        door.writes.take();
        assertThat(door.writes.hasNone()).isTrue();
    }

    @Test
    void everyRefusalSaysWhyAndWhenToComeBack() throws Exception {
        for (WriteOutcome.Reason reason : WriteOutcome.Reason.values()) {
            HttpResponse<String> response =
                    answerTo(new WriteOutcome.Refused(reason, "the limit is 3", Duration.ofSeconds(5)));
            boolean isItsOwn = reason == WriteOutcome.Reason.NAMESPACE_LIMIT;
            assertThat(response.statusCode()).as(reason.name()).isEqualTo(isItsOwn ? 429 : 503);
            assertThat(retryAfter(response)).as(reason.name()).isEqualTo("5");
            JsonNode json = RunningDoor.json(response.body());
            assertThat(json.path("code").asText()).isEqualTo(isItsOwn ? "too many requests" : "unavailable");
            assertThat(json.path("reason").asText()).isEqualTo(reason.name());
            assertThat(json.path("retry_after_ms").asInt()).isEqualTo(5_000);
            assertThat(json.path("side_effects").asText()).isEqualTo("none");
            assertThat(json.path("message").asText()).isEqualTo(reason.name() + ": the limit is 3");
        }
    }

    @Test
    void retryAfterIsRoundedUpToWholeSeconds() throws Exception {
        Map<Duration, String> seconds = Map.of(
                Duration.ZERO,
                "1",
                Duration.ofMillis(1),
                "1",
                Duration.ofSeconds(1),
                "1",
                Duration.ofMillis(1_001),
                "2",
                Duration.ofMinutes(1),
                "60");
        for (Map.Entry<Duration, String> entry : seconds.entrySet()) {
            HttpResponse<String> response =
                    answerTo(new WriteOutcome.Refused(WriteOutcome.Reason.MEMORY_LIMIT, "later", entry.getKey()));
            assertThat(retryAfter(response)).as("%s", entry.getKey()).isEqualTo(entry.getValue());
        }
    }

    @Test
    void anUnknownOutcomeSaysThatTheWriteMayHaveHappenedAndAsksForNoRetry() throws Exception {
        HttpResponse<String> response = answerTo(new WriteOutcome.Unknown("the log failed"));
        assertThat(response.statusCode()).isEqualTo(500);
        assertThat(RunningDoor.json(response.body()).path("message").asText())
                .isEqualTo("the write may have happened: the log failed");
        assertThat(retryAfter(response)).isEqualTo("none");
    }

    @Test
    void aFailureThatNobodyExpectedIsAnIdAndTheDoorGoesOn() throws Exception {
        door.know(_ -> {
            throw new IllegalStateException("a secret of the inside");
        });
        HttpResponse<String> response = door.write(GOOD_LINE);
        assertThat(response.statusCode()).isEqualTo(500);
        assertThat(response.body()).contains("internal error ").doesNotContain("secret");
        door.know(KnownColumns.NONE);
        assertThat(door.write(GOOD_LINE).statusCode()).isEqualTo(204);
    }

    @Test
    void noMoreRequestsThanTheLimitAreUnderWay() throws Exception {
        try (RunningDoor narrow = new RunningDoor(1, 4L * RunningDoor.MAX_REQUEST_BYTES)) {
            CompletableFuture<WriteOutcome> outcome = narrow.writes.holdNext();
            CompletableFuture<HttpResponse<String>> first =
                    narrow.sendAsync(narrow.request("/api/v2/write?bucket=b").POST(BodyPublishers.ofString(GOOD_LINE)));
            narrow.writes.take();

            HttpResponse<String> second = narrow.write(GOOD_LINE);
            assertThat(second.statusCode()).isEqualTo(503);
            assertThat(retryAfter(second)).isEqualTo("2");
            assertThat(second.body())
                    .contains("ADMISSION_LIMIT: 1 write requests")
                    .contains("--inflight-ops");
            assertThat(narrow.get("/health").statusCode()).isEqualTo(200);

            outcome.complete(FakeWrites.WRITTEN);
            assertThat(first.get().statusCode()).isEqualTo(204);
            assertThat(narrow.write(GOOD_LINE).statusCode()).isEqualTo(204);
        }
    }

    @Test
    void aLimitOfTheSchemaIs422AndComesWithoutAHintToTryAgain() throws Exception {
        HttpResponse<String> response =
                answerTo(new WriteOutcome.LimitReached(WriteOutcome.Limit.COLUMN_COUNT, "one too many"));
        assertThat(response.statusCode()).isEqualTo(422);
        assertThat(response.headers().firstValue("Retry-After")).isEmpty();
        JsonNode json = RunningDoor.json(response.body());
        assertThat(json.path("code").asText()).isEqualTo("unprocessable entity");
        assertThat(json.path("message").asText()).isEqualTo("COLUMN_COUNT_LIMIT: one too many");
    }
}
