package io.sluice.benches;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.arrow.flight.FlightClient;
import org.apache.arrow.flight.FlightServer;
import org.apache.arrow.flight.FlightStream;
import org.apache.arrow.flight.Location;
import org.apache.arrow.flight.NoOpFlightProducer;
import org.apache.arrow.flight.Ticket;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;

/// Arrow Java's own Flight server that answers every query with one batch, which it has ready: what transport and
/// clients cost without a database behind them.
final class BareFlight implements AutoCloseable {
    private final BufferAllocator allocator;
    private final FlightClient source;
    private final FlightStream answer;
    private final FlightServer server;

    private BareFlight(BufferAllocator allocator, FlightClient source, FlightStream answer, FlightServer server) {
        this.allocator = allocator;
        this.source = source;
        this.answer = answer;
        this.server = server;
    }

    /// Takes its answer from another server.
    ///
    /// @param port of that one
    /// @param ticket what it is asked; the first batch of its answer is the answer
    static BareFlight start(int port, String ticket) throws IOException {
        BufferAllocator allocator = new RootAllocator();
        FlightClient source = FlightClient.builder(allocator, Location.forGrpcInsecure("127.0.0.1", port))
                .build();
        FlightStream answer = source.getStream(new Ticket(ticket.getBytes(StandardCharsets.UTF_8)));
        if (!answer.next()) {
            throw new IOException("no answer to " + ticket);
        }
        FlightServer server = FlightServer.builder(
                        allocator, Location.forGrpcInsecure("127.0.0.1", 0), new Producer(answer))
                .build();
        server.start();
        return new BareFlight(allocator, source, answer, server);
    }

    private static final class Producer extends NoOpFlightProducer {
        private final FlightStream answer;

        Producer(FlightStream answer) {
            this.answer = answer;
        }

        @Override
        public void getStream(CallContext context, Ticket ticket, ServerStreamListener listener) {
            listener.start(answer.getRoot(), answer.getDictionaryProvider());
            listener.putNext();
            listener.completed();
        }
    }

    int port() {
        return server.getPort();
    }

    @Override
    @SuppressWarnings("try") // an interrupted close ends the benchmark
    public void close() throws IOException {
        try {
            server.close();
            answer.close();
            source.close();
            allocator.close();
        } catch (Exception e) {
            throw new IOException("the bare server does not end", e);
        }
    }
}
