package io.sluice.ingester;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.ingester.door.RetryDelays;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.query.QueryGate;
import io.sluice.query.QueryRefusal;
import io.sluice.query.QueryRefusedException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntSupplier;

/// Keeps queries waiting while a start replays the log, until all that an earlier process acknowledged is in the buffer
/// or in files: an answer before that could miss rows without anybody knowing. Any table may have rows in the log's
/// very last entry, so all queries wait for the same moment. It comes before writes are taken.
final class ReplayGate implements QueryGate {
    private enum State {
        REPLAYING,
        OPEN,
        STOPPING
    }

    private final IntSupplier maxWaiting;
    private final RetryDelays delays;
    private final Duration maxWait;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    @GuardedBy("lock")
    private int waiting;

    private volatile State state = State.REPLAYING;

    /// @param maxWaiting how many queries may wait; what is more is refused; asked for each
    /// @param maxWait how long one waits whose client says nothing of it
    /// @param delays when those who are refused may come back
    ReplayGate(IntSupplier maxWaiting, Duration maxWait, RetryDelays delays, MeterRegistry metrics) {
        this.delays = delays;
        this.maxWaiting = maxWaiting;
        this.maxWait = maxWait;
        Gauge.builder("sluice.query.waiting.replay", this::waiting)
                .description("Queries that wait until the log is replayed")
                .register(metrics);
    }

    /// How many queries wait.
    int waiting() {
        lock.lock();
        try {
            return waiting;
        } finally {
            lock.unlock();
        }
    }

    /// The log is replayed: queries begin.
    void open() {
        move(State.OPEN);
    }

    /// The replay will not come to its end: whoever waits is refused. Without effect if it has.
    void stop() {
        move(State.STOPPING);
    }

    private void move(State next) {
        lock.lock();
        try {
            if (state == State.REPLAYING) {
                state = next;
                changed.signalAll();
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void await() throws QueryRefusedException, InterruptedException {
        if (state != State.OPEN) {
            awaitOpen();
        }
    }

    private void awaitOpen() throws QueryRefusedException, InterruptedException {
        lock.lockInterruptibly();
        try {
            int limit = maxWaiting.getAsInt();
            if (waiting >= limit) {
                throw refused(
                        Reason.NOT_READY,
                        "the server is starting: the log is being replayed, and %d queries wait for that, which is the limit (--admission-query-streaming)"
                                .formatted(limit));
            }
            waiting++;
            try {
                long leftNs = maxWait.toNanos();
                while (state == State.REPLAYING && leftNs > 0) {
                    leftNs = changed.awaitNanos(leftNs);
                }
            } finally {
                waiting--;
            }
            switch (state) {
                case OPEN -> {}
                case STOPPING -> throw refused(Reason.GRACEFUL_STOP, "the server is stopping");
                case REPLAYING ->
                    throw refused(
                            Reason.NOT_READY,
                            "the server is starting: the log is being replayed, and was not after %d s"
                                    .formatted(maxWait.toSeconds()));
            }
        } finally {
            lock.unlock();
        }
    }

    private QueryRefusedException refused(Reason reason, String message) {
        return new QueryRefusedException(
                new QueryRefusal(reason.name(), false, message, delays.after(reason), Map.of()));
    }
}
