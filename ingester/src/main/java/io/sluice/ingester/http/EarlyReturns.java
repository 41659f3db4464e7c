package io.sluice.ingester.http;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.persist.retry.Pause;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.LongSupplier;

/// Connections whose last write was refused as there was too much to do, and when each may come back. One that comes
/// earlier is kept waiting before its body is read, and is then refused once more: clients that never wait would
/// otherwise keep the processors busy with being refused. Those that come back as they were told never wait here. Any
/// thread may call any method.
final class EarlyReturns {
    /// No longer than clients wait for an answer.
    static final Duration LONGEST_WAIT = Duration.ofSeconds(2);
    /// Connections that are remembered. More may be refused, and come back when they like.
    static final int MAX_CONNECTIONS = 8_192;

    private final LongSupplier nanoTime;
    private final Pause pause;
    private final Counter early;
    private final ConcurrentMap<InetSocketAddress, Long> dueNanos = new ConcurrentHashMap<>();

    /// @param nanoTime nanoseconds from any beginning
    EarlyReturns(LongSupplier nanoTime, Pause pause, MeterRegistry metrics) {
        this.nanoTime = nanoTime;
        this.pause = pause;
        this.early = Counter.builder("sluice.http.early.returns")
                .description("Writes over connections that came back before they were told to, and were kept waiting")
                .register(metrics);
    }

    /// A connection was told to come back later.
    void refused(InetSocketAddress client, Duration retryAfter) {
        long now = nanoTime.getAsLong();
        if (dueNanos.size() >= MAX_CONNECTIONS) {
            dueNanos.values().removeIf(due -> due - now <= 0);
        }
        if (dueNanos.size() < MAX_CONNECTIONS) {
            dueNanos.put(client, now + retryAfter.toNanos());
        }
    }

    /// Keeps the connection waiting until it may come back, or has waited for long enough.
    ///
    /// @return whether it came too early; its next write is like any other
    /// @throws InterruptedException if the thread was told to stop waiting
    boolean await(InetSocketAddress client) throws InterruptedException {
        Long due = dueNanos.remove(client);
        long leftNanos = due == null ? 0 : due - nanoTime.getAsLong();
        if (leftNanos <= 0) {
            return false;
        }
        early.increment();
        pause.await(Duration.ofNanos(Math.min(leftNanos, LONGEST_WAIT.toNanos())));
        return true;
    }
}
