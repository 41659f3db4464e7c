package io.sluice.benches;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.arrow.flight.FlightClient;
import org.apache.arrow.flight.FlightStream;
import org.apache.arrow.flight.Location;
import org.apache.arrow.flight.Ticket;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;

/// Clients that each ask for the rows of one host after another, over a few connections.
record SmallQueries(int port, int clients) {
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
    private static Latencies ask(FlightClient connection, int number, long endNanos) throws Exception {
        Latencies latencies = new Latencies();
        for (int host = number; System.nanoTime() < endNanos; host = (host + 1) % CpuTicks.HOSTS) {
            long startNanos = System.nanoTime();
            long rows = 0;
            byte[] ticket = QueryComparison.oneHost(host).getBytes(StandardCharsets.UTF_8);
            try (FlightStream stream = connection.getStream(new Ticket(ticket))) {
                while (stream.next()) {
                    rows += stream.getRoot().getRowCount();
                }
            }
            if (rows == 0) {
                throw new IOException("host %d: expected rows, found none".formatted(host));
            }
            latencies.add(System.nanoTime() - startNanos);
        }
        return latencies;
    }
}
