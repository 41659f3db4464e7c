package io.sluice.ingester.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.StatusProto;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.admission.AdmissionController;
import io.sluice.ingester.admission.AdmissionLimits;
import io.sluice.ingester.admission.Bucket;
import io.sluice.ingester.admission.IngestState;
import io.sluice.ingester.admission.TimestampOracle;
import io.sluice.ingester.door.FixedByteBudget;
import io.sluice.ingester.door.PersistHandler.PersistSummary;
import io.sluice.ingester.door.StreamedWriteHandler;
import io.sluice.ingester.door.WriteHandler;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.fixture.Admissions;
import io.sluice.ingester.fixture.BudgetedWrites;
import io.sluice.ingester.fixture.Logs;
import io.sluice.ingester.fixture.Pipeline;
import io.sluice.ingester.sink.WalSink;
import io.sluice.ingester.write.InFlightWrites;
import io.sluice.ingester.write.WritePath;
import io.sluice.model.SequenceNumber;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.Dictionary;
import io.sluice.proto.v1.Int64s;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import io.sluice.proto.v1.WriteStreamResponse;
import io.sluice.wal.Wal;
import io.sluice.wal.WalInspector;
import io.sluice.wal.WalListener;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Write streams over a real gRPC server, some of them with the whole write path and a log on disk behind it.
final class WriteStreamTest {
    private static final int MAX_MESSAGE_BYTES = 64 * 1024;
    private static final int MAX_STREAMS = AdmissionLimits.DEFAULT.writeStreams();
    private static final int MAX_OPS = 300;
    private static final WriteRequest ARBITRARY_WRITE =
            WriteRequest.newBuilder().setNamespace("n").build();

    @TempDir
    private Path folder = Path.of("");

    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private final InFlightWrites budget = new InFlightWrites(1 << 20, MAX_OPS, System::nanoTime, metrics);
    private final CuedWrites cued = new CuedWrites();
    private final List<ManagedChannel> channels = new ArrayList<>();
    private Optional<GrpcServer> server = Optional.empty();

    private final AdmissionController admission =
            new AdmissionController(AdmissionLimits.DEFAULT, Admissions.delays(), () -> 0, metrics);

    @AfterEach
    void stop() throws Exception {
        for (int i = 1; i <= cued.names().size(); i++) {
            cued.succeed(i);
        }
        channels.forEach(ManagedChannel::shutdownNow);
        server.orElseThrow().stop(Duration.ofSeconds(5));
        await(() -> gauge("sluice.write.streams.open") == 0);
        await(() -> budget.writes() == 0);
        await(() -> admission.stats().buckets().stream().allMatch(bucket -> bucket.current() == 0));
        assertThat(budget.bytes()).isZero();
        assertThat(budget.waiting()).isZero();
        executor.close(); // not before: gRPC tells streams of their end on it, even behind the server's own end
    }

    private void serve(WriteHandler handler) throws IOException {
        serve(new BudgetedWrites(budget, handler));
    }

    private void serve(StreamedWriteHandler writes) throws IOException {
        GrpcServer started = new GrpcServer(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                new GrpcServer.Limits(4 * MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES),
                executor,
                Thread.ofPlatform().factory(),
                System::nanoTime,
                new FixedByteBudget(1 << 30, "--inflight-bytes"),
                Admissions.of(admission, Admissions.ALL_KNOWN),
                writes,
                (_, _) -> CompletableFuture.completedStage(new PersistSummary(0, 0, 0)),
                () -> "{}",
                metrics,
                List.of());
        started.start();
        server = Optional.of(started);
    }

    private ManagedChannel channel() {
        return channel(1 << 20);
    }

    private ManagedChannel channel(int windowBytes) {
        ManagedChannel made = NettyChannelBuilder.forAddress(
                        "127.0.0.1", server.orElseThrow().port())
                .usePlaintext()
                .initialFlowControlWindow(windowBytes)
                .build();
        channels.add(made);
        return made;
    }

    private StreamClient client() {
        return new StreamClient(channel()).read();
    }

    private double gauge(String name) {
        return metrics.get(name).gauge().value();
    }

    private double terminations(String reason) {
        return metrics.get("sluice.write.stream.terminations")
                .tag("reason", reason)
                .counter()
                .count();
    }

    private static void await(BooleanSupplier condition) {
        while (!condition.getAsBoolean()) {
            Thread.onSpinWait();
        }
    }

