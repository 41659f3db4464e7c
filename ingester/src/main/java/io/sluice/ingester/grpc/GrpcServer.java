package io.sluice.ingester.grpc;

import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.micrometer.core.instrument.MeterRegistry;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.nio.NioIoHandler;
import io.sluice.ingester.admission.WriteAdmission;
import io.sluice.ingester.door.ByteBudget;
import io.sluice.ingester.door.ConnectionLimits;
import io.sluice.ingester.door.PersistHandler;
import io.sluice.ingester.door.StatusSource;
import io.sluice.ingester.door.StreamedWriteHandler;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/// The gRPC server: writes, persist, status, health, reflection, and what else it is handed (Arrow Flight), on one
/// port.
public final class GrpcServer {
    /// More wait at the client, by HTTP/2's rules.
    private static final int MAX_CALLS_PER_CONNECTION = 1_000;
    private static final int RESETS_WINDOW_SECONDS = 10;
    /// What a client may have cancelled within so many seconds, or its connection is closed: each costs the server
    /// more than the client (CVE-2023-44487). What it sends of a message that was refused meanwhile counts, too, as
    /// the server answers it with a reset: so twice what its calls make if each comes back after a second.
    static final int MAX_RESETS = 2 * RESETS_WINDOW_SECONDS * MAX_CALLS_PER_CONNECTION;

    private static final int MAX_HEADER_BYTES = 64 * 1024;
    /// A client may ask this often whether the connection lives.
    private static final Duration MIN_KEEPALIVE = Duration.ofSeconds(10);
    /// A client that has sent nothing for so long is asked whether it is there, so that the streams of one that
    /// vanished do not stay open.
    private static final Duration KEEPALIVE = Duration.ofSeconds(30);

    private static final Duration KEEPALIVE_TIMEOUT = Duration.ofSeconds(20);

    /// What HTTP/2 hands to a connection's socket at once, within the client's windows. At Netty's 64 KiB a large
    /// answer is a call of the system and a turn of the event loop for each 64 KiB, which was half of what sending
    /// costs.
    private static final WriteBufferWaterMark ON_THE_WAY = new WriteBufferWaterMark(512 << 10, 1 << 20);

    private final Server server;
    private final HealthStatusManager health = new HealthStatusManager();
    private final WriteStreams streams;
    private final Connections connections;
    private final Arrivals arrivals;
    private final EventLoopGroup acceptor;
    private final EventLoopGroup workers;

