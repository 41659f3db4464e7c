package io.sluice.ingester.grpc;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.rpc.RetryInfo;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.door.ConnectionLimits;
import io.sluice.ingester.door.FixedByteBudget;
import io.sluice.ingester.door.PersistHandler.PersistSummary;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.ingester.fixture.Admissions;
import io.sluice.ingester.fixture.BudgetedWrites;
import io.sluice.ingester.fixture.RawHttp2;
import io.sluice.ingester.write.InFlightWrites;
import io.sluice.model.SequenceNumber;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.StatusRequest;
import io.sluice.proto.v1.StatusServiceGrpc;
import io.sluice.proto.v1.Strings;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import io.sluice.proto.v1.WriteServiceGrpc;
import io.sluice.proto.v1.WriteStreamRequest;
import io.sluice.proto.v1.WriteStreamResponse;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// The gRPC port beside clients without manners: they end, and an honest one is served. The clock stands still unless
/// it is moved.
final class GrpcHostileTest {
    private static final int MAX_REQUEST_BYTES = 64 * 1_024;
    private static final int MAX_ARRIVING_BYTES = 2 * MAX_REQUEST_BYTES;
    private static final int MAX_CONNECTIONS = 20;
    private static final int MAX_CALLS = 50;
    private static final Duration IDLE = Duration.ofMinutes(5);
    private static final Duration SLOW = Duration.ofSeconds(10);
    private static final String WRITE = "/sluice.v1.WriteService/Write";
    private static final String WRITE_STREAM = "/sluice.v1.WriteService/WriteStream";

    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private final AtomicLong nowNanos = new AtomicLong();
    private final AtomicInteger written = new AtomicInteger();
    private final FixedByteBudget unpacked = new FixedByteBudget(4 * MAX_REQUEST_BYTES, "--inflight-bytes");
    private final List<AutoCloseable> clients = new ArrayList<>();
    private final GrpcServer server = new GrpcServer(
            new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0),
            GrpcServer.Limits.of(
                    MAX_REQUEST_BYTES,
                    new ConnectionLimits(MAX_CONNECTIONS, IDLE, SLOW),
                    MAX_CALLS,
                    MAX_ARRIVING_BYTES),
            executor,
            Thread.ofPlatform().factory(),
            nowNanos::get,
            unpacked,
            Admissions.usual(),
            new BudgetedWrites(new InFlightWrites(1 << 30, 1_000, () -> 0, metrics), (_, _) -> {
                written.incrementAndGet();
                return CompletableFuture.completedStage(new WriteOutcome.Written(new SequenceNumber(7)));
            }),
            (_, _) -> CompletableFuture.completedStage(new PersistSummary(1, 2, 3)),
            () -> "{}",
            metrics,
            List.of());

    @BeforeEach
    void start() throws IOException {
        server.start();
    }

    @AfterEach
    void stop() throws Exception {
        for (AutoCloseable client : clients) {
            client.close();
        }
        // All is given back when all clients have gone, and not only as the server stops.
        awaitCalls(0);
        awaitArriving(0);
        awaitNothingUnpacked();
        server.stop(Duration.ZERO);
        executor.close();
    }

    private RawHttp2 raw() throws IOException {
        RawHttp2 client = new RawHttp2(server.port());
        clients.add(client);
        return client;
    }

    private ManagedChannel honest() {
        ManagedChannel channel = NettyChannelBuilder.forAddress("127.0.0.1", server.port())
                .usePlaintext()
                .build();
        clients.add(channel::shutdownNow);
        return channel;
    }

    private static void write(ManagedChannel channel) {
        assertThat(WriteServiceGrpc.newBlockingStub(channel)
                        .write(WriteRequest.newBuilder().setNamespace("n").build())
                        .getSequenceNumber())
                .isEqualTo(7);
    }

    /// Begins a message on stream 1, and sends so much of it: as soon as there is room, what is beyond the first
    /// window.
    private static void partOf(RawHttp2 client, int announcedBytes, int sentBytes) throws IOException {
        int firstBytes = 15_000;
        client.message(1, announcedBytes, firstBytes);
        client.awaitWindow(1, sentBytes - firstBytes);
        client.data(1, new byte[sentBytes - firstBytes]);
    }

    private static WriteRequest large(int bytes) {
        return WriteRequest.newBuilder()
                .addTables(TableBatch.newBuilder()
                        .addColumns(Column.newBuilder()
                                .setStrings(Strings.newBuilder().setData(ByteString.copyFrom(new byte[bytes])))))
                .build();
    }

    private double gauge(String name) {
        return metrics.get(name).gauge().value();
    }

    private double closed(String reason) {
        return metrics.get("sluice.connections.closed")
                .tag("reason", reason)
                .counter()
                .count();
    }

    private double refused(String reason) {
        return metrics.get("sluice.grpc.refusals")
                .tag("reason", reason)
                .counter()
                .count();
    }

    private void awaitArriving(long bytes) {
        while (server.arrivingBytes() != bytes) {
            Thread.onSpinWait();
        }
    }

    private void awaitCalls(int calls) {
        while (gauge("sluice.grpc.calls") != calls) {
            Thread.onSpinWait();
        }
    }

    /// Calls that the service knows of: a connection counts a call before.
    private void awaitBegun(int calls) {
        while (server.begunCalls() != calls) {
            Thread.onSpinWait();
        }
    }

    /// Room to unpack a message is given back when its call lets go of it, and its client may have its answer before.
    private void awaitNothingUnpacked() {
        while (unpacked.usedBytes() != 0) {
            Thread.onSpinWait();
        }
    }

    private void pass(Duration time) {
        nowNanos.addAndGet(time.toNanos());
    }

    @Test
    void silentConnectionsMakeRoomForOneThatAsks() throws IOException {
        ManagedChannel first = honest();
        write(first);
        for (int i = 0; i < 5 * MAX_CONNECTIONS; i++) {
            Socket silent = new Socket(InetAddress.ofLiteral("127.0.0.1"), server.port());
            clients.add(silent);
        }
        write(first);
        write(honest());
        assertThat(gauge("sluice.connections")).isLessThanOrEqualTo(MAX_CONNECTIONS);
        assertThat(closed("crowded")).isGreaterThanOrEqualTo(4 * MAX_CONNECTIONS);
    }

    /// The answers to a stream of one write.
    private static final class Stream implements StreamObserver<WriteStreamResponse> {
        private final CompletableFuture<WriteStreamResponse> acknowledged = new CompletableFuture<>();

        @Override
        public void onNext(WriteStreamResponse response) {
            acknowledged.complete(response);
        }

        @Override
        public void onError(Throwable failure) {
            acknowledged.completeExceptionally(failure);
        }

        @Override
        public void onCompleted() {
            acknowledged.completeExceptionally(new AssertionError("nobody ended the stream"));
        }
    }

    @Test
    void aConnectionWithoutCallsIsClosedWhenItsTimeIsOver() throws IOException {
        RawHttp2 silent = raw();
        ManagedChannel first = honest();
        write(first);
        Stream open = new Stream();
        StreamObserver<WriteStreamRequest> stream =
                WriteServiceGrpc.newStub(honest()).writeStream(open);
        stream.onNext(WriteStreamRequest.newBuilder()
                .setClientSequence(1)
                .setWrite(WriteRequest.newBuilder().setNamespace("n"))
                .build());
        open.acknowledged.join();
        awaitCalls(1);
        while (gauge("sluice.connections") != 3) {
            Thread.onSpinWait();
        }
        pass(IDLE.minusNanos(1));
        server.checkConnections();
        assertThat(closed("idle")).isZero();
        pass(Duration.ofNanos(1));
        server.checkConnections();
        silent.awaitClosed();
        assertThat(closed("idle")).isEqualTo(2);
        assertThat(gauge("sluice.connections"))
                .as("the one with a stream stays")
                .isEqualTo(1);
        while (first.getState(false) != ConnectivityState.IDLE) {
            Thread.onSpinWait(); // until it has heard of it
        }
        write(first); // connects again
    }

    @Test
    void messagesThatAreNeverCompleteEndInTime() throws IOException {
        RawHttp2 slow = raw();
        slow.begin(1, WRITE);
        slow.message(1, 50_000, 10_000);
        awaitArriving(10_000);
        slow.begin(3, WRITE_STREAM);
        slow.message(3, 50_000, 15_000);
        slow.begin(5, WRITE);
        slow.begin(7, WRITE_STREAM);
        awaitArriving(25_000);
        awaitBegun(4);
        server.checkConnections();
        pass(SLOW.minusNanos(1));
        server.checkConnections();
        assertThat(refused("slow")).isZero();
        pass(Duration.ofNanos(1));
        server.checkConnections();
        assertThat(refused("slow")).isEqualTo(3);
        slow.awaitEnd(1);
        slow.awaitEnd(3);
        slow.awaitEnd(5);
        awaitArriving(0);
        assertThat(written).hasValue(0);
        awaitCalls(1); // a stream may be silent between its messages
        write(honest());
    }

    @Test
    void aMessageThatIsCompleteAndNeverEndsIsCounted() throws IOException {
        RawHttp2 slow = raw();
        slow.begin(1, WRITE);
        slow.message(1, 10_000, 10_000);
        awaitArriving(10_000);
        awaitBegun(1);
        server.checkConnections();
        pass(SLOW);
        server.checkConnections(); // it saw the message's end, which was a step
        pass(SLOW);
        server.checkConnections();
        assertThat(refused("slow")).isEqualTo(1);
        awaitArriving(0);
    }

    @Test
    void whoIsOneByteTooManyIsRefusedUnlessSomebodyHasStopped() throws IOException {
        RawHttp2 first = raw();
        first.begin(1, WRITE);
        partOf(first, 100_000, 90_000);
        awaitArriving(90_000);
        awaitBegun(1);
        RawHttp2 second = raw();
        second.begin(1, WRITE);
        partOf(second, 100_000, 60_000);
        second.awaitEnd(1);
        assertThat(refused("room")).isEqualTo(1);
        awaitArriving(90_000);
        write(honest());

        server.checkConnections();
        pass(Duration.ofSeconds(2));
        RawHttp2 third = raw();
        third.begin(1, WRITE);
        partOf(third, 60_000, 50_000);
        first.awaitEnd(1);
        assertThat(refused("room")).isEqualTo(2);
        awaitArriving(50_000);
    }

    @Test
    void tooManyOpenCallsAreRefusedWithAHint() throws IOException {
        RawHttp2 greedy = raw();
        for (int i = 0; i < MAX_CALLS; i++) {
            greedy.begin(2 * i + 1, WRITE);
        }
        awaitBegun(MAX_CALLS);
        assertThatThrownBy(() -> write(honest())).isInstanceOfSatisfying(StatusRuntimeException.class, e -> {
            assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
            com.google.rpc.Status status = requireNonNull(StatusProto.fromThrowable(e));
            assertThat(status.getDetailsList()).anyMatch(detail -> detail.is(RetryInfo.class));
        });
        greedy.close();
        awaitCalls(0);
        write(honest());
    }

    @Test
    void callsThatAreTakenBackAtOnceEndTheConnection() throws IOException {
        RawHttp2 rude = raw();
        try {
            for (int i = 0; i <= GrpcServer.MAX_RESETS; i++) {
                rude.begin(2 * i + 1, WRITE);
                rude.cancel(2 * i + 1);
            }
        } catch (IOException e) {
            // The connection may be closed while it goes on.
        }
        rude.awaitClosed();
        awaitCalls(0);
        write(honest());
    }

    @Test
    void bombsHaveNoMoreMemoryThanThereIs() throws Exception {
        WriteRequest fits = large(MAX_REQUEST_BYTES - 100);
        ManagedChannel channel = honest();
        assertThat(WriteServiceGrpc.newBlockingStub(channel)
                        .withCompression("gzip")
                        .write(fits)
                        .getSequenceNumber())
                .isEqualTo(7);
        assertThatThrownBy(() -> WriteServiceGrpc.newBlockingStub(channel)
                        .withCompression("gzip")
                        .write(large(20 * MAX_REQUEST_BYTES)))
                .isInstanceOfSatisfying(
                        StatusRuntimeException.class,
                        e -> assertThat(e.getStatus().getDescription())
                                .contains("more than %d bytes unpacked".formatted(MAX_REQUEST_BYTES)));
        awaitNothingUnpacked();
        try (var _ = unpacked.tryReserve(4 * MAX_REQUEST_BYTES - 1).orElseThrow()) {
            assertThatThrownBy(() -> WriteServiceGrpc.newBlockingStub(channel)
                            .withCompression("gzip")
                            .write(fits))
                    .isInstanceOfSatisfying(StatusRuntimeException.class, e -> {
                        assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
                        assertThat(e.getStatus().getDescription()).contains("no room to unpack");
                    });
        }
        awaitNothingUnpacked();
    }

    @Test
    void onlyWritesMayBePackedOrLong() {
        ManagedChannel channel = honest();
        assertThatThrownBy(() -> StatusServiceGrpc.newBlockingStub(channel)
                        .withCompression("gzip")
                        .status(StatusRequest.getDefaultInstance()))
                .isInstanceOfSatisfying(
                        StatusRuntimeException.class,
                        e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNIMPLEMENTED));
        write(channel);
    }
}
