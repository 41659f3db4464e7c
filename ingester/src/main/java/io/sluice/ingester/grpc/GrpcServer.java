package io.sluice.ingester.grpc;

import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.ingester.admission.WriteAdmission;
import io.sluice.ingester.door.PersistHandler;
import io.sluice.ingester.door.StatusSource;
import io.sluice.ingester.door.StreamedWriteHandler;
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
    /// A client that has sent nothing for so long is asked whether it is there, so that the streams of one that
    /// vanished do not stay open.
    private static final Duration KEEPALIVE = Duration.ofSeconds(30);

    private static final Duration KEEPALIVE_TIMEOUT = Duration.ofSeconds(20);

    private final Server server;
    private final HealthStatusManager health = new HealthStatusManager();
    private final WriteStreams streams;

    /// What clients may take of the server.
    ///
    /// @param maxRequestBytes of a message, unpacked
    /// @param maxStreamMessageBytes of a message of a write stream
    public record Limits(int maxRequestBytes, int maxStreamMessageBytes) {
        private static final int DEFAULT_MAX_STREAM_MESSAGE_BYTES = 16 << 20;

        public Limits {
            if (maxRequestBytes < 1 || maxStreamMessageBytes < 1) {
                throw new IllegalArgumentException("limits must be positive: %d bytes, %d bytes in streams"
                        .formatted(maxRequestBytes, maxStreamMessageBytes));
            }
        }

        /// The usual limit in streams: messages of 16 MiB, or of `maxRequestBytes` if that is less.
        public static Limits of(int maxRequestBytes) {
            return new Limits(maxRequestBytes, Math.min(DEFAULT_MAX_STREAM_MESSAGE_BYTES, maxRequestBytes));
        }

        /// From where on gRPC itself ends a call, by the length that a message announces. Up to there a message that is
        /// too large is taken off the network before it is refused, and the client hears our words.
        private int hardMaxBytes() {
            return (int) Math.min(Integer.MAX_VALUE, 2L * Math.max(maxRequestBytes, maxStreamMessageBytes));
        }
    }

    /// Starts nothing.
    ///
    /// @param executor runs the calls; a call may block it while the catalog is asked, or while it waits
    ///     for room
    /// @param admission lets writes in
    /// @param others services to serve besides
    public GrpcServer(
            InetSocketAddress bind,
            Limits limits,
            Executor executor,
            WriteAdmission admission,
            StreamedWriteHandler writes,
            PersistHandler persist,
            StatusSource status,
            MeterRegistry metrics,
            List<BindableService> others) {
        this.streams = new WriteStreams(admission, writes, limits.maxStreamMessageBytes(), executor, metrics);
        NettyServerBuilder builder = NettyServerBuilder.forAddress(bind)
                .executor(executor)
                .maxInboundMessageSize(limits.hardMaxBytes())
                .maxInboundMetadataSize(MAX_HEADER_BYTES)
                .maxConcurrentCallsPerConnection(MAX_CALLS_PER_CONNECTION)
                .permitKeepAliveTime(MIN_KEEPALIVE.toSeconds(), TimeUnit.SECONDS)
                .permitKeepAliveWithoutCalls(true)
                .keepAliveTime(KEEPALIVE.toSeconds(), TimeUnit.SECONDS)
                .keepAliveTimeout(KEEPALIVE_TIMEOUT.toSeconds(), TimeUnit.SECONDS)
                .addService(new WriteServiceDoor(admission, writes, limits.maxRequestBytes(), streams))
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

    /// The health service says from now on that the server does not serve, whatever it is told later.
    public void endServing() {
        health.enterTerminalState();
    }

    /// Ends all write streams, each behind the acks of what it has handed over, and takes no writes of others.
    public void stopStreams() {
        streams.stop();
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
