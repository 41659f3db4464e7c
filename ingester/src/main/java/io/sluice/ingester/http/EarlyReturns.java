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
/// otherwise keep the processors busy with being refused. From then on each of its refusals waits as long as it tells
/// its client to, until it comes back as it was told or was not refused for a while. Those that come back as they were
/// told never wait here. Until it is back, or does not come, such a connection counts as present. Any thread may call
/// any method.
final class EarlyReturns {
    /// No longer than clients wait for an answer.
    static final Duration LONGEST_WAIT = Duration.ofSeconds(2);
    /// Connections that are remembered. More may be refused, and come back when they like.
    static final int MAX_CONNECTIONS = 8_192;
    /// Clients are told whole seconds.
    private static final long SLACK_NANOS = Duration.ofSeconds(1).toNanos();
    /// After so long without a refusal, a connection that came early is like any other.
    private static final long GRUDGE_NANOS = Duration.ofSeconds(10).toNanos();
    private static final long SWEEP_NANOS = Duration.ofMillis(100).toNanos();

    private final LongSupplier nanoTime;
    private final Pause pause;
    private final Counter early;
    private final ConcurrentMap<InetSocketAddress, Away> away = new ConcurrentHashMap<>();
    /// Those that came early, and until when that is held against them.
    private final ConcurrentMap<InetSocketAddress, Long> rude = new ConcurrentHashMap<>();
    private final AtomicLong sweptNanos;

    /// Somebody who is to come back.
    ///
    /// @param hasWaited before it was refused: if it comes early, it does not wait again
    private record Away(long dueNanos, WorkQueue.Presence presence, boolean hasWaited) {}

    /// @param nanoTime nanoseconds from any beginning
    EarlyReturns(LongSupplier nanoTime, Pause pause, MeterRegistry metrics) {
        this.nanoTime = nanoTime;
        this.pause = pause;
        this.sweptNanos = new AtomicLong(nanoTime.getAsLong());
        this.early = Counter.builder("sluice.http.early.returns")
                .description("Writes that were kept waiting, as their connections came back before they were told to")
                .register(metrics);
    }

    /// A connection is about to be told to come back later. Keeps it waiting if it came early before.
    ///
    /// @param presence is closed when it is back, or will not come
    /// @throws InterruptedException if the thread was told to stop waiting
    void refused(InetSocketAddress client, Duration retryAfter, WorkQueue.Presence presence)
            throws InterruptedException {
        boolean waits = rude.containsKey(client);
        if (waits) {
            boolean hasWaited = false;
            try {
                keepWaiting(retryAfter.toNanos());
                hasWaited = true;
            } finally {
                if (!hasWaited) {
                    presence.close();
                }
            }
        }
        long now = nanoTime.getAsLong();
        if (waits) {
            rude.put(client, now + retryAfter.toNanos() + GRUDGE_NANOS);
        }
        if (away.size() >= MAX_CONNECTIONS) {
            forgetThoseThatDoNotCome(now, 0);
        }
        Away one = new Away(now + retryAfter.toNanos(), presence, waits);
        Away before = away.size() < MAX_CONNECTIONS ? away.put(client, one) : one;
        if (before != null) {
            before.presence().close();
        }
    }

    private void keepWaiting(long nanos) throws InterruptedException {
        early.increment();
        pause.await(Duration.ofNanos(Math.min(nanos, LONGEST_WAIT.toNanos())));
    }

    /// Keeps the connection waiting until it may come back, or has waited for long enough.
    ///
    /// @return whether it came too early, and is to be refused; its next write is judged like any other
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
                rude.remove(client);
                return false;
            }
            if (back.hasWaited()) {
                return false;
            }
            if (rude.size() < MAX_CONNECTIONS) {
                rude.put(client, back.dueNanos() + GRUDGE_NANOS);
            }
            keepWaiting(leftNanos);
            return true;
        }
    }

    private void sweep(long now) {
        long swept = sweptNanos.get();
        if (now - swept >= SWEEP_NANOS && sweptNanos.compareAndSet(swept, now)) {
            forgetThoseThatDoNotCome(now, SLACK_NANOS);
            rude.values().removeIf(until -> now - until >= 0);
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
