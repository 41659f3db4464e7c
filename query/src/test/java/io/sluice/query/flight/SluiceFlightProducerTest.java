package io.sluice.query.flight;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.proto.v1.BatchMetadata;
import io.sluice.query.BufferQueryExec;
import io.sluice.query.InMemoryQuerySource;
import io.sluice.query.InMemoryQuerySource.Row;
import io.sluice.query.InstrumentedQueryExec;
import io.sluice.query.QueryExec;
import io.sluice.query.QueryGate;
import io.sluice.query.QueryRefusal;
import io.sluice.query.QueryRefusedException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.arrow.flight.CallOptions;
import org.apache.arrow.flight.FlightClient;
import org.apache.arrow.flight.FlightDescriptor;
import org.apache.arrow.flight.FlightInfo;
import org.apache.arrow.flight.FlightRuntimeException;
import org.apache.arrow.flight.FlightStatusCode;
import org.apache.arrow.flight.FlightStream;
import org.apache.arrow.flight.Location;
import org.apache.arrow.flight.Ticket;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// A real Flight server and a real client, over rows in memory.
final class SluiceFlightProducerTest {
    private static final long DAY = InMemoryQuerySource.DAY_NS;
    /// More than the calls of a test: clients may hear of the end before a place is given back.
    private static final int LIMIT = 100;

    private final RootAllocator allocator = new RootAllocator();
    private final BufferAllocator serverAllocator = allocator.newChildAllocator("query", 0, 64 << 20);
    private final InMemoryQuerySource source = new InMemoryQuerySource(allocator);
    private final AtomicLong nowNs = new AtomicLong();
    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final IdleStreams idle = new IdleStreams(new FlightSettings(Duration.ofSeconds(60)), nowNs::get, metrics);
    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private final List<Thread> pumps = Collections.synchronizedList(new ArrayList<>());
    private final CountedQueries admission = new CountedQueries(LIMIT);
    private final AtomicReference<QueryGate> gate = new AtomicReference<>(() -> {});
    private Server server;
    private FlightClient client;

    SluiceFlightProducerTest() {
        QueryExec queries = new InstrumentedQueryExec(
                new BufferQueryExec(source, serverAllocator, new SimpleMeterRegistry()),
                System::nanoTime,
                new SimpleMeterRegistry());
        server = NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .executor(executor)
                .addService(FlightServices.create(
                        () -> gate.get().await(),
                        admission,
                        queries,
                        source,
                        idle,
                        serverAllocator,
                        executor,
                        this::pump))
                .build();
        client = FlightClient.builder(allocator, Location.forGrpcInsecure("127.0.0.1", 1))
                .build();
    }

    private Thread pump(Runnable stream) {
        Thread thread = Thread.ofVirtual().unstarted(stream);
        pumps.add(thread);
        return thread;
    }

    @BeforeEach
    void start() throws Exception {
        server.start();
        client.close();
        client = FlightClient.builder(allocator, Location.forGrpcInsecure("127.0.0.1", server.getPort()))
                .build();
        source.add(List.of(new Row(5, "a", 1), new Row(6, "b", 2), new Row(7, "", 3)), false);
        source.add(List.of(new Row(8, "b", 4), new Row(9, "c", 5)), true);
        source.add(List.of(new Row(DAY + 1, "a", 6), new Row(DAY + 2, "d", Double.NaN)), false);
    }

    @AfterEach
    void everythingIsReleased() throws Exception {
        client.close();
        server.shutdown().awaitTermination();
        for (Thread pump : pumps) {
            pump.join();
        }
        executor.close();
        assertThat(admission.letIn()).as("queries that are let in").isZero();
        assertThat(admission.sending()).isZero();
        source.close();
        serverAllocator.close();
        allocator.close();
    }

    private static Ticket ticket(String more) {
        return new Ticket(
                ("{\"namespace\":\"metrics\",\"table\":\"cpu\"" + more + "}").getBytes(StandardCharsets.UTF_8));
    }

    /// The rows of an answer as lines of JSON, and what its batches carry.
    private record Answer(List<String> rows, List<BatchMetadata> metadata) {}

