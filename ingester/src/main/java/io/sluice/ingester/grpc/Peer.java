package io.sluice.ingester.grpc;

import io.netty.channel.Channel;
import java.util.concurrent.atomic.AtomicInteger;

/// One connection of the gRPC port, and how many calls it has. Any thread may call any method.
final class Peer {
    private final Channel channel;
    private final AtomicInteger calls = new AtomicInteger();
    private volatile long idleSinceNanos;
    private volatile boolean hasServed;
    private volatile boolean isUnwanted;

    Peer(Channel channel, long nowNanos) {
        this.channel = channel;
        this.idleSinceNanos = nowNanos;
    }

    void callBegan() {
        hasServed = true;
        calls.incrementAndGet();
    }

    void callEnded(long nowNanos) {
        idleSinceNanos = nowNanos; // before it can be seen to be idle
        calls.decrementAndGet();
    }

    boolean isIdle() {
        return calls.get() == 0;
    }

    /// Whether there was ever a call.
    boolean hasServed() {
        return hasServed;
    }

    /// For how long there has been no call; meaningless while there is one.
    long idleNanos(long nowNanos) {
        return nowNanos - idleSinceNanos;
    }

    /// Ends the connection. A client that has asked something is told (GOAWAY), and is given some seconds to hear it.
    void close() {
        isUnwanted = true;
        if (!channel.isRegistered()) {
            return; // it is closed as soon as it has a thread
        }
        if (hasServed) {
            var _ = channel.close();
        } else {
            channel.eventLoop().execute(this::cut);
        }
    }

    /// Ends the connection if somebody wanted that before it had its thread, which calls this first.
    void began() {
        if (isUnwanted) {
            cut();
        }
    }

    /// Past gRPC, which would wait for the client.
    private void cut() {
        channel.unsafe().close(channel.newPromise());
    }
}
