package io.sluice.query.flight;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.query.BufferQueryExec;
import io.sluice.query.InMemoryQuerySource;
import io.sluice.query.InMemoryQuerySource.Row;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.arrow.flight.FlightClient;
import org.apache.arrow.flight.FlightStream;
import org.apache.arrow.flight.Location;
import org.apache.arrow.flight.Ticket;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.Test;

/// Clients that read one batch and no more, each over a connection of its own, of a table with many small partitions:
/// many of them would fit into what a transport takes ahead.
final class StoppedReadersTest {
    private static final int READERS = 30;
    private static final int DAYS = 60;
    /// Of which one batch is below what the transport lets wait.
    private static final int ROWS_A_DAY = 10_000;

    private final AtomicLong nowNs = new AtomicLong();
    private final IdleStreams idle =
            new IdleStreams(new FlightSettings(Duration.ofSeconds(60)), nowNs::get, new SimpleMeterRegistry());
    private final List<Thread> pumps = Collections.synchronizedList(new ArrayList<>());

    private final CountedQueries admission = new CountedQueries(READERS);

    private Thread pump(Runnable stream) {
        Thread thread = Thread.ofVirtual().unstarted(stream);
        pumps.add(thread);
        return thread;
    }

    private static void fill(InMemoryQuerySource source) {
        for (int day = 0; day < DAYS; day++) {
            List<Row> rows = new ArrayList<>();
            for (int i = 0; i < ROWS_A_DAY; i++) {
                rows.add(new Row(day * InMemoryQuerySource.DAY_NS + i, "h" + i % 5, i));
            }
            source.add(rows, false);
        }
    }

    /// The connections, and streams of which one batch was read.
    @SuppressWarnings("try") // an interrupted close fails the test
    private record Readers(List<FlightClient> clients, List<FlightStream> streams) implements AutoCloseable {
        static Readers start(int port, BufferAllocator allocator) {
            Readers readers = new Readers(new ArrayList<>(), new ArrayList<>());
            byte[] ticket = "{\"namespace\":\"metrics\",\"table\":\"cpu\"}".getBytes(StandardCharsets.UTF_8);
            for (int i = 0; i < READERS; i++) {
                FlightClient client = FlightClient.builder(allocator, Location.forGrpcInsecure("127.0.0.1", port))
                        .build();
                readers.clients.add(client);
                readers.streams.add(client.getStream(new Ticket(ticket)));
                assertThat(readers.streams.getLast().next()).isTrue();
            }
            return readers;
        }

        @Override
        public void close() throws Exception {
            for (FlightStream stream : streams) {
                stream.close();
            }
            for (FlightClient client : clients) {
                client.close();
            }
        }
    }

    @Test
    @SuppressWarnings("try") // an interrupted close fails the test
    void eachHoldsTheChunksOfOnePartitionAtMostAndAfterTheTimeoutNone() throws Exception {
        try (RootAllocator allocator = new RootAllocator();
                BufferAllocator sending = allocator.newChildAllocator("query", 0, Long.MAX_VALUE);
                InMemoryQuerySource source = new InMemoryQuerySource(allocator);
                ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
            fill(source);
            long unread = source.holders();
            Server server = NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                    .executor(executor)
                    .addService(FlightServices.create(
                            () -> {},
                            admission,
                            new BufferQueryExec(source, sending, new SimpleMeterRegistry()),
                            source,
                            idle,
                            sending,
                            executor,
                            this::pump))
                    .build()
                    .start();
            try (Readers readers = Readers.start(server.getPort(), allocator)) {
                while (idle.waiting() < READERS) {
                    Thread.onSpinWait(); // until what the transports take ahead is full
                }
                assertThat(readers.streams()).hasSize(READERS);
                assertThat(admission.waited())
                        .as("queries that told that they wait")
                        .isPositive();
                assertThat(source.holders() - unread)
                        .as("each partition has one chunk, which its frame and its stream hold")
                        .isPositive()
                        .isLessThanOrEqualTo(2L * READERS);
                while (pumps.stream().anyMatch(Thread::isAlive)) {
                    nowNs.addAndGet(Duration.ofSeconds(1).toNanos());
                    idle.endIdle();
                    Thread.onSpinWait();
                }
                // What was on its way into the network the transports let go of by themselves.
                while (sending.getAllocatedMemory() > 0 || source.holders() > unread) {
                    Thread.onSpinWait();
                }
                assertThat(source.holders()).isEqualTo(unread);
            } finally {
                server.shutdownNow().awaitTermination();
            }
            executor.close();
            assertThat(admission.letIn()).isZero();
        }
    }
}
