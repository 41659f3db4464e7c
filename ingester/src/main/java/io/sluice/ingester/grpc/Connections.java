package io.sluice.ingester.grpc;

import io.micrometer.core.instrument.MeterRegistry;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ServerChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.sluice.ingester.door.ConnectionLimits;
import io.sluice.ingester.door.ConnectionMeters;
import io.sluice.ingester.door.ConnectionMeters.Reason;
import java.net.SocketAddress;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.LongSupplier;

/// The connections of the gRPC port: no more than there may be, and none without a call for longer than it may be idle.
/// gRPC itself has no limit of them. Any thread may call any method.
///
/// If there are too many, one without a call makes room: one that never had any before one that had, and of these the
/// one that has been idle for longest. One with a call is never ended.
final class Connections {
    private final LongSupplier nanoTime;
    private final ConnectionMeters meters;
    private final ConcurrentMap<SocketAddress, Peer> peers = new ConcurrentHashMap<>();
    private volatile ConnectionLimits limits;

    /// @param nanoTime nanoseconds from any beginning
    Connections(ConnectionLimits limits, LongSupplier nanoTime, MeterRegistry metrics) {
        this.limits = limits;
        this.nanoTime = nanoTime;
        this.meters = new ConnectionMeters("grpc", peers::size, () -> this.limits.maxConnections(), metrics);
    }

    void reconfigure(ConnectionLimits next) {
        limits = next;
    }

    ConnectionLimits limits() {
        return limits;
    }

    ConnectionMeters meters() {
        return meters;
    }

    /// Makes ports that let connections in here.
    ChannelFactory<ServerChannel> ports() {
        return () -> {
            NioServerSocketChannel port = new NioServerSocketChannel();
            // Before the handler that gRPC puts there, which makes what comes through a connection.
            port.pipeline().addLast(new Gate());
            return port;
        };
    }

    private final class Gate extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext context, Object accepted) {
            Channel channel = (Channel) accepted;
            if (peers.size() >= limits.maxConnections() && !makeRoom()) {
                meters.closed(Reason.REFUSED);
                channel.unsafe().closeForcibly(); // it has no event loop yet that could close it
                return;
            }
            SocketAddress address = channel.remoteAddress();
            Peer peer = new Peer(channel, nanoTime.getAsLong());
            peers.put(address, peer);
            var _ = channel.closeFuture().addListener(_ -> peers.remove(address, peer));
            channel.pipeline().addLast(new Beginning(peer));
            context.fireChannelRead(accepted);
        }
    }

    /// Tells a connection that it has its thread.
    private static final class Beginning extends ChannelInboundHandlerAdapter {
        private final Peer peer;

        Beginning(Peer peer) {
            this.peer = peer;
        }

        @Override
        public void channelRegistered(ChannelHandlerContext context) {
            context.fireChannelRegistered();
            context.pipeline().remove(this);
            peer.began();
        }
    }

    /// The connection of a client; empty if it has gone.
    Optional<Peer> find(SocketAddress address) {
        return Optional.ofNullable(peers.get(address));
    }

    private boolean makeRoom() {
        long now = nanoTime.getAsLong();
        Optional<Map.Entry<SocketAddress, Peer>> least = Optional.empty();
        boolean isServed = true;
        long longest = Long.MIN_VALUE;
        for (Map.Entry<SocketAddress, Peer> entry : peers.entrySet()) {
            Peer peer = entry.getValue();
            boolean served = peer.hasServed();
            long idle = peer.idleNanos(now);
            if (peer.isIdle() && (served == isServed ? idle > longest : isServed)) {
                least = Optional.of(entry);
                isServed = served;
                longest = idle;
            }
        }
        if (least.isEmpty()) {
            return false;
        }
        end(least.get().getKey(), least.get().getValue(), Reason.CROWDED);
        return true;
    }

    private void end(SocketAddress address, Peer peer, Reason reason) {
        // At once, though it takes a moment until it is closed: it makes room but once.
        if (peers.remove(address, peer)) {
            meters.closed(reason);
            peer.close();
        }
    }

    /// Ends connections that have been idle for too long. To be called several times a second.
    void check() {
        long now = nanoTime.getAsLong();
        long timeout = limits.idleTimeout().toNanos();
        peers.forEach((address, peer) -> {
            if (peer.isIdle() && peer.idleNanos(now) >= timeout) {
                end(address, peer, Reason.IDLE);
            }
        });
    }
}
