package io.sluice.ingester.http.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.door.ConnectionLimits;
import io.sluice.ingester.http.server.Patience.Phase;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Sockets on 127.0.0.1, and a clock that stands still unless it is moved.
final class HttpListenerTest {
    private static final String CHUNKED = "Transfer-Encoding: chunked\r\n";
    private static final Duration IDLE = Duration.ofMinutes(5);
    private static final Duration SLOW = Duration.ofSeconds(10);
    private static final int MAX = 4;
    private static final int MAX_SILENCE_MS = 60_000;
    private static final String ARBITRARY_GET = "GET /a HTTP/1.1\r\nHost: t\r\n\r\n";

    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final AtomicLong nowNanos = new AtomicLong();
    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private final CountDownLatch release = new CountDownLatch(1);
    private final List<Client> clients = new ArrayList<>();
    private final HttpListener listener = listener();

    private HttpListener listener() {
        try {
            HttpListener made = new HttpListener(
                    new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0),
                    new ConnectionLimits(MAX, IDLE, SLOW),
                    executor,
                    this::answer,
                    nowNanos::get,
                    _ -> {},
                    metrics);
            made.start();
            return made;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Answers with what was asked; `/unread` without a look at the body, `/late` when it may, `/huge` at length.
    private void answer(HttpCall call) throws IOException {
        String body = switch (call.path()) {
            case "/unread" -> "";
            case "/huge" -> "x".repeat(64 << 20);
            case "/late" -> {
                try {
                    release.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
                yield "";
            }
            default -> new String(call.body().readAllBytes(), StandardCharsets.ISO_8859_1);
        };
        call.answer(new HttpAnswer(
                200,
                Map.of(),
                "%s %s %s %s"
                        .formatted(call.method(), call.path(), call.rawQuery(), body)
                        .getBytes(StandardCharsets.ISO_8859_1),
                false));
    }

    @AfterEach
    void closesEverything() throws IOException {
        release.countDown();
        listener.stop(Duration.ZERO);
        executor.close();
        for (Client client : clients) {
            client.socket.close();
        }
        assertThat(listener.open()).isZero();
    }

    /// Says exactly what the test says.
    private final class Client {
        private final Socket socket;

        Client() throws IOException {
            socket = new Socket(InetAddress.ofLiteral("127.0.0.1"), listener.port());
            socket.setSoTimeout(MAX_SILENCE_MS);
            clients.add(this);
        }

        Client send(String text) throws IOException {
            socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
            return this;
        }

        /// The next answer, its head and body; empty if the connection ended.
        String receive() throws IOException {
            InputStream in = socket.getInputStream();
            StringBuilder head = new StringBuilder();
            while (head.indexOf("\r\n\r\n") < 0) {
                int c = in.read();
                if (c < 0) {
                    return head.toString();
                }
                head.append((char) c);
            }
            int at = head.indexOf("Content-Length: ");
            int length = at < 0 ? 0 : Integer.parseInt(head.substring(at + 16, head.indexOf("\r\n", at)));
            return head + new String(in.readNBytes(length), StandardCharsets.ISO_8859_1);
        }

        /// Whether the server has ended the connection, and said nothing before.
        boolean isEnded() throws IOException {
            try {
                return socket.getInputStream().read() < 0;
            } catch (SocketTimeoutException e) {
                throw e;
            } catch (IOException e) {
                return true;
            }
        }
    }

    private void pass(Duration time) {
        nowNanos.addAndGet(time.toNanos());
    }

    private double closed(String reason) {
        return metrics.get("sluice.connections.closed")
                .tag("reason", reason)
                .counter()
                .count();
    }

    /// Waits until so many connections are known: they are accepted in their own time.
    private void awaitOpen(int count) {
        while (listener.open() != count) {
            Thread.onSpinWait();
        }
    }

    @Test
    void oneConnectionCarriesManyRequestsAlsoSentAtOnce() throws IOException {
        Client client = new Client().send(ARBITRARY_GET);
        assertThat(client.receive()).startsWith("HTTP/1.1 200 OK\r\n").endsWith("GET /a  ");
        client.send(
                "POST /b?x=%20 HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc" + ARBITRARY_GET + ARBITRARY_GET);
        assertThat(client.receive()).endsWith("POST /b x=%20 abc");
        assertThat(client.receive()).endsWith("GET /a  ");
        assertThat(client.receive()).endsWith("GET /a  ");
    }

    @Test
    void theHeadAloneIsSentWhereOnlyThatWasAskedFor() throws IOException {
        Client client = new Client().send("HEAD /a HTTP/1.1\r\nHost: t\r\n\r\n" + ARBITRARY_GET);
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            head.append((char) client.socket.getInputStream().read());
        }
        assertThat(head).contains("Content-Length: 9\r\n");
        assertThat(client.receive()).startsWith("HTTP/1.1 200").endsWith("GET /a  ");
    }

    @Test
    void aConnectionEndsBehindTheAnswerIfTheClientWantsIt() throws IOException {
        Client closing = new Client().send("GET /a HTTP/1.1\r\nHost: t\r\nConnection: foo, close\r\n\r\n");
        assertThat(closing.receive()).contains("Connection: close\r\n");
        assertThat(closing.isEnded()).isTrue();
        Client old = new Client().send("GET /a HTTP/1.0\r\n\r\n");
        assertThat(old.receive()).contains("Connection: close\r\n");
        assertThat(old.isEnded()).isTrue();
        Client kept = new Client().send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + ARBITRARY_GET);
        assertThat(kept.receive()).contains("Connection: keep-alive\r\n");
        assertThat(kept.receive()).endsWith("GET /a  ");
    }

