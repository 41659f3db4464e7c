package io.sluice.ingester.write;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/// The writes between their admission and their outcome, bounded in number and bytes. A permit belongs to the write,
/// not to its client: it is given back when the outcome is known, whatever the client did meanwhile. Any thread may
/// call.
public final class InFlightWrites {
    private final int maxWrites;
    private final long maxBytes;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition empty = lock.newCondition();

    @GuardedBy("lock")
    private int writes;

    @GuardedBy("lock")
    private long bytes;

    public InFlightWrites(int maxWrites, long maxBytes, MeterRegistry metrics) {
        this.maxWrites = maxWrites;
        this.maxBytes = maxBytes;
        Gauge.builder("sluice.inflight.writes", this::writes)
                .description("Writes between admission and outcome")
                .register(metrics);
        Gauge.builder("sluice.inflight.bytes", this::bytes)
                .description("Bytes of the requests of writes in flight")
                .baseUnit("bytes")
                .register(metrics);
    }

    /// One write in flight; idempotent.
    public interface Permit extends AutoCloseable {
        @Override
        void close();
    }

    /// Lets a write in, or not; a write larger than the whole budget is let in alone.
    Optional<Permit> tryEnter(long requestBytes) {
        lock.lock();
        try {
            if (writes >= maxWrites || (writes > 0 && bytes + requestBytes > maxBytes)) {
                return Optional.empty();
            }
            writes++;
            bytes += requestBytes;
        } finally {
            lock.unlock();
        }
        AtomicBoolean released = new AtomicBoolean();
        return Optional.of(() -> {
            if (released.compareAndSet(false, true)) {
                leave(requestBytes);
            }
        });
    }

    private void leave(long requestBytes) {
        lock.lock();
        try {
            writes--;
            bytes -= requestBytes;
            if (writes == 0) {
                empty.signalAll();
            }
        } finally {
            lock.unlock();
        }
    }

    /// Waits until no write is in flight; false if that took longer than `timeout`.
    public boolean awaitNone(Duration timeout) throws InterruptedException {
        long remainingNs = timeout.toNanos();
        lock.lock();
        try {
            while (writes > 0) {
                if (remainingNs <= 0) {
                    return false;
                }
                remainingNs = empty.awaitNanos(remainingNs);
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    /// The limits and how much of them is used, for an error.
    String describeLimit() {
        lock.lock();
        try {
            return ("too many writes in flight: %d of %d writes (--max-concurrent-writes), %d of %d bytes"
                            + " (--inflight-bytes)")
                    .formatted(writes, maxWrites, bytes, maxBytes);
        } finally {
            lock.unlock();
        }
    }

    public int writes() {
        lock.lock();
        try {
            return writes;
        } finally {
            lock.unlock();
        }
    }

    public long bytes() {
        lock.lock();
        try {
            return bytes;
        } finally {
            lock.unlock();
        }
    }
}
