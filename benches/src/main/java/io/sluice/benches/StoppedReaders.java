package io.sluice.benches;

import io.sluice.benches.Comparison.Better;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.arrow.flight.FlightClient;
import org.apache.arrow.flight.FlightStream;
import org.apache.arrow.flight.Location;
import org.apache.arrow.flight.Ticket;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;

/// A hundred clients that ask for all rows of a table and stop after the first batch, of a server that is a process of
/// its own: by how much its memory grows, beside what the partition's chunks would take if each client held its own.
/// Fails if the ledger does not tell of what is held, or if their streams are not ended.
record StoppedReaders(Path folder, long rows) {
    private static final int READERS = 100;
    private static final int IDLE_SECONDS = 20;
    private static final int WRITE_ROWS = 5_000;
    private static final int IN_FLIGHT = 16;
    private static final long SEED = 1;
    private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
    private static final Duration LONGEST = Duration.ofSeconds(60);
    private static final double MIB = 1 << 20;
    private static final String HELD = "sluice_memory_bytes";

    Comparison run(String bench, String caseName, String ticket) throws IOException, InterruptedException {
        try (ServerProcess server = ServerProcess.sluice(
                folder,
                "--memory",
                "6GiB",
                "--persist-max-age",
                "1h",
                "--persist-hot-bytes",
                "2GiB",
                "--query-idle-timeout",
                IDLE_SECONDS + "s")) {
            fill(server);
            readOnce(server, ticket); // its code and buffers are there
            server.settle(LONGEST);
            double heldBefore = server.metric(HELD);
            long residentBefore = server.memoryBytes();
            double grown;
            try (BufferAllocator allocator = new RootAllocator();
                    Readers readers = Readers.start(server.grpcPort(), allocator, ticket)) {
                await(server, "sluice_query_waiting", READERS);
                grown = (server.memoryBytes() - residentBefore) / MIB / READERS;
                double ledger = (server.metric(HELD) - heldBefore) / MIB / READERS;
                System.err.println("%s: %d clients stopped: %.3f MiB each, of which %.3f on the ledger"
                        .formatted(bench, readers.streams().size(), grown, ledger));
                await(server, "sluice_query_idle_ended_total", READERS);
            }
            await(server, "sluice_query_waiting", 0);
            server.settle(LONGEST);
            double heldAfter = server.metric(HELD);
            if (heldAfter > heldBefore) {
                throw new IOException("expected %.0f bytes on the ledger when all streams have ended, found %.0f"
                        .formatted(heldBefore, heldAfter));
            }
            return new Comparison(
                    bench, caseName, "MiB", Better.LOWER, List.of(grown), "partition", List.of(heldBefore / MIB));
        }
    }

    private void fill(ServerProcess server) throws IOException, InterruptedException {
        CpuTicks ticks = new CpuTicks(SEED);
        List<byte[]> writes = new ArrayList<>();
        for (long written = 0; written < rows; written += WRITE_ROWS) {
            writes.add(ticks.next(WRITE_ROWS).toByteArray());
        }
        try (StreamWriter writer = new StreamWriter(server.grpcPort())) {
            GrpcLoad.all(writer, writes, IN_FLIGHT);
        }
    }

    @SuppressWarnings("try") // an interrupted close ends the client
    private static void readOnce(ServerProcess server, String ticket) throws IOException {
        try (BufferAllocator allocator = new RootAllocator();
                FlightClient client = client(server.grpcPort(), allocator);
                FlightStream stream = client.getStream(ticket(ticket))) {
            long found = 0;
            while (stream.next()) {
                found += stream.getRoot().getRowCount();
            }
            if (found == 0) {
                throw new IOException("expected rows, found none");
            }
        } catch (IOException e) {
            throw e;
        } catch (Exception e) {
            throw new IOException("a client failed", e);
        }
    }

    private static FlightClient client(int port, BufferAllocator allocator) {
        return FlightClient.builder(allocator, Location.forGrpcInsecure("127.0.0.1", port))
                .build();
    }

    private static Ticket ticket(String text) {
        return new Ticket(text.getBytes(StandardCharsets.UTF_8));
    }

    /// Waits until a metric has a value.
    private static void await(ServerProcess server, String metric, double value) throws IOException {
        long deadline = System.nanoTime() + LONGEST.toNanos();
        for (double now = server.metric(metric); now != value; now = server.metric(metric)) {
            if (System.nanoTime() > deadline) {
                throw new IOException("%s is %.0f after %s: expected %.0f".formatted(metric, now, LONGEST, value));
            }
            LockSupport.parkNanos(POLL_NANOS);
        }
    }

    /// Clients, each with a connection of its own, and their streams.
    private record Readers(List<FlightClient> clients, List<FlightStream> streams) implements AutoCloseable {
        static Readers start(int port, BufferAllocator allocator, String ticket) throws IOException {
            Readers readers = new Readers(new ArrayList<>(), new ArrayList<>());
            boolean done = false;
            try {
                for (int i = 0; i < READERS; i++) {
                    FlightClient client = client(port, allocator);
                    readers.clients.add(client);
                    FlightStream stream = client.getStream(ticket(ticket));
                    readers.streams.add(stream);
                    if (!stream.next()) {
                        throw new IOException("expected a batch, found none");
                    }
                }
                done = true;
                return readers;
            } finally {
                if (!done) {
                    readers.close();
                }
            }
        }

        @Override
        public void close() throws IOException {
            try {
                for (FlightStream stream : streams) {
                    stream.close();
                }
                for (FlightClient client : clients) {
                    client.close();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted while clients ended", e);
            } catch (Exception e) {
                throw new IOException("a client did not end", e);
            }
        }
    }
}
