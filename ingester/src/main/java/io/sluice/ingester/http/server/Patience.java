package io.sluice.ingester.http.server;

import io.sluice.ingester.door.ConnectionLimits;
import java.time.Duration;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/// What a connection does at this moment, and until when its client may keep it waiting. The connection's thread
/// changes it, any thread may look.
final class Patience {
    /// What a connection does.
    enum Phase {
        /// Waits for a request.
        IDLE(true),
        /// Reads a request's head.
        HEAD(true),
        /// Reads a request's body.
        BODY(true),
        /// Works on a request: nobody waits for the client.
        WORK(false),
        /// Sends an answer.
        ANSWER(true);

        private final boolean waitsForClient;

        Phase(boolean waitsForClient) {
            this.waitsForClient = waitsForClient;
        }
    }

    /// Bytes that must come, or go, within the timeout of slow clients.
    static final int STEP_BYTES = 64 * 1_024;
    /// From a request's first byte to its last: 64 MiB at 4.5 Mbit/s.
    static final Duration MAX_REQUEST_TIME = Duration.ofMinutes(2);

    private final LongSupplier nanoTime;
    private final Supplier<ConnectionLimits> limits;
    private volatile Phase phase = Phase.IDLE;
    private volatile long sinceNanos;
    private volatile long deadlineNanos;
    private volatile boolean isExhausted;
    private volatile boolean hasServed;
    private long requestSinceNanos;
    private long stepBytes;

    /// @param nanoTime nanoseconds from any beginning
    Patience(LongSupplier nanoTime, Supplier<ConnectionLimits> limits) {
        this.nanoTime = nanoTime;
        this.limits = limits;
        begin(Phase.IDLE);
    }

    void begin(Phase next) {
        long now = nanoTime.getAsLong();
        switch (next) {
            case IDLE -> deadlineNanos = now + limits.get().idleTimeout().toNanos();
            case HEAD -> {
                requestSinceNanos = now;
                deadlineNanos = now + limits.get().slowTimeout().toNanos();
            }
            case BODY -> {
                stepBytes = 0;
                deadlineNanos = stepEnd(now);
            }
            case WORK -> hasServed = true;
            case ANSWER -> {
                stepBytes = 0;
                deadlineNanos = now + limits.get().slowTimeout().toNanos();
            }
        }
        sinceNanos = now;
        phase = next;
    }

    private long stepEnd(long now) {
        long requestEnd = requestSinceNanos + MAX_REQUEST_TIME.toNanos();
        long stepEnd = now + limits.get().slowTimeout().toNanos();
        return stepEnd - requestEnd < 0 ? stepEnd : requestEnd;
    }

    /// So many bytes of a body came, or of an answer went.
    void moved(int bytes) {
        stepBytes += bytes;
        if (stepBytes >= STEP_BYTES) {
            stepBytes = 0;
            long now = nanoTime.getAsLong();
            deadlineNanos = phase == Phase.BODY
                    ? stepEnd(now)
                    : now + limits.get().slowTimeout().toNanos();
        }
    }

    Phase phase() {
        return phase;
    }

    /// Whether a request came over the connection before.
    boolean hasServed() {
        return hasServed;
    }

    /// For how long the client has kept the connection waiting; 0 if it does not.
    long waitedNanos(long now) {
        return phase.waitsForClient ? Math.max(0, now - sinceNanos) : 0;
    }

    /// Whether the client has kept the connection waiting for too long.
    boolean isOver(long now) {
        return phase.waitsForClient && now - deadlineNanos >= 0;
    }

    /// Nothing that comes is read any more.
    void exhaust() {
        isExhausted = true;
    }

    boolean isExhausted() {
        return isExhausted;
    }
}
