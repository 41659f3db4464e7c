package io.sluice.benches;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.arrow.flight.FlightClient;
import org.apache.arrow.flight.FlightStream;
import org.apache.arrow.flight.Location;
import org.apache.arrow.flight.Ticket;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;

/// A client that asks for rows of one host once a second, in the background, and waits for the first batch.
final class FirstBatches implements AutoCloseable {
    private static final Duration PAUSE = Duration.ofSeconds(1);
    private final ExecutorService thread = Executors.newSingleThreadExecutor();
    private final CountDownLatch ended = new CountDownLatch(1);
    private final Future<Double> longest;

    private FirstBatches(int port) {
        this.longest = thread.submit(() -> run(port));
    }

    /// Begins to ask.
    static FirstBatches ask(int port) {
        return new FirstBatches(port);
    }

    @SuppressWarnings("try") // an interrupted close ends the client
    private double run(int port) throws Exception {
        long longestNanos = 0;
        try (BufferAllocator allocator = new RootAllocator();
                FlightClient client = FlightClient.builder(allocator, Location.forGrpcInsecure("127.0.0.1", port))
                        .build()) {
            ask(client, 0); // its connection and code are there
            for (int host = 1; host == 1 || !ended.await(PAUSE.toMillis(), TimeUnit.MILLISECONDS); host++) {
                long start = System.nanoTime();
                ask(client, host % CpuWrites.HOSTS);
                longestNanos = Math.max(longestNanos, System.nanoTime() - start);
            }
        }
        return longestNanos / 1e6;
    }

    /// Asks one after the other.
    ///
    /// @return how many came to their first batch a second
    @SuppressWarnings("try") // an interrupted close ends the client
    static double perSecond(int port, Duration window) throws IOException, InterruptedException {
        try (BufferAllocator allocator = new RootAllocator();
                FlightClient client = FlightClient.builder(allocator, Location.forGrpcInsecure("127.0.0.1", port))
                        .build()) {
            long start = System.nanoTime();
            int asked = 0;
            for (; System.nanoTime() - start < window.toNanos(); asked++) {
                ask(client, asked % CpuWrites.HOSTS);
            }
            return asked / ((System.nanoTime() - start) / 1e9);
        } catch (IOException | InterruptedException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IOException("a query failed: " + e, e);
        }
    }

    @SuppressWarnings("try") // an interrupted close ends the client
    private static void ask(FlightClient client, int host) throws Exception {
        byte[] ticket =
                "{\"namespace\":\"bench\",\"table\":\"cpu\",\"limit\":\"1000\",\"predicates\":[{\"column\":\"hostname\",\"in\":[\"host_%d\"]}]}"
                        .formatted(host)
                        .getBytes(StandardCharsets.UTF_8);
        try (FlightStream stream = client.getStream(new Ticket(ticket))) {
            boolean _ = stream.next(); // all rows may be in files
            stream.cancel("seen enough", null);
        }
    }

    /// Ends the questions a while later, and tells how long the first batch took at most.
    double longestMillis(Duration later) throws IOException, InterruptedException {
        try {
            boolean _ = ended.await(later.toNanos(), TimeUnit.NANOSECONDS);
            ended.countDown();
            return longest.get();
        } catch (ExecutionException e) {
            throw new IOException("a query failed: " + e.getCause(), e.getCause());
        }
    }

    @Override
    public void close() {
        ended.countDown();
        thread.shutdownNow();
    }
}
