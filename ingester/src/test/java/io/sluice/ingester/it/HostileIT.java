package io.sluice.ingester.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.StreamObserver;
import io.sluice.ingester.fixture.RawHttp2;
import io.sluice.proto.v1.StatusRequest;
import io.sluice.proto.v1.StatusServiceGrpc;
import io.sluice.proto.v1.WriteRequest;
import io.sluice.proto.v1.WriteServiceGrpc;
import io.sluice.proto.v1.WriteStreamRequest;
import io.sluice.proto.v1.WriteStreamResponse;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A real server with little memory and clients without manners, while an honest one writes and asks: all that it does
/// succeeds.
final class HostileIT {
    private static final int IDLE_CONNECTIONS = 10_000;
    /// Half of what may be open.
    private static final int AT_ONCE = 500;
    private static final int SLOW_CONNECTIONS = 300;
    private static final int MAX_SILENCE_MS = 60_000;
    private static final int DEAF_STREAMS = 20;
    private static final int DEAF_WRITES = 20_000;
    private static final String WRITE = "/sluice.v1.WriteService/Write";

    @TempDir
    private Path folder = Path.of("");

    private final List<AutoCloseable> rude = new ArrayList<>();

    /// Writes over HTTP, and asks over gRPC and HTTP, as fast as it is answered.
    private static final class Honest implements AutoCloseable {
        private final CountDownLatch done = new CountDownLatch(1);
        private final AtomicInteger rounds = new AtomicInteger();
        private final AtomicReference<String> trouble = new AtomicReference<>("");
        private final SluiceServer server;
        private final ManagedChannel channel;
        private final Thread thread;

        Honest(SluiceServer server) {
            this.server = server;
            this.channel = NettyChannelBuilder.forAddress("127.0.0.1", server.grpcPort())
                    .usePlaintext()
                    .build();
            this.thread = Thread.ofVirtual().start(this::run);
        }

        private void run() {
            try {
                while (done.getCount() > 0) {
                    int round = rounds.incrementAndGet();
                    HttpResponse<String> written = server.write(
                            "n", "m,host=h v=%di %d".formatted(round, round).getBytes(StandardCharsets.UTF_8));
                    if (written.statusCode() != 204) {
                        throw new AssertionError(written.statusCode() + " " + written.body());
                    }
                    var _ = StatusServiceGrpc.newBlockingStub(channel)
                            .withDeadlineAfter(MAX_SILENCE_MS, TimeUnit.MILLISECONDS)
                            .status(StatusRequest.getDefaultInstance());
                }
            } catch (Exception | Error e) {
                trouble.compareAndSet("", "round %d: %s".formatted(rounds.get(), e));
            }
        }

        /// Waits until it has done something more.
        void awaitProgress() {
            int wanted = rounds.get() + 3;
            while (rounds.get() < wanted && trouble.get().isEmpty()) {
                Thread.onSpinWait();
            }
            assertThat(trouble).hasValue("");
        }

        @Override
        public void close() {
            done.countDown();
            while (thread.isAlive()) {
                Thread.onSpinWait();
            }
            channel.shutdownNow();
            assertThat(trouble).hasValue("");
        }
    }

    private static double metric(SluiceServer server, String line) throws Exception {
        Matcher found = Pattern.compile(Pattern.quote(line) + " (\\S+)")
                .matcher(server.get("/metrics").body());
        assertThat(found.find()).as(line).isTrue();
        return Double.parseDouble(found.group(1));
    }

    private static double closed(SluiceServer server, String door, String reason) throws Exception {
        return metric(server, "sluice_connections_closed_total{door=\"%s\",reason=\"%s\"}".formatted(door, reason));
    }

    private Socket connect(int port) throws IOException {
        Socket socket = new Socket(InetAddress.ofLiteral("127.0.0.1"), port);
        socket.setSoTimeout(MAX_SILENCE_MS);
        rude.add(socket);
        return socket;
    }