    private static ErrorInfo info(StreamClient.End end) throws Exception {
        com.google.rpc.Status status = StatusProto.fromThrowable(end.status().asRuntimeException(end.trailers()));
        assertThat(status).isNotNull();
        return status.getDetails(0).unpack(ErrorInfo.class);
    }

    private static WriteRequest row(long number, String tag) {
        WriteRequest.Builder request = row(number).toBuilder();
        request.getTablesBuilder(0)
                .addColumns(Column.newBuilder()
                        .setName("tag")
                        .setKind(Column.Kind.TAG)
                        .setDictionary(Dictionary.newBuilder().addValues(tag).addCodes(0)));
        return request.build();
    }

    /// One row, whose time is its number.
    private static WriteRequest row(long number) {
        return WriteRequest.newBuilder()
                .setNamespace("n")
                .addTables(TableBatch.newBuilder()
                        .setTable("m")
                        .setRowCount(1)
                        .addColumns(Column.newBuilder()
                                .setName("time")
                                .setKind(Column.Kind.TIME)
                                .setI64(Int64s.newBuilder().addValues(number)))
                        .addColumns(Column.newBuilder()
                                .setName("v")
                                .setKind(Column.Kind.FIELD)
                                .setI64(Int64s.newBuilder().addValues(number))))
                .build();
    }

    /// The write path with all that is real behind it.
    private final class RealWrites implements AutoCloseable {
        private final RootAllocator allocator = new RootAllocator();
        private final IngestState state = new IngestState(() -> 0, metrics);
        private final Pipeline pipeline;
        private final Wal wal;

        RealWrites() throws Exception {
            this(1L << 40);
        }

        RealWrites(long maxLogBytes) throws Exception {
            pipeline = Pipeline.open(folder, allocator);
            wal = Logs.open(log(), maxLogBytes);
            WalSink sink = new WalSink(wal, pipeline.buffer(), pipeline.stable());
            wal.start(new TimestampOracle(SequenceNumber.NONE), new UUID(1, 1), Logs.THREADS, new WalListener() {
                @Override
                public void completed(SequenceNumber through) {
                    sink.completed(through);
                }

                @Override
                public void failed(IOException cause) {
                    throw new AssertionError("the log failed", cause);
                }
            });
            serve(new WritePath(
                    state, budget, Duration.ofMinutes(1), Admissions.refusals(), pipeline.preparer(), sink));
        }

        List<Long> shownTimes() {
            return pipeline.show("m").values().stream()
                    .flatMap(shown -> shown.rows().stream())
                    .map(row -> (Long) row.get("time"))
                    .toList();
        }

        @Override
        public void close() throws IOException {
            channels.forEach(ManagedChannel::shutdownNow);
            await(() -> budget.writes() == 0);
            wal.close();
            pipeline.close();
            allocator.close();
        }
    }

    private Path log() {
        return folder.resolve("wal");
    }

    @Test
    @DisplayName(
            "Invariant 2: the writes of a stream stand in the log in their order, and an ack means durable and seen")
    void theLogHasTheWritesOfAStreamInTheirOrder() throws Exception {
        int count = 2_000;
        try (RealWrites real = new RealWrites()) {
            StreamClient client = client();
            for (int i = 1; i <= count; i++) {
                client.send(i, row(i));
            }
            client.awaitAck(count);
            assertThat(real.shownTimes()).hasSize(count);
            client.halfClose();
            assertThat(client.end().status().isOk()).isTrue();
            assertThat(client.acks().stream().map(WriteStreamResponse::getAcknowledgedThrough))
                    .isSorted()
                    .doesNotHaveDuplicates();
            assertThat(client.acks())
                    .as("the only client: its numbers are those of the log")
                    .allSatisfy(ack -> assertThat(ack.getSequenceNumber()).isEqualTo(ack.getAcknowledgedThrough()));
            assertThat(terminations("COMPLETED")).isEqualTo(1);
        }
        List<byte[]> logged = new ArrayList<>();
        new WalInspector(log(), Logs.THREADS).entries(1, count, entry -> logged.add(entry.payload()));
        assertThat(logged).hasSize(count);
        for (int i = 1; i <= count; i++) {
            assertThat(logged.get(i - 1)).as("entry %d", i).isEqualTo(row(i).toByteArray());
        }
    }

