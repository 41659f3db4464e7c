package io.sluice.benches;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntFunction;
import org.apache.arrow.flight.FlightClient;
import org.apache.arrow.flight.FlightRuntimeException;
import org.apache.arrow.flight.FlightStatusCode;
import org.apache.arrow.flight.FlightStream;
import org.apache.arrow.flight.Location;
import org.apache.arrow.flight.Ticket;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;

/// Clients that each ask for the rows of one host after another, over a few connections. One that is refused, as there
/// is no place for its query, asks again at once.
///
/// @param ticketOf what is asked of a host, by its number
record SmallQueries(int port, int clients, IntFunction<String> ticketOf) {
    private static final int CONNECTIONS = 4;

    /// Asks until a window is over, and returns how long each answer took, from the question to its end, the shortest
    /// first.
    long[] run(Duration window) throws IOException, InterruptedException {
        long endNanos = System.nanoTime() + window.toNanos();
        List<FlightClient> connections = new ArrayList<>();
        try (BufferAllocator allocator = new RootAllocator();
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < CONNECTIONS; i++) {
                connections.add(FlightClient.builder(allocator, Location.forGrpcInsecure("127.0.0.1", port))
                        .build());
            }
            List<Future<Latencies>> running = new ArrayList<>();
            for (int i = 0; i < clients; i++) {
                int number = i;
                FlightClient connection = connections.get(i % CONNECTIONS);
                running.add(threads.submit(() -> ask(connection, number, endNanos)));
            }
            List<Latencies> latencies = new ArrayList<>();
            for (Future<Latencies> client : running) {
                latencies.add(client.get());
            }
            for (FlightClient connection : connections) {
                connection.close();
            }
            return Latencies.sorted(latencies);
        } catch (ExecutionException e) {
            throw new IOException("a query failed", e.getCause());
        }
    }

    @SuppressWarnings("try") // an interrupted close ends the client
    private Latencies ask(FlightClient connection, int number, long endNanos) throws Exception {
        Latencies latencies = new Latencies();
        for (int host = number; System.nanoTime() < endNanos; host = (host + 1) % CpuTicks.HOSTS) {
            long startNanos = System.nanoTime();
            Ticket ticket = new Ticket(ticketOf.apply(host).getBytes(StandardCharsets.UTF_8));
            OptionalLong rows = rows(connection, ticket);
            while (rows.isEmpty()) {
                rows = rows(connection, ticket);
            }
            if (rows.getAsLong() == 0) {
                throw new IOException("host %d: expected rows, found none".formatted(host));
            }
            latencies.add(System.nanoTime() - startNanos);
        }
        return latencies;
    }

    /// Empty if there was no place for the query; then the time goes on.
    @SuppressWarnings("try") // as above
    private static OptionalLong rows(FlightClient connection, Ticket ticket) throws Exception {
        long rows = 0;
        try (FlightStream stream = connection.getStream(ticket)) {
            while (stream.next()) {
                rows += stream.getRoot().getRowCount();
            }
            return OptionalLong.of(rows);
        } catch (FlightRuntimeException e) {
            if (e.status().code() == FlightStatusCode.RESOURCE_EXHAUSTED) {
                return OptionalLong.empty();
            }
            throw e;
        }
    }
}
