package io.sluice.benches;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.door.FixedByteBudget;
import io.sluice.ingester.door.PersistHandler.PersistSummary;
import io.sluice.ingester.door.StreamedWriteHandler;
import io.sluice.ingester.grpc.GrpcServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/// A gRPC server as the service has it, in front of a handler.
final class WriteServer implements AutoCloseable {
    private static final int MAX_REQUEST_BYTES = 64 << 20;
    private static final Duration STOP = Duration.ofSeconds(5);

    private final ExecutorService calls = Executors.newVirtualThreadPerTaskExecutor();
    private final GrpcServer server;

    WriteServer(StreamedWriteHandler writes) throws IOException {
        SimpleMeterRegistry metrics = new SimpleMeterRegistry();
        server = new GrpcServer(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                new GrpcServer.Limits(MAX_REQUEST_BYTES, MAX_REQUEST_BYTES),
                calls,
                Thread.ofPlatform().factory(),
                System::nanoTime,
                new FixedByteBudget(1 << 30, "--inflight-bytes"),
                Admissions.usual(metrics),
                writes,
                (_, _) -> CompletableFuture.completedStage(new PersistSummary(0, 0, 0)),
                () -> "{}",
                metrics,
                List.of());
        server.start();
    }

    int port() {
        return server.port();
    }

    @Override
    public void close() throws IOException {
        try {
            server.stop(STOP);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while the server stopped", e);
        }
        calls.shutdown();
    }
}