    @Test
    void aThousandStreamsAtOnceAreAllAcknowledgedThoughTheBudgetIsSmaller() throws Exception {
        try (RealWrites real = new RealWrites()) {
            ManagedChannel channel = channel();
            List<StreamClient> clients = new ArrayList<>();
            for (int i = 0; i < MAX_STREAMS; i++) {
                clients.add(new StreamClient(channel).read());
            }
            await(() -> gauge("sluice.write.streams.open") == MAX_STREAMS);
            StreamClient.End tooMany = client().end();
            assertThat(tooMany.status().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
            assertThat(info(tooMany).getReason()).isEqualTo("ADMISSION_LIMIT");
            assertThat(tooMany.trailer("acknowledged_through")).isEqualTo("0");
            com.google.rpc.Status details =
                    StatusProto.fromThrowable(tooMany.status().asRuntimeException(tooMany.trailers()));
            assertThat(details).isNotNull();
            assertThat(details.getDetails(1)
                            .unpack(RetryInfo.class)
                            .getRetryDelay()
                            .getSeconds())
                    .isEqualTo(1);
            for (int i = 0; i < MAX_STREAMS; i++) {
                clients.get(i).send(1, row(i)).halfClose();
            }
            for (StreamClient client : clients) {
                assertThat(client.end().status().isOk()).isTrue();
                assertThat(client.acks()).hasSize(1);
            }
            assertThat(real.shownTimes()).hasSize(MAX_STREAMS).doesNotHaveDuplicates();
            await(() -> admission.count(Bucket.OPEN) == 0); // clients may hear of the end before
            assertThat(client().halfClose().end().status().isOk())
                    .as("there is room again")
                    .isTrue();
        }
    }

    @Test
    void aBadWriteInTheMiddleEndsTheStreamAndNothingBehindItIsWritten() throws Exception {
        try (RealWrites real = new RealWrites()) {
            StreamClient client = client();
            for (int i = 1; i <= 50; i++) {
                client.send(
                        i,
                        i == 21 ? ARBITRARY_WRITE.toBuilder().clearNamespace().build() : row(i));
            }
            StreamClient.End end = client.end();
            assertThat(end.status().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
            assertThat(end.trailer("acknowledged_through")).isEqualTo("20");
            assertThat(end.trailer("failed_client_sequence")).isEqualTo("21");
            assertThat(end.trailer("side_effects")).isEqualTo("none");
            assertThat(info(end).getReason()).isEqualTo("INVALID_WRITE");
            assertThat(client.acks().getLast().getAcknowledgedThrough()).isEqualTo(20);
            assertThat(real.shownTimes()).hasSize(20).allMatch(time -> time <= 20);
            assertThat(terminations("INVALID_WRITE")).isEqualTo(1);
        }
    }

    /// The log's thread finds out that there is no room when later writes are in its queue, or on their way to it.
    @Test
    void aLogThatIsFullEndsTheStreamAndHasNothingOfWhatCameBehind() throws Exception {
        long maxLogBytes = 64 << 10;
        try (RealWrites real = new RealWrites(maxLogBytes)) {
            StreamClient client = client();
            // Long ones among short ones: of those behind a long one that finds no room, some would fit.
            for (int i = 1; i <= 2_000; i++) {
                client.send(i, i % 3 == 0 ? row(i, "x".repeat(500)) : row(i));
            }
            StreamClient.End end = client.end();
            assertThat(end.status().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
            assertThat(info(end).getReason()).isEqualTo("WAL_FULL");
            assertThat(end.trailer("side_effects")).isEqualTo("none");
            long acknowledged = Long.parseLong(end.trailer("acknowledged_through"));
            assertThat(end.trailer("failed_client_sequence")).isEqualTo("" + (acknowledged + 1));
            assertThat(real.shownTimes()).hasSize((int) acknowledged).allMatch(time -> time <= acknowledged);
            assertThat(real.wal.lastSequence().value()).isEqualTo(acknowledged);
        }
    }

    @Test
    void aServerThatStopsAcknowledgesWhatItHasAndRefusesTheNextWrite() throws Exception {
        try (RealWrites real = new RealWrites()) {
            StreamClient client = client();
            client.send(1, row(1));
            client.awaitAck(1);
            real.state.set(Reason.GRACEFUL_STOP);
            client.send(2, row(2));
            StreamClient.End end = client.end();
            assertThat(end.status().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
            assertThat(info(end).getReason()).isEqualTo("GRACEFUL_STOP");
            assertThat(end.trailer("acknowledged_through")).isEqualTo("1");
            assertThat(end.trailer("side_effects")).isEqualTo("none");
        }
    }

    @Test
    void aStopEndsStreamsThatHaveNothingToSayAndNewOnes() throws Exception {
        serve(cued);
        StreamClient client = client().send(1, ARBITRARY_WRITE);
        StreamClient idle = client();
        cued.await(1);
        await(() -> gauge("sluice.write.streams.open") == 2);
        server.orElseThrow().stopStreams();
        assertThat(idle.end().status().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
        cued.succeed(1);
        assertThat(client.end().trailer("acknowledged_through")).isEqualTo("1");
        assertThat(client.acks()).hasSize(1);
        assertThat(client().end().status().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
        assertThat(terminations("GRACEFUL_STOP")).isEqualTo(3);
    }

    @Test
    void aGapIsNamed() throws Exception {
        serve(cued);
        StreamClient client = client().send(1, ARBITRARY_WRITE).send(3, ARBITRARY_WRITE);
        cued.await(1);
        cued.succeed(1);
        StreamClient.End end = client.end();
        assertThat(end.status().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(end.status().getDescription()).isEqualTo("client_sequence is 3: expected 2");
        assertThat(end.trailer("failed_client_sequence")).isEqualTo("2");
        assertThat(info(end).getReason()).isEqualTo("CLIENT_SEQUENCE");
        assertThat(cued.names()).hasSize(1);
    }

    @Test
    void aMessageAboveTheLimitOfStreamsIsToldSo() throws Exception {
        serve(cued);
        WriteRequest large = WriteRequest.newBuilder()
                .setNamespace("x".repeat(MAX_MESSAGE_BYTES))
                .build();
        StreamClient.End end = client().send(1, large).end();
        assertThat(end.status().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(info(end).getReason()).isEqualTo("MESSAGE_TOO_LARGE");
        assertThat(end.status().getDescription()).contains("at most " + MAX_MESSAGE_BYTES);
        assertThat(cued.names()).isEmpty();
    }

    @Test
    @DisplayName("Invariant 7: a client that goes leaves nothing, and what it handed over frees its room when it ends")
    void aClientThatGoesMidFlightLeavesNothing() throws Exception {
        serve(cued);
        StreamClient gone = client();
        for (int i = 1; i <= MAX_OPS + 5; i++) {
            gone.send(i, ARBITRARY_WRITE);
        }
        cued.await(MAX_OPS);
        await(() -> budget.waiting() == 1);
        StreamClient waits = client().send(1, ARBITRARY_WRITE);
        await(() -> budget.waiting() == 2);
        gone.cancel();
        await(() -> gauge("sluice.write.streams.open") == 1); // the last step of an end is to be counted
        assertThat(budget.waiting()).isEqualTo(1);
        assertThat(budget.writes()).isEqualTo(MAX_OPS);
        cued.succeed(7);
        cued.await(MAX_OPS + 1);
        cued.succeed(MAX_OPS + 1);
        waits.awaitAck(1);
        await(() -> budget.writes() == MAX_OPS - 1); // the ack may be here before its room is free
        waits.halfClose();
        assertThat(waits.end().status().isOk()).isTrue();
        assertThat(terminations("CANCELLED")).isEqualTo(1);
    }

    /// Acks are completed one by one, each in turn offered to a client whose window is full after a few.
    @Test
    void aClientThatDoesNotReadHoldsOnlyTheNewestAck() throws Exception {
        int count = 20_000;
        AtomicLong next = new AtomicLong();
        serve((_, _) ->
                CompletableFuture.completedStage(new WriteOutcome.Written(new SequenceNumber(next.incrementAndGet()))));
        StreamClient slow = new StreamClient(channel(1_024));
        for (int i = 1; i <= count; i++) {
            slow.send(i, ARBITRARY_WRITE);
        }
        await(() -> next.get() == count);
        slow.halfClose().read();
        assertThat(slow.end().status().isOk()).isTrue();
        assertThat(slow.acks()).hasSizeLessThan(1_000);
        assertThat(slow.acks().getLast().getAcknowledgedThrough()).isEqualTo(count);
        assertThat(slow.acks().getLast().getSequenceNumber()).isEqualTo(count);
    }
}
