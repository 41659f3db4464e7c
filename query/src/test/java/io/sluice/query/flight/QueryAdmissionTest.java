package io.sluice.query.flight;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.StatusProto;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.query.BufferQueryExec;
import io.sluice.query.InMemoryQuerySource;
import io.sluice.query.InMemoryQuerySource.Row;
import io.sluice.query.QueryExec;
import io.sluice.query.QueryRequest;
import io.sluice.query.QueryStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.arrow.flight.impl.Flight;
import org.apache.arrow.flight.impl.FlightServiceGrpc;
import org.apache.arrow.flight.impl.FlightServiceGrpc.FlightServiceBlockingStub;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.types.pojo.Schema;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Who is let in, and that every place is given back, however the call ends. A real server and a plain gRPC client.
@Timeout(180)
final class QueryAdmissionTest {
    private static final int LIMIT = 3;
    private static final ByteString CPU = ByteString.copyFromUtf8("{\"namespace\":\"metrics\",\"table\":\"cpu\"}");
    private static final Flight.Ticket TICKET =
            Flight.Ticket.newBuilder().setTicket(CPU).build();

    private final RootAllocator allocator = new RootAllocator();
    private final BufferAllocator sending = allocator.newChildAllocator("query", 0, 64 << 20);
    private final InMemoryQuerySource source = new InMemoryQuerySource(allocator);
    private long unread;
    private final CountedQueries admission = new CountedQueries(LIMIT);
    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private final List<ManagedChannel> channels = new ArrayList<>();
    private final Failing queries = new Failing(new BufferQueryExec(source, sending, new SimpleMeterRegistry()));
    private final Server server = NettyServerBuilder.forAddress(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .executor(executor)
            .addService(FlightServices.create(
                    () -> {},
                    admission,
                    queries,
                    source,
                    new IdleStreams(new FlightSettings(Duration.ofHours(1)), () -> 0, new SimpleMeterRegistry()),
                    sending,
                    executor,
                    Thread.ofVirtual().factory()))
            .build();

    /// Throws instead of answering, if told so.
    private static final class Failing implements QueryExec {
        private final QueryExec next;
        private volatile Optional<RuntimeException> failure = Optional.empty();

        Failing(QueryExec next) {
            this.next = next;
        }

        @Override
        public QueryStream execute(QueryRequest request)
                throws io.sluice.query.InvalidQueryException, io.sluice.query.TableNotFoundException,
                        io.sluice.query.QueryRefusedException {
            if (failure.isPresent()) {
                throw failure.get();
            }
            return next.execute(request);
        }

        @Override
        public Schema schema(QueryRequest request)
                throws io.sluice.query.InvalidQueryException, io.sluice.query.TableNotFoundException,
                        io.sluice.query.QueryRefusedException {
            if (failure.isPresent()) {
                throw failure.get();
            }
            return next.schema(request);
        }
    }

    @BeforeEach
    void start() throws Exception {
        server.start();
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < 100_000; i++) {
            rows.add(new Row(i, "h", i));
        }
        for (int chunk = 0; chunk < 10; chunk++) {
            source.add(rows, false); // more than the network takes ahead
        }
        unread = source.holders();
    }

    @AfterEach
    void everyPlaceIsGivenBack() throws Exception {
        channels.forEach(ManagedChannel::shutdownNow);
        await(() -> admission.letIn() == 0);
        server.shutdownNow().awaitTermination();
        executor.close();
        // What was on its way into the network the transports let go of by themselves.
        await(() -> sending.getAllocatedMemory() == 0 && source.holders() == unread);
        source.close();
        sending.close();
        allocator.close();
    }

    private static void await(BooleanSupplier condition) {
        while (!condition.getAsBoolean()) {
            Thread.onSpinWait();
        }
    }

    private FlightServiceBlockingStub client() {
        ManagedChannel channel = NettyChannelBuilder.forAddress("127.0.0.1", server.getPort())
                .usePlaintext()
                .initialFlowControlWindow(64 * 1024)
                .build();
        channels.add(channel);
        return FlightServiceGrpc.newBlockingStub(channel);
    }

    private static Flight.FlightDescriptor cpu() {
        return Flight.FlightDescriptor.newBuilder()
                .setType(Flight.FlightDescriptor.DescriptorType.CMD)
                .setCmd(CPU)
                .build();
    }

