package io.sluice.ingester.http.server;

import io.sluice.ingester.door.ConnectionLimits;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/// What a connection does at this moment, and until when its client may keep it waiting. The thread that serves its
/// requests changes it; any thread may look, and say that a request has begun.
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
        ANSWER(true),
        /// Waits until the client has read the last answer and ends the connection.
        END(true);

        private final boolean waitsForClient;

        Phase(boolean waitsForClient) {
            this.waitsForClient = waitsForClient;
        }
    }

    /// A phase and its times, nanoseconds of the clock that was handed in.
    ///
    /// @param requestSinceNanos the begin of the request
    /// @param deadlineNanos until when the client may keep the connection waiting
    record State(Phase phase, long sinceNanos, long requestSinceNanos, long deadlineNanos) {
        /// For how long the client has kept the connection waiting; 0 if it does not.
        long waitedNanos(long now) {
            return phase.waitsForClient ? Math.max(0, now - sinceNanos) : 0;
        }

        /// Whether the client has kept the connection waiting for too long.
        boolean isOver(long now) {
            return phase.waitsForClient && now - deadlineNanos >= 0;
        }
    }

    /// Bytes that must come, or go, within the timeout of slow clients.
    static final int STEP_BYTES = 64 * 1_024;
    /// From a request's first byte to its last: 64 MiB at 4.5 Mbit/s.
    static final Duration MAX_REQUEST_TIME = Duration.ofMinutes(2);

    private final LongSupplier nanoTime;
    private final Supplier<ConnectionLimits> limits;
    private final AtomicReference<State> state;
    private volatile boolean isExhausted;
    private volatile boolean hasServed;
    private long stepBytes;

    /// @param nanoTime nanoseconds from any beginning
    Patience(LongSupplier nanoTime, Supplier<ConnectionLimits> limits) {
        this.nanoTime = nanoTime;
        this.limits = limits;
        long now = nanoTime.getAsLong();
        this.state = new AtomicReference<>(
                new State(Phase.IDLE, now, now, now + limits.get().idleTimeout().toNanos()));
    }

    /// A request's first bytes have come while the connection waited for them; nothing if it does so no more.
    ///
    /// @param idle the state in which it waited
    void beginHead(State idle) {
        long now = nanoTime.getAsLong();
        var _ = state.compareAndSet(idle, new State(Phase.HEAD, now, now, slowEnd(now)));
    }

    void begin(Phase next) {
        long now = nanoTime.getAsLong();
        State before = state.get();
        // Of a request that comes at once nobody sees the head.
        long requestSince = before.phase() == Phase.IDLE ? now : before.requestSinceNanos();
        stepBytes = 0;
        if (next == Phase.WORK) {
            hasServed = true;
        }
        state.set(new State(next, now, requestSince, deadline(next, now, requestSince)));
    }

    private long deadline(Phase phase, long now, long requestSince) {
        return switch (phase) {
            case IDLE -> now + limits.get().idleTimeout().toNanos();
            case BODY -> {
                long requestEnd = requestSince + MAX_REQUEST_TIME.toNanos();
                long stepEnd = slowEnd(now);
                yield stepEnd - requestEnd < 0 ? stepEnd : requestEnd;
            }
            case HEAD, WORK, ANSWER, END -> slowEnd(now);
        };
    }

    private long slowEnd(long now) {
        return now + limits.get().slowTimeout().toNanos();
    }

    /// So many bytes of a body came, or of an answer went.
    void moved(int bytes) {
        stepBytes += bytes;
        if (stepBytes >= STEP_BYTES) {
            stepBytes = 0;
            State now = state.get();
            long end = deadline(now.phase(), nanoTime.getAsLong(), now.requestSinceNanos());
            state.set(new State(now.phase(), now.sinceNanos(), now.requestSinceNanos(), end));
        }
    }

    State state() {
        return state.get();
    }

    /// Whether a request came over the connection before.
    boolean hasServed() {
        return hasServed;
    }

    /// Nothing that comes is read any more. The thread that serves the request has as long again to notice and to say
    /// so: it may have no processor just now.
    void exhaust() {
        isExhausted = true;
        State now = state.get();
        long end = slowEnd(nanoTime.getAsLong());
        // If it has changed, that thread has noticed.
        var _ = state.compareAndSet(now, new State(now.phase(), now.sinceNanos(), now.requestSinceNanos(), end));
    }

    boolean isExhausted() {
        return isExhausted;
    }
}