    @Test
    void whoAsksFirstIsToldToSendItsBodyOnlyIfItIsWanted() throws IOException {
        String head = " HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
        Client wanted = new Client().send("POST /a" + head);
        assertThat(wanted.receive()).isEqualTo("HTTP/1.1 100 Continue\r\n\r\n");
        wanted.send("abc");
        assertThat(wanted.receive()).endsWith("POST /a  abc");

        Client unwanted = new Client().send("POST /unread" + head);
        assertThat(unwanted.receive()).startsWith("HTTP/1.1 200").contains("Connection: close");
        assertThat(unwanted.isEnded()).as("whether the body comes nobody knows").isTrue();
    }

    @Test
    void aBodyThatNobodyWantedIsPassedOver() throws IOException {
        String body = "x".repeat(1 << 20);
        Client client = new Client()
                .send("POST /unread HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n%s%s"
                        .formatted(body.length(), body, ARBITRARY_GET));
        assertThat(client.receive()).endsWith("POST /unread  ");
        assertThat(client.receive()).endsWith("GET /a  ");
    }

    @Test
    void aBodyOfAGibibyteThatNobodyWantedEndsTheConnection() throws IOException {
        Client client = new Client().send("POST /unread HTTP/1.1\r\nHost: t\r\nContent-Length: 1073741824\r\n\r\n");
        assertThat(client.receive()).endsWith("POST /unread  ");
        byte[] piece = new byte[1 << 20];
        int sent = 0;
        try {
            while (sent < 1_024) {
                client.socket.getOutputStream().write(piece);
                sent++;
            }
        } catch (IOException e) {
            // As expected.
        }
        assertThat(sent).as("MiB that were taken, by the system's buffers too").isBetween(16, 100);
    }

    @Test
    void chunksAreOneBodyHoweverTheyAreCut() throws IOException {
        SplittableRandom random = new SplittableRandom(11);
        for (int round = 0; round < 200; round++) {
            StringBuilder body = new StringBuilder();
            StringBuilder wire = new StringBuilder("POST /a HTTP/1.1\r\nHost: t\r\ntransfer-encoding: Chunked\r\n\r\n");
            int chunks = random.nextInt(5);
            for (int i = 0; i < chunks; i++) {
                String chunk = "y".repeat(random.nextInt(1, 5_000));
                body.append(chunk);
                wire.append(Integer.toHexString(chunk.length()))
                        .append(random.nextBoolean() ? "" : ";name=value")
                        .append("\r\n")
                        .append(chunk)
                        .append("\r\n");
            }
            wire.append("0\r\n")
                    .append(random.nextBoolean() ? "" : "Trailer: t\r\n")
                    .append("\r\n");
            Client client = new Client();
            int cut = random.nextInt(wire.length());
            client.send(wire.substring(0, cut)).send(wire.substring(cut) + ARBITRARY_GET);
            assertThat(client.receive()).as("round %d", round).endsWith("POST /a  " + body);
            assertThat(client.receive()).as("round %d", round).endsWith("GET /a  ");
            client.socket.close();
            awaitOpen(0);
        }
    }