    /// What clients may take of the server.
    ///
    /// @param maxRequestBytes of a message, unpacked
    /// @param maxStreamMessageBytes of a message of a write stream
    /// @param connections how many there may be, and how slow their clients
    /// @param maxCalls open at once, over all connections
    /// @param maxArrivingBytes of all messages that are not complete
    public record Limits(
            int maxRequestBytes,
            int maxStreamMessageBytes,
            ConnectionLimits connections,
            int maxCalls,
            long maxArrivingBytes) {
        private static final int DEFAULT_MAX_STREAM_MESSAGE_BYTES = 16 << 20;
        private static final int DEFAULT_MAX_CALLS = 20_000;
        private static final long DEFAULT_MAX_ARRIVING_BYTES = 256L << 20;

        public Limits {
            if (maxRequestBytes < 1 || maxStreamMessageBytes < 1 || maxCalls < 1 || maxArrivingBytes < 1) {
                throw new IllegalArgumentException(
                        "limits must be positive: %d bytes, %d bytes in streams, %d calls, %d bytes incomplete"
                                .formatted(maxRequestBytes, maxStreamMessageBytes, maxCalls, maxArrivingBytes));
            }
        }

        /// With the usual limits of all that is no message's own length.
        public Limits(int maxRequestBytes, int maxStreamMessageBytes) {
            this(
                    maxRequestBytes,
                    maxStreamMessageBytes,
                    ConnectionLimits.DEFAULT,
                    DEFAULT_MAX_CALLS,
                    Math.max(DEFAULT_MAX_ARRIVING_BYTES, 2L * Math.max(maxRequestBytes, maxStreamMessageBytes)));
        }

        /// The usual limit in streams: messages of 16 MiB, or of `maxRequestBytes` if that is less.
        public static Limits of(int maxRequestBytes) {
            return of(maxRequestBytes, ConnectionLimits.DEFAULT, DEFAULT_MAX_CALLS, DEFAULT_MAX_ARRIVING_BYTES);
        }

        /// The same with other limits of connections, calls and incomplete messages, of which there must be room for
        /// one.
        public static Limits of(
                int maxRequestBytes, ConnectionLimits connections, int maxCalls, long maxArrivingBytes) {
            return new Limits(
                    maxRequestBytes,
                    Math.min(DEFAULT_MAX_STREAM_MESSAGE_BYTES, maxRequestBytes),
                    connections,
                    maxCalls,
                    Math.max(maxArrivingBytes, 2L * maxRequestBytes));
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
    /// @param threads makes those of the connections
    /// @param nanoTime nanoseconds from any beginning
    /// @param unpacked where packed messages have their room until a write counts them
    /// @param admission lets writes in
    /// @param others services to serve besides
    public GrpcServer(
            InetSocketAddress bind,
            Limits limits,
            Executor executor,
            ThreadFactory threads,
            LongSupplier nanoTime,
            ByteBudget unpacked,
            WriteAdmission admission,
            StreamedWriteHandler writes,
            PersistHandler persist,
            StatusSource status,
            MeterRegistry metrics,
            List<BindableService> others) {
        this.streams = new WriteStreams(admission, writes, limits.maxStreamMessageBytes(), executor, metrics);
        this.connections = new Connections(limits.connections(), nanoTime, metrics);
        InboundWindows windows = new InboundWindows();
        this.arrivals = new Arrivals(
                connections,
                windows,
                admission,
                limits.maxCalls(),
                limits.maxArrivingBytes(),
                executor,
                nanoTime,
                metrics);
        this.acceptor = new MultiThreadIoEventLoopGroup(1, threads, NioIoHandler.newFactory());
        this.workers = new MultiThreadIoEventLoopGroup(threads, NioIoHandler.newFactory());
        NettyServerBuilder builder = NettyServerBuilder.forAddress(bind)
                .directExecutor()
                .callExecutor(new CallThreads(admission, executor, workers))
                .channelFactory(connections.ports())
                .bossEventLoopGroup(acceptor)
                .workerEventLoopGroup(workers)
                .protocolNegotiator(windows)
                .flowControlWindow(InboundWindows.FIRST_BYTES)
                .withChildOption(ChannelOption.WRITE_BUFFER_WATER_MARK, ON_THE_WAY)
                .addStreamTracerFactory(arrivals)
                .intercept(arrivals)
                .maxRstFramesPerWindow(MAX_RESETS, RESETS_WINDOW_SECONDS)
                .maxInboundMessageSize(limits.hardMaxBytes())
                .maxInboundMetadataSize(MAX_HEADER_BYTES)
                .maxConcurrentCallsPerConnection(MAX_CALLS_PER_CONNECTION)
                .permitKeepAliveTime(MIN_KEEPALIVE.toSeconds(), TimeUnit.SECONDS)
                .permitKeepAliveWithoutCalls(true)
                .keepAliveTime(KEEPALIVE.toSeconds(), TimeUnit.SECONDS)
                .keepAliveTimeout(KEEPALIVE_TIMEOUT.toSeconds(), TimeUnit.SECONDS)
                .addService(new WriteServiceDoor(admission, writes, limits.maxRequestBytes(), streams, unpacked))
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

    /// Other limits of connections hold from now on.
    public void reconfigure(ConnectionLimits limits) {
        connections.reconfigure(limits);
    }

    /// Ends connections that are idle for too long, and calls whose clients have stopped in the middle of a message. To
    /// be called several times a second.
    public void checkConnections() {
        arrivals.check();
    }

    /// Bytes of messages that are not complete.
    public long arrivingBytes() {
        return arrivals.bytes();
    }

    /// Calls whose services know of them, and that are open.
    int begunCalls() {
        return arrivals.begun();
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
        var _ = acceptor.shutdownGracefully(0, 1, TimeUnit.SECONDS);
        var _ = workers.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }
}