    @Test
    void aQueryTooManyHearsWhichLimitItIsAndWhenToComeBack() throws Exception {
        List<Iterator<Flight.FlightData>> open = new ArrayList<>();
        for (int i = 0; i < LIMIT; i++) {
            open.add(client().doGet(TICKET));
            assertThat(open.getLast().next()).isNotNull();
        }
        await(() -> admission.sending() == LIMIT);
        for (StatusRuntimeException refused : List.of(
                refused(() -> client().doGet(TICKET).next()),
                refused(() -> client().getSchema(cpu())),
                refused(() -> client().getFlightInfo(cpu())),
                refused(() -> client().listFlights(Flight.Criteria.getDefaultInstance())
                        .next()))) {
            assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
            com.google.rpc.Status status = StatusProto.fromThrowable(refused);
            assertThat(status).isNotNull();
            ErrorInfo info = status.getDetails(0).unpack(ErrorInfo.class);
            assertThat(info.getReason()).isEqualTo("ADMISSION_LIMIT");
            assertThat(info.getMetadataMap()).containsEntry("limit", "3").containsEntry("side_effects", "none");
            RetryInfo retry = status.getDetails(1).unpack(RetryInfo.class);
            assertThat(retry.getRetryDelay().getSeconds()).isEqualTo(1);
            assertThat(retry.getRetryDelay().getNanos()).isEqualTo(500_000_000);
            Metadata trailers = refused.getTrailers();
            assertThat(trailers).isNotNull();
            assertThat(trailers.get(Metadata.Key.of("grpc-retry-pushback-ms", Metadata.ASCII_STRING_MARSHALLER)))
                    .isEqualTo("1500");
        }
        assertThat(admission.letIn()).isEqualTo(LIMIT);
    }

    private interface Call {
        Object run();
    }

    private static StatusRuntimeException refused(Call call) {
        try {
            throw new AssertionError("was let in: " + call.run());
        } catch (StatusRuntimeException e) {
            return e;
        }
    }

    @Test
    void placesComeBackBehindSuccess() {
        Iterator<Flight.FlightData> answer = client().doGet(TICKET);
        int frames = 0;
        while (answer.hasNext()) {
            assertThat(answer.next()).isNotNull();
            frames++;
        }
        assertThat(frames).isGreaterThan(10);
        await(() -> admission.letIn() == 0);
        assertThat(client().getSchema(cpu()).getSchema()).isNotEmpty();
        await(() -> admission.letIn() == 0);
    }

    @Test
    void placesComeBackBehindAnErrorBeforeTheFirstBatch() {
        queries.failure = Optional.of(new IllegalStateException("a bug"));
        for (int i = 0; i < 3 * LIMIT; i++) {
            assertThatThrownBy(() -> client().doGet(TICKET).next()).hasMessageContaining("INTERNAL");
            assertThatThrownBy(() -> client().getSchema(cpu())).hasMessageContaining("INTERNAL");
            await(() -> admission.letIn() == 0);
        }
        queries.failure = Optional.empty();
        assertThatThrownBy(() -> client().doGet(Flight.Ticket.newBuilder()
                                .setTicket(ByteString.copyFromUtf8("no ticket"))
                                .build())
                        .next())
                .hasMessageContaining("INVALID_ARGUMENT");
        await(() -> admission.letIn() == 0);
    }

    @Test
    void placesComeBackWhenTheClientCancelsInTheMiddle() {
        Context.CancellableContext context = Context.current().withCancellation();
        context.run(() -> {
            Iterator<Flight.FlightData> answer = client().doGet(TICKET);
            assertThat(answer.next()).isNotNull();
            await(() -> admission.sending() == 1);
        });
        context.cancel(null);
        await(() -> admission.letIn() == 0);
    }

    @Test
    void placesComeBackWhenTheDeadlineIsOver() {
        Iterator<Flight.FlightData> answer =
                client().withDeadlineAfter(300, TimeUnit.MILLISECONDS).doGet(TICKET);
        assertThatThrownBy(() -> {
                    while (true) {
                        await(() -> admission.letIn() == 0); // reads no further until the server has given up
                        assertThat(answer.next()).isNotNull();
                    }
                })
                .hasMessageContaining("DEADLINE_EXCEEDED");
        await(() -> admission.letIn() == 0);
    }

    @Test
    void placesComeBackWhenTheConnectionBreaks() {
        Iterator<Flight.FlightData> answer = client().doGet(TICKET);
        assertThat(answer.next()).isNotNull();
        await(() -> admission.sending() == 1);
        channels.forEach(ManagedChannel::shutdownNow);
        await(() -> admission.letIn() == 0);
    }

    @Test
    void aClientThatDoesNotCompleteItsQuestionHoldsNoPlace() {
        io.grpc.ClientCall<Flight.FlightDescriptor, Flight.SchemaResult> half =
                client().getChannel().newCall(FlightServiceGrpc.getGetSchemaMethod(), io.grpc.CallOptions.DEFAULT);
        half.start(new io.grpc.ClientCall.Listener<>() {}, new Metadata());
        half.sendMessage(cpu());
        assertThat(client().getSchema(cpu()).getSchema()).isNotEmpty();
        await(() -> admission.letIn() == 0);
        half.cancel("enough", null);
    }
}