    private static void send(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    private void closeRude() throws Exception {
        for (AutoCloseable client : rude) {
            client.close();
        }
        rude.clear();
    }

    @Test
    @DisplayName(
            "Invariant 7: no client keeps others out, however many connections it has and whatever it sends or does not")
    void rudeClientsHaveNoEffectOnAnHonestOne() throws Exception {
        // The usual time for slow clients: it counts as well what a crowded server takes to look at an honest one's
        // bytes.
        try (SluiceServer server = SluiceServer.start(folder, "--memory", "512MiB", "--max-connections", "1000");
                Honest honest = new Honest(server)) {
            honest.awaitProgress();
            crowd(server, "http", server.httpPort(), honest);
            crowd(server, "grpc", server.grpcPort(), honest);

            slowOnes(server);
            honest.awaitProgress();
            tooLarge(server, "Content-Length: 1073741824", new byte[1 << 20]);
            byte[] chunk = new byte[(1 << 20) + 10];
            System.arraycopy("100000\r\n".getBytes(StandardCharsets.ISO_8859_1), 0, chunk, 0, 8);
            System.arraycopy("\r\n".getBytes(StandardCharsets.ISO_8859_1), 0, chunk, chunk.length - 2, 2);
            tooLarge(server, "Transfer-Encoding: chunked", chunk);
            honest.awaitProgress();
            bomb(server);
            honest.awaitProgress();
            garbage(server);
            honest.awaitProgress();
            deafStreams(server);
            honest.awaitProgress();
            closeRude();
        }
    }

    /// Connections that say nothing: most are closed to make room. The system takes them before the server does.
    ///
    /// The honest one's newest connection is like them until its request comes: fewer than may be open come
    /// within one of its rounds.
    private void crowd(SluiceServer server, String door, int port, Honest honest) throws Exception {
        for (int i = 1; i <= IDLE_CONNECTIONS; i++) {
            var _ = connect(port);
            if (i % AT_ONCE == 0) {
                honest.awaitProgress();
            }
        }
        while (closed(server, door, "crowded") <= IDLE_CONNECTIONS / 2) {
            honest.awaitProgress();
        }
        honest.awaitProgress();
        closeRude();
    }

    /// Heads, bodies and messages that never come to their end: each connection, or call, ends by itself.
    private void slowOnes(SluiceServer server) throws Exception {
        List<Socket> heads = new ArrayList<>();
        List<Socket> bodies = new ArrayList<>();
        List<RawHttp2> calls = new ArrayList<>();
        for (int i = 0; i < SLOW_CONNECTIONS; i++) {
            Socket head = connect(server.httpPort());
            send(head, "POST /api/v2/write?bucket=n HTTP/1.1\r\nHost: t\r\nX-Slow: ");
            heads.add(head);
            Socket body = connect(server.httpPort());
            send(body, "POST /api/v2/write?bucket=n HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\nm v=1");
            bodies.add(body);
            RawHttp2 call = new RawHttp2(server.grpcPort());
            rude.add(call);
            call.begin(1, WRITE);
            call.message(1, 10_000_000, 15_000);
            calls.add(call);
        }
        for (Socket socket : heads) {
            assertThat(socket.getInputStream().read())
                    .as("the connection's end")
                    .isNegative();
        }
        for (Socket socket : bodies) {
            assertThat(new String(socket.getInputStream().readNBytes(12), StandardCharsets.ISO_8859_1))
                    .isEqualTo("HTTP/1.1 408");
        }
        for (RawHttp2 call : calls) {
            call.awaitEnd(1);
        }
        assertThat(closed(server, "http", "slow")).isGreaterThanOrEqualTo(2 * SLOW_CONNECTIONS);
        assertThat(metric(server, "sluice_grpc_refusals_total{reason=\"slow\"}")
                        + metric(server, "sluice_grpc_refusals_total{reason=\"room\"}"))
                .isGreaterThanOrEqualTo(SLOW_CONNECTIONS);
    }

    /// A body without end is answered, and is not read to its end.
    private void tooLarge(SluiceServer server, String length, byte[] piece) throws IOException {
        Socket socket = connect(server.httpPort());
        send(socket, "POST /api/v2/write?bucket=n HTTP/1.1\r\nHost: t\r\n" + length + "\r\n\r\n");
        int sent = 0;
        try {
            while (sent < 1_024) {
                socket.getOutputStream().write(piece);
                sent++;
            }
        } catch (IOException e) {
            // The server has closed the connection, as it should.
        }
        assertThat(sent).as("MiB that were sent").isLessThan(200);
    }

    /// What is no request, what is too much of one, and what is taken back at once.
    private void garbage(SluiceServer server) throws Exception {
        Socket pipelined = connect(server.httpPort());
        send(pipelined, "GET /ping HTTP/1.1\r\nHost: t\r\n\r\n".repeat(100) + "\u0000\u0001 HTTP/9\r\n\r\n");
        byte[] answers = pipelined.getInputStream().readAllBytes();
        assertThat(new String(answers, StandardCharsets.ISO_8859_1)).contains("HTTP/1.1 204", "HTTP/1.1 400");
        Socket headers = connect(server.httpPort());
        send(headers, "GET /ping HTTP/1.1\r\nHost: t\r\n" + "a: b\r\n".repeat(1_000) + "\r\n");
        assertThat(new String(headers.getInputStream().readNBytes(12), StandardCharsets.ISO_8859_1))
                .isEqualTo("HTTP/1.1 431");
        RawHttp2 resets = new RawHttp2(server.grpcPort());
        rude.add(resets);
        try {
            for (int i = 0; i < 50_000; i++) {
                resets.begin(2 * i + 1, WRITE);
                resets.cancel(2 * i + 1);
            }
        } catch (IOException e) {
            // It may be closed while it goes on.
        }
        resets.awaitClosed();
    }

    /// A small body that unpacks to more than a request may have.
    private void bomb(SluiceServer server) throws IOException {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
            for (int mib = 0; mib < 200; mib++) {
                out.write(new byte[1 << 20]);
            }
        }
        Socket socket = connect(server.httpPort());
        send(
                socket,
                "POST /api/v2/write?bucket=n HTTP/1.1\r\nHost: t\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
                        .formatted(packed.size()));
        socket.getOutputStream().write(packed.toByteArray());
        assertThat(new String(socket.getInputStream().readNBytes(12), StandardCharsets.ISO_8859_1))
                .isEqualTo("HTTP/1.1 413");
    }

