package io.sluice.ingester.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.rpc.ErrorInfo;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.StatusProto;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.admission.AdmissionController;
import io.sluice.ingester.admission.AdmissionLimits;
import io.sluice.ingester.admission.AdmissionStatistics.BucketStatistics;
import io.sluice.ingester.admission.Bucket;
import io.sluice.ingester.door.CatalogAccess;
import io.sluice.ingester.door.FixedByteBudget;
import io.sluice.ingester.door.WriteHandler;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.ingester.fixture.Admissions;
import io.sluice.ingester.fixture.BudgetedWrites;
import io.sluice.ingester.write.InFlightWrites;
import io.sluice.model.SequenceNumber;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import io.sluice.proto.v1.WriteResponse;
import io.sluice.proto.v1.WriteServiceGrpc;
import io.sluice.proto.v1.WriteStreamRequest;
import io.sluice.proto.v1.WriteStreamResponse;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// However a call ends, its place is given back, once, and not before its end. A real server and a real client; faults
/// are put between gRPC and the door.
@Timeout(180)
final class AdmissionReleaseTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final int LIMIT = 3;
    private static final WriteRequest WRITE = WriteRequest.newBuilder()
            .setNamespace("n")
            .addTables(TableBatch.newBuilder().setTable("t").setRowCount(1))
            .build();
    /// Not written as encoders do, so it is counted as new.
    private static final WriteRequest ODD_WRITE =
            WriteRequest.newBuilder().setNamespace("n").build();

    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final AdmissionController controller =
            new AdmissionController(new AdmissionLimits(1, LIMIT, 1, 1, 1, 0), Admissions.delays(), () -> 0, metrics);
    private final InFlightWrites budget = new InFlightWrites(1 << 30, 1_000, () -> 0, metrics);
    private final Writes writes = new Writes();
    private final Faults faults = new Faults();
    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private final List<ManagedChannel> channels = new ArrayList<>();
    private final Server server = server();

    private Server server() {
        WriteStreams streams = new WriteStreams(
                Admissions.of(controller, Admissions.ALL_KNOWN),
                new BudgetedWrites(budget, writes),
                1 << 20,
                executor,
                metrics);
        return NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .executor(executor)
                .addService(ServerInterceptors.intercept(
                        new WriteServiceDoor(
                                Admissions.of(controller, Admissions.ALL_KNOWN),
                                writes,
                                1 << 20,
                                streams,
                                new FixedByteBudget(1 << 30, "--inflight-bytes")),
                        faults))
                .build();
    }

    /// Each write ends when the test says so, or fails at once.
    private static final class Writes implements WriteHandler {
        private final BlockingQueue<CompletableFuture<WriteOutcome>> taken = new LinkedBlockingQueue<>();
        private volatile Optional<Throwable> failure = Optional.empty();
        private volatile boolean isEnding;

        @Override
        public CompletionStage<WriteOutcome> write(byte[] request, CatalogAccess catalog) {
            if (failure.isPresent()) {
                Throwable thrown = failure.get();
                if (thrown instanceof Error error) {
                    throw error;
                }
                throw (RuntimeException) thrown;
            }
            CompletableFuture<WriteOutcome> outcome = new CompletableFuture<>();
            taken.add(outcome);
            if (isEnding) {
                succeed(outcome);
            }
            return outcome;
        }

        CompletableFuture<WriteOutcome> take() throws InterruptedException {
            return taken.take();
        }

        /// Every write that was not ended ends, and those that come later at once.
        void end() {
            isEnding = true;
            taken.forEach(AdmissionReleaseTest::succeed);
        }
    }

    /// What goes wrong in gRPC, around the door.
    private static final class Faults implements ServerInterceptor {
        private final AtomicBoolean isThrowingAtHalfClose = new AtomicBoolean();
        private final AtomicBoolean isThrowingBehindHalfClose = new AtomicBoolean();
        private final AtomicBoolean isThrowingAtHeaders = new AtomicBoolean();
        private final AtomicBoolean isThrowingAtMessage = new AtomicBoolean();
        private final AtomicBoolean isThrowingAtClose = new AtomicBoolean();

        private static void fail(AtomicBoolean is) {
            if (is.get()) {
                throw new IllegalStateException("a fault of the test");
            }
        }

        @Override
        public <Q, R> ServerCall.Listener<Q> interceptCall(
                ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
            ServerCall<Q, R> faulty = new SimpleForwardingServerCall<>(call) {
                @Override
                public void sendHeaders(Metadata sent) {
                    fail(isThrowingAtHeaders);
                    super.sendHeaders(sent);
                }

                @Override
                public void sendMessage(R message) {
                    fail(isThrowingAtMessage);
                    super.sendMessage(message);
                }

                @Override
                public void close(Status status, Metadata trailers) {
                    super.close(status, trailers);
                    fail(isThrowingAtClose);
                }
            };
            return new SimpleForwardingServerCallListener<>(next.startCall(faulty, headers)) {
                @Override
                public void onHalfClose() {
                    fail(isThrowingAtHalfClose);
                    super.onHalfClose();
                    fail(isThrowingBehindHalfClose);
                }
            };
        }
    }

    @BeforeEach
    void start() throws Exception {
        server.start();
    }

    @AfterEach
    void everyPlaceIsGivenBack() throws Exception {
        channels.forEach(ManagedChannel::shutdownNow);
        writes.end();
        awaitNone();
        server.shutdownNow().awaitTermination();
        executor.close();
        for (BucketStatistics bucket : controller.stats().buckets()) {
            assertThat(bucket.current()).as("%s", bucket.bucket()).isZero();
            assertThat(bucket.stuck()).as("%s", bucket.bucket()).isZero();
        }
    }

    /// Waits for what comes within moments, if it comes.
    private static void await(BooleanSupplier condition) {
        long start = System.nanoTime();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime() - start).as("nanoseconds waited").isLessThan(PATIENCE.toNanos());
            Thread.onSpinWait();
        }
    }

    private int in(Bucket bucket) {
        return controller.stats().buckets().stream()
                .filter(statistics -> statistics.bucket() == bucket)
                .mapToInt(BucketStatistics::current)
                .sum();
    }

    private void awaitNone() {
        await(() -> controller.stats().buckets().stream().allMatch(bucket -> bucket.current() == 0));
    }

    private ManagedChannel channel() {
        ManagedChannel channel = NettyChannelBuilder.forAddress("127.0.0.1", server.getPort())
                .usePlaintext()
                .build();
        channels.add(channel);
        return channel;
    }

    /// A call as its client sees it.
    private static final class Client<Q, R> extends ClientCall.Listener<R> {
        private final ClientCall<Q, R> call;
        private final CompletableFuture<Status> end = new CompletableFuture<>();
        private final CompletableFuture<Metadata> trailers = new CompletableFuture<>();
        private final CompletableFuture<R> message = new CompletableFuture<>();

        private Client(ClientCall<Q, R> call) {
            this.call = call;
            call.start(this, new Metadata());
            call.request(100);
        }

        @Override
        public void onMessage(R received) {
            message.complete(received);
        }

        @Override
        public void onClose(Status status, Metadata received) {
            trailers.complete(received);
            end.complete(status);
        }

        Status.Code code() throws Exception {
            return end.get(1, TimeUnit.MINUTES).getCode();
        }

        StatusRuntimeException failure() throws Exception {
            return end.get(1, TimeUnit.MINUTES).asRuntimeException(trailers.get());
        }
    }

    private Client<WriteRequest, WriteResponse> write(WriteRequest request, CallOptions options) {
        Client<WriteRequest, WriteResponse> client =
                new Client<>(channel().newCall(WriteServiceGrpc.getWriteMethod(), options));
        client.call.sendMessage(request);
        client.call.halfClose();
        return client;
    }

    private Client<WriteRequest, WriteResponse> write() {
        return write(WRITE, CallOptions.DEFAULT);
    }

    private Client<WriteStreamRequest, WriteStreamResponse> stream() {
        return new Client<>(channel().newCall(WriteServiceGrpc.getWriteStreamMethod(), CallOptions.DEFAULT));
    }

    private static void succeed(CompletableFuture<WriteOutcome> write) {
        write.complete(new WriteOutcome.Written(new SequenceNumber(7)));
    }

    @Test
    void behindSuccess() throws Exception {
        Client<WriteRequest, WriteResponse> client = write();
        CompletableFuture<WriteOutcome> write = writes.take();
        assertThat(in(Bucket.EXISTING)).isEqualTo(1);
        succeed(write);
        assertThat(client.code()).isEqualTo(Status.Code.OK);
        assertThat(client.message.get().getSequenceNumber()).isEqualTo(7);
        awaitNone();
    }

    @Test
    void behindARefusalOfTheWriteItself() throws Exception {
        Client<WriteRequest, WriteResponse> client = write();
        writes.take().complete(new WriteOutcome.Invalid("wrong"));
        assertThat(client.code()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        awaitNone();
    }

    @Test
    void whenTheHandlerThrows() throws Exception {
        for (Throwable failure : List.of(new IllegalStateException("a bug"), new StackOverflowError("a bug"))) {
            writes.failure = Optional.of(failure);
            for (int i = 0; i < 2 * LIMIT; i++) {
                assertThat(write().code()).isIn(Status.Code.INTERNAL, Status.Code.UNKNOWN);
                awaitNone();
            }
        }
    }

    @Test
    void whenAnOutcomeIsAnException() throws Exception {
        Client<WriteRequest, WriteResponse> client = write();
        writes.take().completeExceptionally(new IllegalStateException("a bug"));
        assertThat(client.code()).isEqualTo(Status.Code.INTERNAL);
        awaitNone();
    }

    @Test
    void whenSomethingThrowsBeforeOrBehindTheHeadersAreSent() throws Exception {
        for (AtomicBoolean fault :
                List.of(faults.isThrowingAtHeaders, faults.isThrowingAtMessage, faults.isThrowingAtClose)) {
            fault.set(true);
            for (int i = 0; i < 2 * LIMIT; i++) {
                Client<WriteRequest, WriteResponse> client = write();
                succeed(writes.take());
                client.code();
                awaitNone();
            }
            fault.set(false);
        }
    }

    @Test
    void whenAListenerThrowsAroundTheDoor() throws Exception {
        faults.isThrowingAtHalfClose.set(true);
        assertThat(write().code()).isEqualTo(Status.Code.UNKNOWN);
        awaitNone();
        faults.isThrowingAtHalfClose.set(false);
        faults.isThrowingBehindHalfClose.set(true);
        Client<WriteRequest, WriteResponse> client = write();
        CompletableFuture<WriteOutcome> write = writes.take();
        assertThat(client.code()).isEqualTo(Status.Code.UNKNOWN);
        assertThat(in(Bucket.EXISTING)).as("its write goes on").isEqualTo(1);
        succeed(write);
        awaitNone();
    }

    @Test
    void whenTheClientCancelsButNotBeforeItsWriteHasItsOutcome() throws Exception {
        Client<WriteRequest, WriteResponse> client = write();
        CompletableFuture<WriteOutcome> write = writes.take();
        client.call.cancel("enough", null);
        assertThat(client.code()).isEqualTo(Status.Code.CANCELLED);
        Client<WriteRequest, WriteResponse> next = write(); // by then the server has heard
        CompletableFuture<WriteOutcome> second = writes.take();
        assertThat(in(Bucket.EXISTING)).isEqualTo(2);
        succeed(write);
        await(() -> in(Bucket.EXISTING) == 1);
        succeed(second);
        assertThat(next.code()).isEqualTo(Status.Code.OK);
        awaitNone();
    }

    @Test
    void whenTheDeadlineIsOver() throws Exception {
        // Until there is one that reached the server before: how long that takes nobody knows.
        for (int millis = 200; writes.taken.isEmpty(); millis *= 2) {
            assertThat(write(WRITE, CallOptions.DEFAULT.withDeadlineAfter(millis, TimeUnit.MILLISECONDS))
                            .code())
                    .isEqualTo(Status.Code.DEADLINE_EXCEEDED);
        }
        writes.end();
        awaitNone();
    }

    @Test
    void whenTheConnectionBreaks() throws Exception {
        Client<WriteRequest, WriteResponse> client = write();
        Client<WriteStreamRequest, WriteStreamResponse> stream = stream();
        CompletableFuture<WriteOutcome> write = writes.take();
        await(() -> in(Bucket.OPEN) == 1);
        channels.forEach(ManagedChannel::shutdownNow);
        client.code();
        stream.code();
        await(() -> in(Bucket.OPEN) == 0);
        succeed(write);
        awaitNone();
    }

    @Test
    void aMessageThatIsIncompleteHoldsNoPlace() throws Exception {
        Client<WriteRequest, WriteResponse> half =
                new Client<>(channel().newCall(WriteServiceGrpc.getWriteMethod(), CallOptions.DEFAULT));
        half.call.sendMessage(WRITE);
        Client<WriteRequest, WriteResponse> none =
                new Client<>(channel().newCall(WriteServiceGrpc.getWriteMethod(), CallOptions.DEFAULT));
        none.call.halfClose();
        assertThat(none.code()).isEqualTo(Status.Code.INTERNAL);
        succeedOne();
        assertThat(in(Bucket.EXISTING)).isZero();
        half.call.cancel("enough", null);
    }

    private void succeedOne() throws Exception {
        Client<WriteRequest, WriteResponse> client = write();
        succeed(writes.take());
        assertThat(client.code()).isEqualTo(Status.Code.OK);
        awaitNone();
    }

    @Test
    void asManyAreLetInAsMayBeAndWhoIsRefusedHearsWhichLimitItIs() throws Exception {
        List<CompletableFuture<WriteOutcome>> taken = new ArrayList<>();
        for (int i = 0; i < LIMIT; i++) {
            write();
            taken.add(writes.take());
        }
        ErrorInfo info = info(write().failure());
        assertThat(info.getReason()).isEqualTo("ADMISSION_LIMIT");
        assertThat(info.getDomain()).isEqualTo("sluice");
        assertThat(info.getMetadataMap())
                .containsEntry("pool", "WRITE")
                .containsEntry("bucket", "EXISTING")
                .containsEntry("limit", "3")
                .containsEntry("current", "3")
                .containsEntry("side_effects", "none");
        write(ODD_WRITE, CallOptions.DEFAULT);
        taken.add(writes.take());
        assertThat(in(Bucket.NEW)).isEqualTo(1);
        assertThat(info(write(ODD_WRITE, CallOptions.DEFAULT).failure()).getMetadataMap())
                .as("nobody is let in: refused before the message is read")
                .containsEntry("bucket", "EXISTING");
        taken.forEach(AdmissionReleaseTest::succeed);
        awaitNone();
        succeedOne();
    }

    @Test
    void aWriteThatIsRefusedReachesNobody() throws Exception {
        write(ODD_WRITE, CallOptions.DEFAULT);
        CompletableFuture<WriteOutcome> first = writes.take();
        assertThat(info(write(ODD_WRITE, CallOptions.DEFAULT).failure()).getMetadataMap())
                .containsEntry("bucket", "NEW")
                .containsEntry("limit", "1");
        assertThat(writes.taken).isEmpty();
        succeed(first);
    }

    private static ErrorInfo info(StatusRuntimeException failure) throws Exception {
        assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        com.google.rpc.@Nullable Status status = StatusProto.fromThrowable(failure);
        assertThat(status).isNotNull();
        return status.getDetails(0).unpack(ErrorInfo.class);
    }

    @Test
    void aStreamsPlaceComesBackBehindItsEndAndNotBefore() throws Exception {
        Client<WriteStreamRequest, WriteStreamResponse> stream = stream();
        await(() -> in(Bucket.OPEN) == 1);
        assertThat(info(stream().failure()).getMetadataMap()).containsEntry("pool", "WRITE_STREAM");
        stream.call.halfClose();
        assertThat(stream.code()).isEqualTo(Status.Code.OK);
        awaitNone();
        Client<WriteStreamRequest, WriteStreamResponse> cancelled = stream();
        await(() -> in(Bucket.OPEN) == 1);
        cancelled.call.cancel("enough", null);
        awaitNone();
        Client<WriteStreamRequest, WriteStreamResponse> wrong = stream();
        wrong.call.sendMessage(
                WriteStreamRequest.newBuilder().setClientSequence(9).build());
        assertThat(wrong.code()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        awaitNone();
    }

    /// What a client does not read keeps its stream's place, though the stream is closed: the bytes of its end have not
    /// left.
    @Test
    void aStreamThatWasClosedHoldsItsPlaceUntilGrpcSaysThatItIsOver() {
        FakeCall<WriteStreamResponse> call = new FakeCall<>();
        WriteStreams streams = new WriteStreams(
                Admissions.of(controller, Admissions.ALL_KNOWN),
                new BudgetedWrites(budget, writes),
                1 << 20,
                Runnable::run,
                new SimpleMeterRegistry());
        ServerCall.Listener<InboundMessage> listener = streams.open(call);
        listener.onHalfClose();
        assertThat(call.closed).isPresent();
        assertThat(in(Bucket.OPEN)).isEqualTo(1);
        listener.onComplete();
        assertThat(in(Bucket.OPEN)).isZero();
    }

    /// The same of a write that is answered, and of one that is refused behind its place.
    @Test
    void aWriteThatWasAnsweredHoldsItsPlaceUntilGrpcSaysThatItIsOver() throws Exception {
        List<WriteOutcome> outcomes = List.of(
                new WriteOutcome.Written(new SequenceNumber(7)), new WriteOutcome.Invalid("a column is missing"));
        List<Consumer<ServerCall.Listener<InboundMessage>>> ends =
                List.of(ServerCall.Listener::onComplete, ServerCall.Listener::onCancel);
        for (WriteOutcome outcome : outcomes) {
            for (Consumer<ServerCall.Listener<InboundMessage>> end : ends) {
                FakeCall<WriteResponse> call = new FakeCall<>();
                ServerCall.Listener<InboundMessage> listener = UnaryWriteCall.open(
                        call, Admissions.of(controller, Admissions.ALL_KNOWN), writes, Optional.empty());
                listener.onMessage(new InboundMessage(WRITE.toByteArray(), Optional.empty()));
                listener.onHalfClose();
                assertThat(call.closed).isEmpty();
                writes.take().complete(outcome);
                assertThat(call.closed).isPresent();
                assertThat(in(Bucket.EXISTING)).isEqualTo(1);
                end.accept(listener);
                assertThat(in(Bucket.EXISTING)).isZero();
            }
        }
    }

    /// A call whose start fails has no listener that could hear of its end.
    @Test
    void aStreamThatCannotBeginHoldsNoPlace() {
        faults.isThrowingAtHeaders.set(true);
        for (int i = 0; i < 3; i++) {
            Client<WriteStreamRequest, WriteStreamResponse> stream = stream();
            await(stream.end::isDone);
            awaitNone();
        }
    }

    @Test
    void aLargeMessageThatIsRefusedAtOnceDoesNotDisturbTheConnection() throws Exception {
        WriteRequest large = WRITE.toBuilder()
                .setTables(
                        0,
                        WRITE.getTables(0).toBuilder()
                                .setUnknownFields(com.google.protobuf.UnknownFieldSet.newBuilder()
                                        .addField(
                                                99,
                                                com.google.protobuf.UnknownFieldSet.Field.newBuilder()
                                                        .addLengthDelimited(ByteString.copyFrom(new byte[512 * 1024]))
                                                        .build())
                                        .build()))
                .build();
        ManagedChannel channel = channel();
        List<CompletableFuture<WriteOutcome>> taken = new ArrayList<>();
        for (int i = 0; i < LIMIT; i++) {
            write();
            taken.add(writes.take());
        }
        write(ODD_WRITE, CallOptions.DEFAULT);
        taken.add(writes.take());
        WriteServiceGrpc.WriteServiceBlockingStub stub = WriteServiceGrpc.newBlockingStub(channel);
        for (int i = 0; i < 50; i++) {
            try {
                throw new AssertionError("was let in: " + stub.write(large));
            } catch (StatusRuntimeException e) {
                assertThat(info(e).getReason()).isEqualTo("ADMISSION_LIMIT");
            }
        }
        taken.forEach(AdmissionReleaseTest::succeed);
        awaitNone();
        CompletableFuture<WriteResponse> response = new CompletableFuture<>();
        executor.execute(() -> response.complete(stub.write(large)));
        succeed(writes.take());
        assertThat(response.get(1, TimeUnit.MINUTES).getSequenceNumber()).isEqualTo(7);
    }
}