    @Test
    void whatTwoReadersCouldTakeForTwoRequestsIsRefused() throws IOException {
        Map<String, Integer> heads = Map.ofEntries(
                Map.entry("POST /a HTTP/1.1\r\n\r\n", 400),
                Map.entry("POST /a HTTP/1.1\r\nHost: t\r\nHost: u\r\n\r\n", 400),
                Map.entry("POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", 400),
                Map.entry(
                        "POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
                Map.entry("POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: +3\r\n\r\n", 400),
                Map.entry("POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 9999999999999999999\r\n\r\n", 400),
                Map.entry("POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
                Map.entry("POST /a HTTP/1.1\r\nHost: t\r\n" + CHUNKED + CHUNKED + "\r\n", 400),
                Map.entry("POST /a HTTP/1.1\r\nHost: t\r\nA : b\r\n\r\n", 400),
                Map.entry("POST /a HTTP/1.1\r\nHost: t\r\nA: b\r\n folded\r\n\r\n", 400),
                Map.entry("POST /a HTTP/1.1\r\nHost: t\r\nA: b\rContent-Length: 3\r\n\r\n", 400),
                Map.entry("POST /a HTTP/1.1\r\nHost: t\r\nA: b\u0000\r\n\r\n", 400),
                Map.entry("POST /a HTTP/1.1\r\nHost: t\r\nno colon\r\n\r\n", 400),
                Map.entry("POST /a HTTP/2.0\r\n\r\n", 426),
                Map.entry("POST /a FTP/1\r\n\r\n", 505),
                Map.entry("POST /%zz HTTP/1.1\r\nHost: t\r\n\r\n", 400),
                Map.entry("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 426),
                Map.entry("GET /a HTTP/1.1\r\n" + "Host: t\r\n" + "A: b\r\n".repeat(200) + "\r\n", 431),
                Map.entry("GET /a HTTP/1.1\r\nHost: t\r\nA: " + "b".repeat(65_536) + "\r\n\r\n", 431),
                Map.entry("GET /" + "a".repeat(65_536), 414));
        for (Map.Entry<String, Integer> head : heads.entrySet()) {
            Client client = new Client().send(head.getKey());
            String start = head.getKey().substring(0, Math.min(60, head.getKey().length()));
            assertThat(client.receive())
                    .as(start)
                    .startsWith("HTTP/1.1 " + head.getValue())
                    .contains("Connection: close");
            assertThat(client.isEnded()).as(start).isTrue();
            client.socket.close();
            awaitOpen(0);
        }
    }

    @Test
    void noBytesHarmThoseBehind() throws IOException {
        long seed = 5;
        SplittableRandom random = new SplittableRandom(seed);
        byte[] good =
                "POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
                        .getBytes(StandardCharsets.ISO_8859_1);
        for (int round = 0; round < 300; round++) {
            byte[] bytes = good.clone();
            for (int i = random.nextInt(1, 20); i > 0; i--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
            }
            Client client = new Client();
            client.socket.getOutputStream().write(bytes);
            client.socket.shutdownOutput();
            while (!client.receive().isEmpty()) {
                // Whatever is answered.
            }
            client.socket.close();
            awaitOpen(0);
            Client honest = new Client().send(ARBITRARY_GET);
            assertThat(honest.receive()).as("seed %d, round %d", seed, round).endsWith("GET /a  ");
            honest.socket.close();
            awaitOpen(0);
        }
    }

    @Test
    void whatIsBehindABadHeadIsInNobodyElsesRequest() throws IOException {
        String bad = "GET /a HTTP/1.1\r\nHost: t\r\nno colon\r\n" + "b".repeat(200_000);
        for (int round = 0; round < 500; round++) {
            Client hostile = new Client();
            try {
                hostile.send(bad);
            } catch (IOException e) {
                // It is ended in the middle of what it says.
            }
            hostile.socket.close();
            awaitOpen(0);
            Client honest = new Client().send(ARBITRARY_GET);
            assertThat(honest.receive()).as("round %d", round).endsWith("GET /a  ");
            honest.socket.close();
            awaitOpen(0);
        }
    }

    @Test
    void aConnectionWithoutRequestsIsClosedWhenItsTimeIsOver() throws IOException {
        Client silent = new Client();
        Client served = new Client().send(ARBITRARY_GET);
        var _ = served.receive();
        awaitPhase(Phase.IDLE, 2);
        pass(IDLE.minusNanos(1));
        listener.check();
        assertThat(closed("idle")).isZero();
        pass(Duration.ofNanos(1));
        listener.check();
        assertThat(silent.isEnded()).isTrue();
        assertThat(served.isEnded()).isTrue();
        assertThat(closed("idle")).isEqualTo(2);
    }

    private void awaitPhase(Phase phase, int count) {
        while (listener.open(phase) != count) {
            Thread.onSpinWait();
        }
    }

    @Test
    void aHeadThatComesByteByByteEndsInTime() throws IOException {
        Client slow = new Client();
        slow.send("GET /a HT");
        awaitPhase(Phase.HEAD, 1);
        pass(SLOW.dividedBy(2));
        slow.send("T");
        listener.check();
        assertThat(closed("slow")).isZero();
        pass(SLOW.dividedBy(2));
        listener.check();
        assertThat(slow.isEnded()).isTrue();
        assertThat(closed("slow")).isEqualTo(1);
    }

    @Test
    void aBodyThatStopsComingEndsInTime() throws IOException {
        Client slow = new Client();
        slow.send("POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\nabc");
        awaitPhase(Phase.BODY, 1);
        pass(SLOW.minusNanos(1));
        listener.check();
        assertThat(closed("slow")).isZero();
        pass(Duration.ofNanos(1));
        listener.check();
        assertThat(closed("slow")).isEqualTo(1);
        assertThat(slow.isEnded()).isTrue();
    }

    @Test
    void aClientThatDoesNotReadItsAnswerIsCutOff() throws IOException {
        Client deaf = new Client().send("GET /huge HTTP/1.1\r\nHost: t\r\n\r\n");
        assertThat(deaf.socket.getInputStream().read()).isEqualTo('H');
        pass(SLOW);
        // It may be about to write the next piece: then that has its time.
        while (closed("slow") == 0) {
            pass(SLOW);
            listener.check();
        }
        awaitOpen(0);
    }

    @Test
    void whoeverIsOfLeastUseMakesRoom() throws IOException {
        Client working = new Client().send("GET /late HTTP/1.1\r\nHost: t\r\n\r\n");
        Client slow = new Client().send("GET /a HT");
        awaitPhase(Phase.WORK, 1);
        awaitPhase(Phase.HEAD, 1);
        Client served = new Client().send(ARBITRARY_GET);
        var _ = served.receive();
        awaitPhase(Phase.IDLE, 1);
        pass(Duration.ofSeconds(2));
        Client silent = new Client();
        awaitOpen(MAX);

        Client first = new Client().send(ARBITRARY_GET);
        assertThat(first.receive()).endsWith("GET /a  ");
        assertThat(silent.isEnded()).as("never asked anything").isTrue();
        assertThat(listener.open()).isEqualTo(MAX);
        awaitPhase(Phase.IDLE, 2);
        pass(Duration.ofMillis(1));
        Client second = new Client().send("GET /late HTTP/1.1\r\nHost: t\r\n\r\n");
        assertThat(served.isEnded()).as("idle for longer than the first").isTrue();
        awaitPhase(Phase.WORK, 2);
        Client third = new Client().send("GET /late HTTP/1.1\r\nHost: t\r\n\r\n");
        assertThat(first.isEnded()).as("idle").isTrue();
        awaitPhase(Phase.WORK, 3);
        Client fourth = new Client().send("GET /late HTTP/1.1\r\nHost: t\r\n\r\n");
        assertThat(slow.isEnded()).as("slow").isTrue();
        assertThat(closed("crowded")).isEqualTo(4);
        release.countDown();
        for (Client each : List.of(working, second, third, fourth)) {
            assertThat(each.receive()).endsWith("GET /late  ");
        }
    }

    @Test
    void aRequestThatIsWorkedOnIsNotEndedForANewcomer() throws IOException {
        List<Client> working = new ArrayList<>();
        for (int i = 0; i < MAX; i++) {
            working.add(new Client().send("GET /late HTTP/1.1\r\nHost: t\r\n\r\n"));
            awaitPhase(Phase.WORK, i + 1);
        }
        pass(Duration.ofHours(1));
        listener.check();
        assertThat(new Client().isEnded()).isTrue();
        assertThat(closed("refused")).isEqualTo(1);
        release.countDown();
        for (Client each : working) {
            assertThat(each.receive()).endsWith("GET /late  ");
        }
    }

    @Test
    void moreMayConnectOnceThereMayBeMore() throws IOException {
        for (int i = 0; i < MAX; i++) {
            var _ = new Client().send("GET /late HTTP/1.1\r\nHost: t\r\n\r\n");
            awaitPhase(Phase.WORK, i + 1);
        }
        listener.reconfigure(new ConnectionLimits(MAX + 1, IDLE, SLOW));
        assertThat(new Client().send(ARBITRARY_GET).receive()).endsWith("GET /a  ");
    }

    @Test
    void aStopLetsARequestEndWithinItsDeadline() throws Exception {
        Client working = new Client().send("GET /late HTTP/1.1\r\nHost: t\r\n\r\n");
        Client idle = new Client().send(ARBITRARY_GET);
        var _ = idle.receive();
        awaitPhase(Phase.WORK, 1);
        var stop = executor.submit(() -> listener.stop(Duration.ofSeconds(20)));
        assertThat(idle.isEnded()).isTrue();
        release.countDown();
        assertThat(working.receive()).endsWith("GET /late  ");
        stop.get();
        assertThat(listener.open()).isZero();
    }
}
