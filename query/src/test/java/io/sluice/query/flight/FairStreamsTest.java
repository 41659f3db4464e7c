package io.sluice.query.flight;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.query.BufferQueryExec;
import io.sluice.query.InMemoryQuerySource;
import io.sluice.query.InMemoryQuerySource.Row;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.arrow.flight.FlightClient;
import org.apache.arrow.flight.FlightStream;
import org.apache.arrow.flight.Location;
import org.apache.arrow.flight.Ticket;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Large and small answers over one connection. A large one has more bytes than transports take ahead.
@Timeout(120)
final class FairStreamsTest {
    private static final int DAYS = 2;
    private static final int ROWS_A_DAY = 100_000;
    private static final int LARGE = 4;
    private static final int SMALL = 10;
    private static final int HOSTS = 500;

    private final RootAllocator allocator = new RootAllocator();
    private final BufferAllocator sending = allocator.newChildAllocator("query", 0, Long.MAX_VALUE);
    private final InMemoryQuerySource source = new InMemoryQuerySource(allocator);
    private final CountedQueries admission = new CountedQueries(2 * LARGE + SMALL);
    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final Server server = NettyServerBuilder.forAddress(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .executor(executor)
            .addService(FlightServices.create(
                    () -> {},
                    admission,
                    new BufferQueryExec(source, sending, metrics),
                    source,
                    new IdleStreams(new FlightSettings(Duration.ofHours(1)), () -> 0, metrics),
                    sending,
                    executor,
                    Thread.ofVirtual().factory()))
            .build();

    @BeforeEach
    void start() throws IOException {
        for (int day = 0; day < DAYS; day++) {
            List<Row> rows = new ArrayList<>();
            for (int i = 0; i < ROWS_A_DAY; i++) {
                rows.add(new Row(day * InMemoryQuerySource.DAY_NS + i, "h" + i % HOSTS, i));
            }
            source.add(rows, false);
        }
        server.start();
    }

    @AfterEach
    void stop() throws InterruptedException {
        server.shutdownNow().awaitTermination();
        executor.close();
        source.close();
        sending.close();
        allocator.close();
    }

    private FlightClient connect() {
        return FlightClient.builder(allocator, Location.forGrpcInsecure("127.0.0.1", server.getPort()))
                .build();
    }

    private static FlightStream ask(FlightClient client, String rest) {
        String ticket = "{\"namespace\":\"metrics\",\"table\":\"cpu\"%s}".formatted(rest);
        return client.getStream(new Ticket(ticket.getBytes(StandardCharsets.UTF_8)));
    }

    private static long rest(FlightStream stream) {
        long rows = 0;
        while (stream.next()) {
            rows += stream.getRoot().getRowCount();
        }
        return rows;
    }

    @SuppressWarnings("try") // an interrupted close fails the test
    private static void askForFew(FlightClient client, int host) throws Exception {
        try (FlightStream stream =
                ask(client, ",\"predicates\":[{\"column\":\"host\",\"in\":[\"h%d\"]}]".formatted(host))) {
            assertThat(rest(stream)).isEqualTo((long) DAYS * ROWS_A_DAY / HOSTS);
        }
    }

    @Test
    @SuppressWarnings("try") // an interrupted close fails the test
    void whoStopsReadingKeepsNobodyWaitingOnItsConnection() throws Exception {
        try (FlightClient client = connect()) {
            List<FlightStream> streams = new ArrayList<>();
            List<Long> rows = new ArrayList<>();
            for (int i = 0; i < LARGE; i++) {
                FlightStream stream = ask(client, "");
                assertThat(stream.next()).isTrue();
                streams.add(stream);
                rows.add((long) stream.getRoot().getRowCount());
            }
            for (int host = 0; host < SMALL; host++) {
                askForFew(client, host);
            }
            // The last that stopped goes on to its end while all others stand.
            for (int i = LARGE - 1; i >= 0; i--) {
                rows.set(i, rows.get(i) + rest(streams.get(i)));
                streams.get(i).close();
            }
            assertThat(rows).containsOnly((long) DAYS * ROWS_A_DAY);
        }
    }

    @Test
    @SuppressWarnings("try") // an interrupted close fails the test
    void smallAnswersComeWhileLargeOnesAreReadWithoutAPause() throws Exception {
        AtomicBoolean isOver = new AtomicBoolean();
        try (FlightClient client = connect();
                ExecutorService readers = Executors.newFixedThreadPool(2)) {
            List<Future<Long>> reading = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                reading.add(readers.submit(() -> {
                    long rows = 0;
                    do {
                        try (FlightStream stream = ask(client, "")) {
                            long read = rest(stream);
                            assertThat(read).isEqualTo((long) DAYS * ROWS_A_DAY);
                            rows += read;
                        }
                    } while (!isOver.get());
                    return rows;
                }));
            }
            try {
                for (int host = 0; host < SMALL; host++) {
                    askForFew(client, host);
                }
            } finally {
                isOver.set(true);
            }
            for (Future<Long> reader : reading) {
                assertThat(reader.get(1, TimeUnit.MINUTES)).isPositive();
            }
        }
    }
}