    /// Streams that write as long as they may, and never ask for an acknowledgement.
    private void deafStreams(SluiceServer server) throws Exception {
        ManagedChannel channel = NettyChannelBuilder.forAddress("127.0.0.1", server.grpcPort())
                .usePlaintext()
                .build();
        rude.add(channel::shutdownNow);
        WriteRequest write =
                WriteRequest.parseFrom(Rows.request("deaf", "m,host=h v=1i 1".getBytes(StandardCharsets.UTF_8)));
        for (int stream = 0; stream < DEAF_STREAMS; stream++) {
            Deaf deaf = new Deaf();
            StreamObserver<WriteStreamRequest> requests =
                    WriteServiceGrpc.newStub(channel).writeStream(deaf);
            for (int i = 1; i <= DEAF_WRITES && deaf.isReady(); i++) {
                requests.onNext(WriteStreamRequest.newBuilder()
                        .setClientSequence(i)
                        .setWrite(write)
                        .build());
            }
        }
    }

    /// A client that reads nothing.
    private static final class Deaf implements ClientResponseObserver<WriteStreamRequest, WriteStreamResponse> {
        private final CountDownLatch ready = new CountDownLatch(1);
        private final AtomicReference<Optional<ClientCallStreamObserver<WriteStreamRequest>>> call =
                new AtomicReference<>(Optional.empty());

        @Override
        public void beforeStart(ClientCallStreamObserver<WriteStreamRequest> started) {
            call.set(Optional.of(started));
            started.disableAutoRequestWithInitial(0);
            started.setOnReadyHandler(ready::countDown);
        }

        boolean isReady() throws InterruptedException {
            assertThat(ready.await(MAX_SILENCE_MS, TimeUnit.MILLISECONDS)).isTrue();
            return call.get().orElseThrow().isReady();
        }

        @Override
        public void onNext(WriteStreamResponse response) {
            throw new AssertionError("nobody asked for it: " + response);
        }

        @Override
        public void onError(Throwable failure) {
            // Its end, when the test is over.
        }

        @Override
        public void onCompleted() {
            // Never: it does not half-close.
        }
    }
}