    @SuppressWarnings("try") // an interrupted close fails the test
    private Answer get(Ticket ticket) throws Exception {
        StringBuilder json = new StringBuilder();
        List<BatchMetadata> metadata = new ArrayList<>();
        RowFormatter formatter = RowFormatter.json(json);
        try (FlightStream stream = client.getStream(ticket)) {
            while (stream.next()) {
                BatchMetadata carried =
                        BatchMetadata.parseFrom(stream.getLatestMetadata().nioBuffer());
                metadata.add(carried);
                formatter.batch(stream.getRoot(), stream.getDictionaryProvider(), carried);
            }
        }
        return new Answer(json.toString().lines().toList(), metadata);
    }

    /// Six of seven rows of 80,000 have a value: more than a dictionary has in any case.
    @Test
    @SuppressWarnings("try") // an interrupted close fails the test
    void aTagWithAValueOfItsOwnInEachRowComesAsPlainStrings() throws Exception {
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < 80_000; i++) {
            rows.add(new Row(10 + i, i % 7 == 0 ? "" : "trace-" + i, i));
        }
        source.add(rows, false);
        try (FlightStream stream = client.getStream(ticket(",\"columns\":[\"host\"]"))) {
            Field host = stream.getSchema().findField("host");
            assertThat(host.getType()).isEqualTo(ArrowType.Utf8.INSTANCE);
            assertThat(host.getDictionary()).isNull();
            List<String> hosts = new ArrayList<>();
            while (stream.next()) {
                VarCharVector values = (VarCharVector) stream.getRoot().getVector("host");
                for (int row = 0; row < values.getValueCount(); row++) {
                    hosts.add(values.isNull(row) ? "" : values.getObject(row).toString());
                }
            }
            List<String> expected = new ArrayList<>(List.of("a", "b", "", "b", "c"));
            rows.forEach(row -> expected.add(row.host()));
            expected.addAll(List.of("a", "d"));
            assertThat(hosts).isEqualTo(expected);
        }
        assertThat(get(ticket(",\"columns\":[\"host\",\"usage\"],\"limit\":6")).rows())
                .endsWith("{\"host\":\"c\",\"usage\":5.0}", "{\"host\":null,\"usage\":0.0}");
    }

    @Test
    @SuppressWarnings("try") // an interrupted close fails the test
    void theStreamOfATicketThatWasToldWithASchemaHasThatSchema() throws Exception {
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < 80_000; i++) {
            rows.add(new Row(10 + i, "trace-" + i, i));
        }
        source.add(rows, false);
        byte[] command = ticket(",\"columns\":[\"host\"]").getBytes();
        FlightInfo info = client.getInfo(FlightDescriptor.command(command));
        try (FlightStream stream =
                client.getStream(info.getEndpoints().getFirst().getTicket())) {
            assertThat(stream.getSchema().findField("host").getDictionary())
                    .isNotNull()
                    .isEqualTo(info.getSchemaOptional()
                            .orElseThrow()
                            .findField("host")
                            .getDictionary());
            long count = 0;
            while (stream.next()) {
                count += stream.getRoot().getRowCount();
            }
            assertThat(count).isGreaterThan(rows.size());
        }
    }

    @Test
    void aQueryWaitsAtTheGateAndSeesWhatIsThereThen() throws Exception {
        CountDownLatch opened = new CountDownLatch(1);
        gate.set(() -> {
            source.add(List.of(new Row(5 * DAY, "late", 9)), false);
            opened.countDown();
        });
        Answer answer = get(ticket(",\"columns\":[\"usage\"]"));
        assertThat(opened.getCount()).isZero();
        assertThat(answer.rows()).hasSize(8).contains("{\"usage\":9.0}");
    }

    @Test
    void aRefusalAtTheGateSaysThatTheServerIsNotThere() {
        gate.set(() -> {
            throw new QueryRefusedException(
                    new QueryRefusal("NOT_READY", false, "the log is being replayed", Duration.ofSeconds(3), Map.of()));
        });
        assertThatThrownBy(() -> get(ticket("")))
                .isInstanceOf(FlightRuntimeException.class)
                .hasMessageContainingAll("the log is being replayed");
        assertThat(client.getSchema(FlightDescriptor.path("metrics", "cpu"))
                        .getSchema()
                        .getFields())
                .as("what tells of the schema does not wait")
                .isNotEmpty();
    }

    /// The gate never opens: that the test ends shows that the query's thread did.
    @Test
    @SuppressWarnings("try") // an interrupted close fails the test
    void whoseTimeIsUpWaitsAtTheGateNoLonger() throws Exception {
        CountDownLatch waiting = new CountDownLatch(1);
        CountDownLatch interrupted = new CountDownLatch(1);
        gate.set(() -> {
            waiting.countDown();
            try {
                new CountDownLatch(1).await();
            } catch (InterruptedException e) {
                interrupted.countDown();
                throw e;
            }
        });
        // Until there is one that came so far: how long that takes nobody knows.
        for (int millis = 500; waiting.getCount() > 0; millis *= 2) {
            try (FlightStream stream =
                    client.getStream(ticket(""), CallOptions.timeout(millis, TimeUnit.MILLISECONDS))) {
                assertThatThrownBy(stream::next)
                        .isInstanceOf(FlightRuntimeException.class)
                        .extracting(e -> ((FlightRuntimeException) e).status().code())
                        .isEqualTo(FlightStatusCode.TIMED_OUT);
            }
        }
        interrupted.await();
    }

    @Test
    void allRowsComeWithThoseColumnsAsNullThatTheirChunkLacks() throws Exception {
        Answer answer = get(ticket(""));
        assertThat(answer.rows())
                .containsExactly(
                        "{\"time\":\"1970-01-01T00:00:00.000000005Z\",\"host\":\"a\",\"usage\":1.0,\"extra\":null}",
                        "{\"time\":\"1970-01-01T00:00:00.000000006Z\",\"host\":\"b\",\"usage\":2.0,\"extra\":null}",
                        "{\"time\":\"1970-01-01T00:00:00.000000007Z\",\"host\":null,\"usage\":3.0,\"extra\":null}",
                        "{\"time\":\"1970-01-01T00:00:00.000000008Z\",\"host\":\"b\",\"usage\":4.0,\"extra\":\"e0\"}",
                        "{\"time\":\"1970-01-01T00:00:00.000000009Z\",\"host\":\"c\",\"usage\":5.0,\"extra\":\"e1\"}",
                        "{\"time\":\"1970-01-02T00:00:00.000000001Z\",\"host\":\"a\",\"usage\":6.0,\"extra\":null}",
                        "{\"time\":\"1970-01-02T00:00:00.000000002Z\",\"host\":\"d\",\"usage\":\"NaN\",\"extra\":null}");
        assertThat(answer.metadata()).hasSize(2).allSatisfy(metadata -> {
            assertThat(metadata.getAsOf()).isEqualTo(42);
            assertThat(metadata.getPersistedThrough()).isEqualTo(5);
            assertThat(metadata.getIngesterId()).endsWith("000000000007");
        });
        assertThat(answer.metadata())
                .extracting(BatchMetadata::getPartitionKey)
                .containsExactly("1970-01-01", "1970-01-02");
    }

    @Test
    void timeAndTagPredicatesAreExact() throws Exception {
        assertThat(get(ticket(",\"columns\":[\"usage\"],\"timeRange\":{\"startNs\":\"6\",\"endNs\":\"9\"}"))
                        .rows())
                .containsExactly("{\"usage\":2.0}", "{\"usage\":3.0}", "{\"usage\":4.0}");
        assertThat(get(ticket(
                                ",\"columns\":[\"usage\",\"host\"],\"predicates\":[{\"column\":\"host\",\"in\":[\"b\",\"d\"]}]"))
                        .rows())
                .containsExactly(
                        "{\"usage\":2.0,\"host\":\"b\"}",
                        "{\"usage\":4.0,\"host\":\"b\"}",
                        "{\"usage\":\"NaN\",\"host\":\"d\"}");
    }

    @Test
    void aPartitionWithoutMatchingRowsSendsOneEmptyBatchAndAPrunedOneNothing() throws Exception {
        Answer answer =
                get(ticket(",\"timeRange\":{\"endNs\":\"100\"},\"predicates\":[{\"column\":\"host\",\"in\":[\"z\"]}]"));
        assertThat(answer.rows()).isEmpty();
        assertThat(answer.metadata())
                .singleElement()
                .satisfies(metadata -> assertThat(metadata.getPartitionKey()).isEqualTo("1970-01-01"));
    }

    @Test
    void aLongAnswerComesInBatches() throws Exception {
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < 150_000; i++) {
            rows.add(new Row(2 * DAY + i, "h" + i % 100, i));
        }
        source.add(rows, true);
        Answer answer = get(ticket(",\"columns\":[\"usage\",\"host\"]"));
        assertThat(answer.rows()).hasSize(150_007);
        assertThat(answer.rows().getLast()).isEqualTo("{\"usage\":149999.0,\"host\":\"h99\"}");
        assertThat(answer.metadata()).hasSizeGreaterThan(4);
    }

    @Test
    @SuppressWarnings("try") // an interrupted close fails the test
    void aCancelledStreamReleasesEverything() throws Exception {
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < 100_000; i++) {
            rows.add(new Row(2 * DAY + i, "h", i));
        }
        for (int chunk = 0; chunk < 10; chunk++) {
            source.add(rows, false);
        }
        try (FlightStream stream = client.getStream(ticket(""))) {
            assertThat(stream.next()).isTrue();
            stream.cancel("enough", new IllegalStateException("enough"));
        } catch (FlightRuntimeException e) {
            assertThat(e.status().code()).isEqualTo(FlightStatusCode.CANCELLED);
        }
        // The next query and the allocators at the end tell that nothing was left behind.
        assertThat(get(ticket(",\"timeRange\":{\"endNs\":\"100\"}")).rows()).hasSize(5);
    }

    private void addLongDay() {
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < 100_000; i++) {
            rows.add(new Row(2 * DAY + i, "h" + i % 50, i));
        }
        for (int chunk = 0; chunk < 10; chunk++) {
            source.add(rows, false);
        }
    }

    private void awaitWaiting() {
        while (idle.waiting() == 0) {
            Thread.onSpinWait(); // the transport's buffers fill up
        }
    }

    /// Lets time pass until the streams have ended: a client's transport takes a few batches before it is full.
    private void passTimeUntilAllHaveEnded() {
        while (pumps.stream().anyMatch(Thread::isAlive)) {
            nowNs.addAndGet(Duration.ofSeconds(1).toNanos());
            idle.endIdle();
            Thread.onSpinWait();
        }
    }

    @Test
    @SuppressWarnings("try") // an interrupted close fails the test
    void aClientThatDoesNotReadIsEndedAfterTheTimeoutAndHoldsNothing() throws Exception {
        addLongDay();
        long holders = source.holders();
        try (FlightStream stream = client.getStream(ticket(""))) {
            awaitWaiting();
            passTimeUntilAllHaveEnded();
            // The client has read nothing yet. What was on its way into the network the transport lets go of by itself.
            while (serverAllocator.getAllocatedMemory() > 0 || source.holders() > holders) {
                Thread.onSpinWait();
            }
            assertThat(source.holders()).isEqualTo(holders);
            assertThatThrownBy(() -> {
                        while (stream.next()) {
                            assertThat(stream.getRoot().getRowCount()).isPositive();
                        }
                    })
                    .isInstanceOfSatisfying(
                            FlightRuntimeException.class,
                            e -> assertThat(e.status().code()).isEqualTo(FlightStatusCode.TIMED_OUT))
                    .hasMessageContaining("did not read for 60 s")
                    .hasMessageContaining("--query-idle-timeout");
        }
        assertThat(metrics.get("sluice.query.idle.ended").counter().count()).isEqualTo(1);
    }

    @Test
    @SuppressWarnings("try") // an interrupted close fails the test
    void aClientThatReadsNowAndThenIsNotEnded() throws Exception {
        addLongDay();
        long rows = 0;
        try (FlightStream stream = client.getStream(ticket(""))) {
            awaitWaiting();
            while (stream.next()) {
                rows += stream.getRoot().getRowCount();
                nowNs.addAndGet(Duration.ofSeconds(50).toNanos());
            }
        }
        assertThat(rows).isEqualTo(1_000_007);
        idle.endIdle();
        assertThat(metrics.get("sluice.query.idle.ended").counter().count()).isZero();
    }

    @Test
    void limitOrderMergeAndConditionsAreApplied() throws Exception {
        source.add(List.of(new Row(9, "c", 50), new Row(5, "a", 10), new Row(4, "web-1", 0)), false);
        assertThat(get(ticket(",\"columns\":[\"usage\"],\"order\":\"time\",\"limit\":3"))
                        .rows())
                .containsExactly("{\"usage\":0.0}", "{\"usage\":1.0}", "{\"usage\":10.0}");
        assertThat(get(ticket(
                                ",\"columns\":[\"time\",\"host\",\"usage\",\"extra\"],\"merge\":true,\"timeRange\":{\"endNs\":\"10\"},"
                                        + "\"predicates\":[{\"column\":\"host\",\"matches\":\"^[ac]$\"}]"))
                        .rows())
                .containsExactly(
                        "{\"time\":\"1970-01-01T00:00:00.000000005Z\",\"host\":\"a\",\"usage\":10.0,\"extra\":null}",
                        "{\"time\":\"1970-01-01T00:00:00.000000009Z\",\"host\":\"c\",\"usage\":50.0,\"extra\":\"e1\"}");
        assertThat(get(ticket(",\"columns\":[\"usage\"],\"predicates\":[{\"column\":\"host\",\"notMatches\":\"\"}]"))
                        .rows())
                .as("no value at all")
                .containsExactly("{\"usage\":3.0}");
    }

    @Test
    void aQueryThatFindsNoMemorySaysSoAndTheNextOneIsAnswered() throws Exception {
        addLongDay();
        serverAllocator.setLimit(1 << 20);
        requireError(ticket(",\"merge\":true"), FlightStatusCode.RESOURCE_EXHAUSTED, "--query-memory");
        serverAllocator.setLimit(64 << 20);
        assertThat(get(ticket(",\"limit\":1")).rows()).hasSize(1);
    }

    private void requireError(Ticket ticket, FlightStatusCode code, String message) {
        assertThatThrownBy(() -> get(ticket))
                .isInstanceOfSatisfying(
                        FlightRuntimeException.class,
                        e -> assertThat(e.status().code()).isEqualTo(code))
                .hasMessageContaining(message);
    }

    @Test
    void whatIsWrongIsNamedAndTheServerGoesOn() throws Exception {
        requireError(new Ticket("{".getBytes(StandardCharsets.UTF_8)), FlightStatusCode.INVALID_ARGUMENT, "JSON");
        requireError(ticket(",\"columns\":[\"no\"]"), FlightStatusCode.INVALID_ARGUMENT, "has no column 'no'");
        requireError(
                ticket(",\"predicates\":[{\"column\":\"usage\",\"in\":[\"1\"]}]"),
                FlightStatusCode.INVALID_ARGUMENT,
                "FIELD of type F64: expected a TAG");
        requireError(ticket(",\"offset\":3"), FlightStatusCode.INVALID_ARGUMENT, "offset");
        requireError(
                new Ticket("{\"namespace\":\"n\",\"table\":\"t\"}".getBytes(StandardCharsets.UTF_8)),
                FlightStatusCode.NOT_FOUND,
                "there is no table 't' in namespace 'n'");
        assertThat(get(ticket("")).rows()).hasSize(7);
    }

    @Test
    void infoSchemaAndListAgreeWithTheStream() throws Exception {
        FlightDescriptor path = FlightDescriptor.path("metrics", "cpu");
        FlightInfo info = client.getInfo(path);
        assertThat(info.getSchemaOptional()).contains(client.getSchema(path).getSchema());
        assertThat(get(info.getEndpoints().getFirst().getTicket()).rows()).hasSize(7);
        List<FlightInfo> all = new ArrayList<>();
        client.listFlights(org.apache.arrow.flight.Criteria.ALL).forEach(all::add);
        assertThat(all)
                .singleElement()
                .satisfies(found -> assertThat(found.getDescriptor()).isEqualTo(path));
    }
}
