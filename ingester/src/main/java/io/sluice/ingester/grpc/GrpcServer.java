package io.sluice.ingester.grpc;

import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.sluice.ingester.door.PersistHandler;
import io.sluice.ingester.door.StatusSource;
import io.sluice.ingester.door.WriteHandler;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/// The gRPC server: writes, persist, status, health, reflection, and what else it is handed (Arrow Flight), on one
/// port.
public final class GrpcServer {
    private static final int MAX_CALLS_PER_CONNECTION = 10_000;
    private static final int MAX_HEADER_BYTES = 64 * 1024;
    /// A client may ask this often whether the connection lives.
    private static final Duration MIN_KEEPALIVE = Duration.ofSeconds(10);

    private final Server server;
    private final HealthStatusManager health = new HealthStatusManager();

    /// Starts nothing.
    ///
    /// @param maxRequestBytes of one message; measured before it is read
    /// @param executor runs the calls; a call may block it while the catalog is asked
    /// @param others services to serve besides
    public GrpcServer(
            InetSocketAddress bind,
            int maxRequestBytes,
            Executor executor,
            WriteHandler writes,
            PersistHandler persist,
            StatusSource status,
            List<BindableService> others) {
        NettyServerBuilder builder = NettyServerBuilder.forAddress(bind)
                .executor(executor)
                .maxInboundMessageSize(maxRequestBytes)
                .maxInboundMetadataSize(MAX_HEADER_BYTES)
                .maxConcurrentCallsPerConnection(MAX_CALLS_PER_CONNECTION)
                .permitKeepAliveTime(MIN_KEEPALIVE.toSeconds(), TimeUnit.SECONDS)
                .permitKeepAliveWithoutCalls(true)
                .addService(new WriteServiceDoor(writes))
                .addService(new PersistServiceDoor(persist))
                .addService(new StatusServiceDoor(status))
                .addService(health.getHealthService())
                .addService(ProtoReflectionServiceV1.newInstance());
        others.forEach(builder::addService);
        this.server = builder.build();
        setServing(false);
    }

    /// Listens.
    ///
    /// @throws IOException if the address cannot be bound
    public void start() throws IOException {
        server.start();
    }

    /// What the health service says from now on.
    public void setServing(boolean serving) {
        health.setStatus(
                HealthStatusManager.SERVICE_NAME_ALL_SERVICES,
                serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
    }

    /// The port it listens on.
    public int port() {
        return server.getPort();
    }

    /// Takes no new calls, lets those under way end until the deadline, then ends them.
    public void stop(Duration deadline) throws InterruptedException {
        server.shutdown();
        if (!server.awaitTermination(deadline.toNanos(), TimeUnit.NANOSECONDS)) {
            server.shutdownNow();
            server.awaitTermination(1, TimeUnit.SECONDS);
        }
    }
}
