package io.sluice.ingester.http;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.ingester.admission.WorkQueue;
import io.sluice.persist.retry.Pause;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/// Connections whose last write was refused as there was too much to do, and when each may come back. One that comes
/// earlier is kept waiting before its body is read, and is then refused once more: clients that never wait would
/// otherwise keep the processors busy with being refused. Those that come back as they were told never wait here. Until
/// it is back, or does not come, such a connection counts as present. Any thread may call any method.
final class EarlyReturns {
    /// No longer than clients wait for an answer.
    static final Duration LONGEST_WAIT = Duration.ofSeconds(2);
    /// Connections that are remembered. More may be refused, and come back when they like.
    static final int MAX_CONNECTIONS = 8_192;
    /// Clients are told whole seconds.
    private static final long SLACK_NANOS = Duration.ofSeconds(1).toNanos();
    private static final long SWEEP_NANOS = Duration.ofMillis(100).toNanos();

    private final LongSupplier nanoTime;
    private final Pause pause;
    private final Counter early;
    private final ConcurrentMap<InetSocketAddress, Away> away = new ConcurrentHashMap<>();
    private final AtomicLong sweptNanos;

    /// Somebody who is to come back.
    private record Away(long dueNanos, WorkQueue.Presence presence) {}

    /// @param nanoTime nanoseconds from any beginning
    EarlyReturns(LongSupplier nanoTime, Pause pause, MeterRegistry metrics) {
        this.nanoTime = nanoTime;
        this.pause = pause;
        this.sweptNanos = new AtomicLong(nanoTime.getAsLong());
        this.early = Counter.builder("sluice.http.early.returns")
                .description("Writes over connections that came back before they were told to, and were kept waiting")
                .register(metrics);
    }

    /// A connection was told to come back later.
    ///
    /// @param presence is closed when it is back, or will not come
    void refused(InetSocketAddress client, Duration retryAfter, WorkQueue.Presence presence) {
        long now = nanoTime.getAsLong();
        if (away.size() >= MAX_CONNECTIONS) {
            forgetThoseThatDoNotCome(now, 0);
        }
        Away one = new Away(now + retryAfter.toNanos(), presence);
        Away before = away.size() < MAX_CONNECTIONS ? away.put(client, one) : one;
        if (before != null) {
            before.presence().close();
        }
    }

    /// Keeps the connection waiting until it may come back, or has waited for long enough.
    ///
    /// @return whether it came too early; its next write is like any other
    /// @throws InterruptedException if the thread was told to stop waiting
    boolean await(InetSocketAddress client) throws InterruptedException {
        long now = nanoTime.getAsLong();
        sweep(now);
        Away back = away.remove(client);
        if (back == null) {
            return false;
        }
        try (WorkQueue.Presence _ = back.presence()) {
            long leftNanos = back.dueNanos() - now;
            if (leftNanos <= 0) {
                return false;
            }
            early.increment();
            pause.await(Duration.ofNanos(Math.min(leftNanos, LONGEST_WAIT.toNanos())));
            return true;
        }
    }

    private void sweep(long now) {
        long swept = sweptNanos.get();
        if (now - swept >= SWEEP_NANOS && sweptNanos.compareAndSet(swept, now)) {
            forgetThoseThatDoNotCome(now, SLACK_NANOS);
        }
    }

    /// Those whose time was so long ago.
    private void forgetThoseThatDoNotCome(long now, long agoNanos) {
        away.forEach((client, one) -> {
            if (now - one.dueNanos() >= agoNanos && away.remove(client, one)) {
                one.presence().close();
            }
        });
    }
}
