package io.sluice.ingester.http;

import static io.sluice.ingester.http.RunningDoor.MAX_REQUEST_BYTES;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.ingester.door.WriteOutcome;
import io.sluice.ingester.http.RawClient.Response;
import java.io.ByteArrayOutputStream;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Bodies that are large, packed, damaged, slow, or never end (invariants 6 and 7): each has its answer, room is asked
/// for before memory is taken, and all of it is given back.
@Timeout(value = 30, unit = TimeUnit.SECONDS)
final class HttpDoorBodyTest {
    private static final String GOOD_LINE = "m f=1i 1";
    private static final int BELIEVED_BYTES = 2 * 1024;

    private final RunningDoor door = new RunningDoor();

    @AfterEach
    void stop() {
        door.close();
    }

    private static byte[] joined(byte[]... parts) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }

    private HttpResponse<String> writeChunked(byte[] body) throws Exception {
        return door.send(door.request("/api/v2/write?bucket=b").POST(RunningDoor.chunked(body)));
    }

    private HttpResponse<String> writeLarge(byte[] body) throws Exception {
        return door.send(door.request("/api/v2/write?bucket=b").POST(BodyPublishers.ofByteArray(body)));
    }

    private static String chunk(String text) {
        return "%x\r\n%s\r\n".formatted(text.length(), text);
    }

    @Test
    void aBodyOfTheLargestSizeIsReadInEveryFormWithTheSmallestBudget() throws Exception {
        byte[] largest = RunningDoor.body(MAX_REQUEST_BYTES);
        assertThat(writeLarge(largest).statusCode()).isEqualTo(204);
        assertThat(writeChunked(largest).statusCode()).isEqualTo(204);
        assertThat(door.writeGzip(RunningDoor.gzip(largest)).statusCode()).isEqualTo(204);
        for (int i = 0; i < 3; i++) {
            assertThat(FakeWrites.timestamps(door.writes.take())).containsExactly(1L);
        }
        assertThat(door.budget.peakBytes())
                .isGreaterThanOrEqualTo(MAX_REQUEST_BYTES)
                .isLessThanOrEqualTo(HttpDoor.minBodyBudgetBytes(MAX_REQUEST_BYTES));
    }

    @Test
    void everyByteOfABodyArrivesWhateverItsLength() throws Exception {
        // Around the sizes at which the array grows: the last line has the last timestamp.
        for (int lengthBytes : new int[] {
            2_047, 2_048, 2_049, 16_383, 16_384, 16_385, 32_767, 32_768, 32_769, 65_536, 262_143, 262_144, 262_145,
            300_000
        }) {
            byte[] body = RunningDoor.body(lengthBytes);
            byte[] last = "\nm f=1i 2".getBytes(StandardCharsets.UTF_8);
            System.arraycopy(last, 0, body, lengthBytes - last.length, last.length);
            assertThat(writeLarge(body).statusCode()).as("%d", lengthBytes).isEqualTo(204);
            assertThat(writeChunked(body).statusCode()).as("%d", lengthBytes).isEqualTo(204);
            assertThat(door.writeGzip(RunningDoor.gzip(body)).statusCode())
                    .as("%d", lengthBytes)
                    .isEqualTo(204);
            for (int i = 0; i < 3; i++) {
                assertThat(FakeWrites.timestamps(door.writes.take()))
                        .as("%d", lengthBytes)
                        .containsExactly(1L, 2L);
            }
        }
    }

    /// Arrays of bodies are used again, but not those of bodies that may have to be read again.
    @Test
    void aBodyIsNotOverwrittenBeforeItsOutcomeIsKnown() throws Exception {
        for (int i = 0; i < 3; i++) {
            assertThat(writeLarge(large(i)).statusCode()).isEqualTo(204); // leaves an array
            door.writes.take();
        }
        CompletableFuture<WriteOutcome> outcome = door.writes.holdNext();
        CompletableFuture<HttpResponse<String>> held =
                door.sendAsync(door.request("/api/v2/write?bucket=b").POST(BodyPublishers.ofByteArray(large(10))));
        assertThat(FakeWrites.timestamps(door.writes.take())).containsExactly(10L);
        for (int i = 20; i < 23; i++) {
            assertThat(writeLarge(large(i)).statusCode()).isEqualTo(204);
            assertThat(FakeWrites.timestamps(door.writes.take())).containsExactly((long) i);
        }
        outcome.complete(new WriteOutcome.Conflict("somebody else was quicker"));
        assertThat(held.get().statusCode()).isEqualTo(204);
        assertThat(FakeWrites.timestamps(door.writes.take())).as("parsed again").containsExactly(10L);
    }

    /// 100 kB whose only line, the last one, has this timestamp.
    private static byte[] large(int timestamp) {
        return ("#" + "x".repeat(100_000) + "\nm f=1i " + timestamp).getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void aContentLengthOverTheLimitIsRefusedBeforeTheBodyIsTaken() throws Exception {
        for (String length : new String[] {Integer.toString(MAX_REQUEST_BYTES + 1), "9223372036854775807"}) {
            try (RawClient client = new RawClient(door)) {
                client.sendHead("Content-Length: " + length);
                Response response = client.receive(); // not a byte of the body was sent
                assertThat(response.status()).isEqualTo(413);
                assertThat(response.body())
                        .contains("the body may have 1048576 bytes")
                        .contains("--max-request-bytes")
                        .contains("is " + length + " bytes long");
                assertThat(response.headers()).containsEntry("connection", "close");
            }
        }
        assertThat(door.budget.peakBytes()).isZero();
    }

    @Test
    void aClientThatSendsTooMuchSeesTheAnswer() throws Exception {
        byte[] tooLarge = RunningDoor.body(MAX_REQUEST_BYTES + 1);
        assertThat(writeLarge(tooLarge).statusCode()).isEqualTo(413);
        assertThat(writeLarge(RunningDoor.body(4 * MAX_REQUEST_BYTES)).statusCode())
                .isEqualTo(413);
        assertThat(writeChunked(tooLarge).statusCode()).isEqualTo(413);
        assertThat(door.writes.hasNone()).isTrue();
        assertThat(door.write(GOOD_LINE).statusCode()).isEqualTo(204);
    }

    @Test
    void aPackedBodyIsUnpackedAlsoInSeveralMembers() throws Exception {
        assertThat(door.writeGzip(RunningDoor.gzip(GOOD_LINE)).statusCode()).isEqualTo(204);
        assertThat(FakeWrites.timestamps(door.writes.take())).containsExactly(1L);
        byte[] two = joined(RunningDoor.gzip(GOOD_LINE + "\n"), RunningDoor.gzip(""), RunningDoor.gzip("m f=2i 2"));
        assertThat(door.writeGzip(two).statusCode()).isEqualTo(204);
        assertThat(FakeWrites.timestamps(door.writes.take())).containsExactly(1L, 2L);
    }

    @Test
    void aDamagedBodyIsNamedAndNothingOfItIsWritten() throws Exception {
        byte[] first = RunningDoor.gzip(GOOD_LINE + "\n");
        byte[] badHeader = RunningDoor.gzip("m f=2i 2");
        badHeader[0] ^= 1;
        byte[] badChecksum = RunningDoor.gzip("m f=2i 2");
        badChecksum[badChecksum.length - 8] ^= 1;
        byte[] badData = RunningDoor.gzip(RunningDoor.body(10_000));
        Arrays.fill(badData, 20, 30, (byte) 0xff);

        record Damaged(byte[] body, String message) {}
        Damaged[] bodies = {
            new Damaged(GOOD_LINE.getBytes(StandardCharsets.UTF_8), "expected 8b1f"),
            new Damaged(new byte[0], "it is empty"),
            new Damaged(Arrays.copyOf(first, first.length - 1), "ends inside member 1"),
            new Damaged(Arrays.copyOf(first, 5), "ends inside member 1"),
            new Damaged(badData, "member 1"),
            new Damaged(joined(first, badHeader), "behind member 1 comes 8b1e"),
            new Damaged(joined(first, badChecksum), "member 2 has checksum"),
            new Damaged(joined(first, Arrays.copyOf(badHeader, 1)), "ends inside member 2"),
            new Damaged(joined(first, new byte[16]), "behind member 1 comes 0000"),
        };
        for (Damaged damaged : bodies) {
            HttpResponse<String> response = door.writeGzip(damaged.body());
            assertThat(response.statusCode()).as(damaged.message()).isEqualTo(400);
            assertThat(response.body()).contains("the body is not valid gzip").contains(damaged.message());
        }
        assertThat(door.writes.hasNone()).isTrue();
        assertThat(door.write(GOOD_LINE).statusCode()).isEqualTo(204);
    }

    @Test
    void aBombIsRefusedWithoutTakingItsMemory() throws Exception {
        byte[] bomb = RunningDoor.gzip(new byte[64 * MAX_REQUEST_BYTES]);
        assertThat(bomb).hasSizeLessThan(MAX_REQUEST_BYTES / 8);
        HttpResponse<String> response = door.writeGzip(bomb);
        assertThat(response.statusCode()).isEqualTo(413);
        assertThat(response.body()).contains("unpacked (--max-request-bytes), and goes on behind that");
        assertThat(door.budget.peakBytes()).isLessThanOrEqualTo(2L * MAX_REQUEST_BYTES);
        assertThat(door.writes.hasNone()).isTrue();
    }

    @Test
    void membersThatUnpackToNothingAreBoundedToo() throws Exception {
        byte[] empty = RunningDoor.gzip("");
        byte[] many = new byte[(MAX_REQUEST_BYTES / empty.length + 1) * empty.length];
        for (int at = 0; at < many.length; at += empty.length) {
            System.arraycopy(empty, 0, many, at, empty.length);
        }
        HttpResponse<String> response = door.send(door.request("/api/v2/write?bucket=b")
                .header("Content-Encoding", "gzip")
                .POST(RunningDoor.chunked(many)));
        assertThat(response.statusCode()).isEqualTo(413);
        assertThat(response.body()).contains("packed too");
    }

    @Test
    void anEncodingThatNobodyKnowsIsNamed() throws Exception {
        HttpResponse<String> response = door.send(door.request("/api/v2/write?bucket=b")
                .header("Content-Encoding", "zstd")
                .POST(BodyPublishers.ofString(GOOD_LINE)));
        assertThat(response.statusCode()).isEqualTo(415);
        assertThat(response.body()).contains("'zstd': expected gzip or none");
        assertThat(door.send(door.request("/api/v2/write?bucket=b")
                                .header("Content-Encoding", "GZIP")
                                .POST(BodyPublishers.ofByteArray(RunningDoor.gzip(GOOD_LINE))))
                        .statusCode())
                .isEqualTo(204);
    }

    @Test
    void aBodyIsHeldUntilItsOutcomeIsKnownAndOthersAreRefusedMeanwhile() throws Exception {
        byte[] half = RunningDoor.body(MAX_REQUEST_BYTES);
        CompletableFuture<WriteOutcome> first = door.writes.holdNext();
        CompletableFuture<HttpResponse<String>> firstAnswer =
                door.sendAsync(door.request("/api/v2/write?bucket=b").POST(BodyPublishers.ofByteArray(half)));
        door.writes.take();
        assertThat(door.budget.usedBytes()).isEqualTo(MAX_REQUEST_BYTES);

        // Half of the budget is left: enough for the array that the body is read into, and not for the copy.
        HttpResponse<String> refused = writeLarge(half);
        assertThat(refused.statusCode()).isEqualTo(503);
        assertThat(refused.headers().firstValue("Retry-After")).hasValue("2");
        assertThat(RunningDoor.json(refused.body()).path("message").asText())
                .startsWith("INFLIGHT_BYTES: no room for the body")
                .contains("of 2097152 bytes of requests are held (--inflight-bytes)");
        assertThat(door.budget.usedBytes()).isEqualTo(MAX_REQUEST_BYTES);
        assertThat(door.write(GOOD_LINE).statusCode())
                .as("a small one has room")
                .isEqualTo(204);

        first.complete(FakeWrites.WRITTEN);
        assertThat(firstAnswer.get().statusCode()).isEqualTo(204);
        assertThat(writeLarge(half).statusCode()).isEqualTo(204);
    }

    @Test
    void roomIsGivenBackWhateverTheOutcomeOfAWrite() throws Exception {
        door.writes.answer(new WriteOutcome.Unknown("the log failed"));
        assertThat(door.write(GOOD_LINE).statusCode()).isEqualTo(500);
        assertThat(door.budget.usedBytes()).isZero();
        assertThat(door.write("bad").statusCode()).isEqualTo(400);
        assertThat(door.budget.usedBytes()).isZero();
        door.know(_ -> {
            throw new IllegalStateException("ARBITRARY");
        });
        assertThat(door.write(GOOD_LINE).statusCode()).isEqualTo(500);
        assertThat(door.budget.usedBytes()).isZero();
        assertThat(door.budget.peakBytes()).isPositive();
    }

    @Test
    void aLengthThatIsOnlyAnnouncedTakesNextToNothing() throws Exception {
        try (RawClient client = new RawClient(door)) {
            client.sendHead("Content-Length: " + MAX_REQUEST_BYTES);
            door.budget.awaitUsed(used -> used > 0);
            assertThat(door.budget.usedBytes()).isEqualTo(BELIEVED_BYTES);
        }
        door.budget.awaitUsed(used -> used == 0);
    }

    @Test
    void aSlowClientKeepsNobodyWaitingAndIsServedInTheEnd() throws Exception {
        try (RawClient slow = new RawClient(door)) {
            slow.sendHead("Content-Length: " + GOOD_LINE.length());
            slow.send(GOOD_LINE.substring(0, 3));
            door.budget.awaitUsed(used -> used > 0);
            assertThat(door.write("m f=2i 2").statusCode()).isEqualTo(204);
            assertThat(FakeWrites.timestamps(door.writes.take())).containsExactly(2L);
            for (char c : GOOD_LINE.substring(3).toCharArray()) {
                slow.send(String.valueOf(c));
            }
            assertThat(slow.receive().status()).isEqualTo(204);
            assertThat(FakeWrites.timestamps(door.writes.take())).containsExactly(1L);
        }
    }

    @Test
    void aClientThatGoesAwayInTheMiddleWritesNothingAndIsCountedAsAborted() throws Exception {
        try (RawClient client = new RawClient(door)) {
            client.sendHead("Content-Length: 1000");
            client.send(GOOD_LINE + "\n" + GOOD_LINE);
            door.budget.awaitUsed(used -> used > 0);
        }
        door.budget.awaitUsed(used -> used == 0);
        assertThat(door.write(GOOD_LINE).statusCode()).isEqualTo(204);
        door.stop();
        door.writes.take();
        assertThat(door.writes.hasNone()).isTrue();
        assertThat(door.counted("/api/v2/write", "aborted")).isEqualTo(1);
    }

    @Test
    void aBodyThatEndsEarlyIsToldSoIfItsClientStillListens() throws Exception {
        try (RawClient client = new RawClient(door)) {
            client.sendHead("Content-Length: 1000");
            client.send(GOOD_LINE);
            client.endOutput();
            Response response = client.receive();
            assertThat(response.status()).isEqualTo(400);
            assertThat(response.body()).contains("the body could not be read");
            assertThat(response.headers()).containsEntry("connection", "close");
            assertThat(client.isClosedByServer()).isTrue();
        }
        assertThat(door.writes.hasNone()).isTrue();
    }

    @Test
    void chunksThatAreNoneEndTheRequestAndTheConnection() throws Exception {
        String good = chunk(GOOD_LINE + "\n");
        String[] bodies = {"zz\r\n", good + "fffffffffffffffffff\r\n", good + "3\r\nabcdef\r\n"};
        for (String body : bodies) {
            try (RawClient client = new RawClient(door)) {
                client.sendHead("Transfer-Encoding: chunked");
                client.send(body);
                Response response = client.receive();
                assertThat(response.status()).as(body).isEqualTo(400);
                assertThat(response.body()).as(body).contains("the body could not be read");
                assertThat(client.isClosedByServer()).as(body).isTrue();
            }
        }
        assertThat(door.writes.hasNone()).isTrue();
    }

    @Test
    void chunksThatAreGoodAreOneBody() throws Exception {
        try (RawClient client = new RawClient(door)) {
            client.sendHead("Transfer-Encoding: chunked");
            client.send(chunk("m f=1i") + chunk(" 1\nm f=2") + chunk("i 2") + "0\r\n\r\n");
            assertThat(client.receive().status()).isEqualTo(204);
            assertThat(FakeWrites.timestamps(door.writes.take())).containsExactly(1L, 2L);
        }
    }

    @Test
    void aConnectionIsUsedAgainBehindAnAnswerAndBehindAnErrorWhoseBodyWasNotRead() throws Exception {
        try (RawClient client = new RawClient(door)) {
            for (int i = 0; i < 3; i++) {
                client.sendHead("Content-Length: " + GOOD_LINE.length());
                client.send(GOOD_LINE);
                assertThat(client.receive().status()).isEqualTo(204);
                client.send("POST /api/v2/write HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n");
                assertThat(client.receive().status())
                        .as("before the body is sent")
                        .isEqualTo(400);
                client.send("x".repeat(100_000));
            }
        }
    }

    @Test
    void whatIsNoHttpHarmsNobody() throws Exception {
        String[] requests = {
            "\u0000\u0001\u0002\r\n\r\n",
            "POST\r\n\r\n",
            "POST /api/v2/write?bucket=b HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
            "POST /api/v2/write?bucket=b HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST /api/v2/write?bucket=%zz HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
            "GET /ping HTTP/1.1\r\nX-Long: " + "x".repeat(70_000) + "\r\n\r\n",
        };
        for (String request : requests) {
            try (RawClient client = new RawClient(door)) {
                client.send(request);
                client.endOutput();
                client.awaitClosedByServer();
            }
            assertThat(door.write(GOOD_LINE).statusCode())
                    .as("behind a request of %d bytes", request.length())
                    .isEqualTo(204);
        }
    }
}
