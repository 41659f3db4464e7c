package io.sluice.ingester.admission;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.sluice.ingester.door.WriteOutcome.Quota;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/// The costly work on writes before the log: so many at once as there are processors, the others wait, first come,
/// first served. Whoever would wait for too long, by what the bytes before took, is to be refused: to take more than
/// can be done makes all of it late. While something urgent is done elsewhere, such as a query before its first batch,
/// one fewer work, so that it finds a processor.
///
/// Any thread may call any method; to wait is meant for virtual ones.
public final class WorkQueue {
    /// What a turn that is so many turns ago still counts, beside the last one, is less than half.
    private static final double KEPT_PER_TURN = 0.98;

    private final int width;
    private final int alwaysWaiting;
    private final Semaphore slots;
    private final LongSupplier nanoTime;
    private final AtomicLong waitingBytes = new AtomicLong();
    private final AtomicReference<Pace> pace = new AtomicReference<>(new Pace(0, 0));
    private final Timer waits;
    private final Counter refusals;
    private volatile long maxWaitNanos;
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private int urgent;

    /// Whether a slot is left to whatever is urgent. Changed under the lock.
    private volatile boolean isLeft;

    /// What work took lately; older turns count less.
    private record Pace(double nanos, double bytes) {
        Pace after(long turnNanos, long turnBytes) {
            return new Pace(KEPT_PER_TURN * nanos + turnNanos, KEPT_PER_TURN * bytes + turnBytes);
        }

        double nanosFor(long lengthBytes) {
            return bytes == 0 ? 0 : lengthBytes * (nanos / bytes);
        }
    }

    /// @param width how many work at once
    /// @param alwaysWaiting how many may wait whatever is expected: a few are no overload, though a server
    ///     that has just begun is slow
    /// @param maxWait that is expected of whoever is let in
    public WorkQueue(int width, int alwaysWaiting, Duration maxWait, LongSupplier nanoTime, MeterRegistry metrics) {
        this.width = width;
        this.alwaysWaiting = alwaysWaiting;
        this.slots = new Semaphore(width, true);
        this.nanoTime = nanoTime;
        this.maxWaitNanos = maxWait.toNanos();
        this.waits = Timer.builder("sluice.work.wait")
                .description("How long bodies of line protocol waited for a processor")
                .publishPercentileHistogram()
                .register(metrics);
        this.refusals = Counter.builder("sluice.work.refusals")
                .description("Bodies of line protocol that would have waited too long for a processor")
                .register(metrics);
        Gauge.builder("sluice.work.waiting.bytes", waitingBytes, AtomicLong::get)
                .description("Bytes of line protocol that wait for a processor")
                .baseUnit("bytes")
                .register(metrics);
    }

    /// The longest wait is another from now on.
    public void reconfigure(Duration maxWait) {
        maxWaitNanos = maxWait.toNanos();
    }

    /// How many stand in line, in the order in which they will be served.
    int waiting() {
        return slots.getQueueLength();
    }

    /// How many could begin at once.
    public int free() {
        return slots.availablePermits();
    }

    /// How long a newcomer is expected to wait, by what the bytes before took; zero if nobody waits.
    Duration expectedWait() {
        int working = isLeft ? width - 1 : width;
        return Duration.ofNanos((long) (pace.get().nanosFor(waitingBytes.get()) / working));
    }

    /// Why a newcomer is not to be let in: the wait, in ms; empty if he may be.
    Optional<Quota> tooLong() {
        Duration expected = expectedWait();
        long maxNanos = maxWaitNanos;
        if (expected.toNanos() <= maxNanos || waiting() < alwaysWaiting) {
            return Optional.empty();
        }
        refusals.increment();
        return Optional.of(new Quota("WORK", "WAIT_MS", TimeUnit.NANOSECONDS.toMillis(maxNanos), expected.toMillis()));
    }

    /// Something urgent is done elsewhere until what is returned is closed: from the next turn's end on, one fewer
    /// work here, if more than one may. However much is urgent, the others go on.
    public Urgent leaveRoom() {
        lock.lock();
        try {
            urgent++;
            isLeft = isLeft || (width > 1 && slots.tryAcquire());
        } finally {
            lock.unlock();
        }
        return new Urgent();
    }

    private void giveBack() {
        if (!tryLeave()) {
            slots.release();
        }
    }

    private boolean tryLeave() {
        lock.lock();
        try {
            boolean leaves = urgent > 0 && !isLeft && width > 1;
            isLeft = isLeft || leaves;
            return leaves;
        } finally {
            lock.unlock();
        }
    }

    /// Something urgent, until it is closed. Any thread may do that, more than once.
    public final class Urgent implements AutoCloseable {
        private final AtomicBoolean isOver = new AtomicBoolean();

        private Urgent() {}

        @Override
        public void close() {
            if (isOver.compareAndSet(false, true) && isLastAndLeft()) {
                slots.release();
            }
        }

        private boolean isLastAndLeft() {
            lock.lock();
            try {
                urgent--;
                boolean wasLeft = urgent == 0 && isLeft;
                isLeft = isLeft && !wasLeft;
                return wasLeft;
            } finally {
                lock.unlock();
            }
        }
    }

    /// Waits for a processor, however long. The caller closes the turn when the work is done.
    ///
    /// @param lengthBytes that are worked on
    /// @throws InterruptedException if the thread was told to stop waiting
    Turn await(long lengthBytes) throws InterruptedException {
        long startNs = nanoTime.getAsLong();
        waitingBytes.addAndGet(lengthBytes);
        try {
            slots.acquire();
        } finally {
            waitingBytes.addAndGet(-lengthBytes);
        }
        return new Turn(lengthBytes, recordWait(startNs));
    }

    private long recordWait(long startNs) {
        long nowNs = nanoTime.getAsLong();
        waits.record(nowNs - startNs, TimeUnit.NANOSECONDS);
        return nowNs;
    }

    /// Work under way. For one thread; closed once.
    public final class Turn implements AutoCloseable {
        private final long lengthBytes;
        private long begunNs;
        private long workedNanos;
        private boolean isWorking = true;
        private boolean isOver;

        private Turn(long lengthBytes, long begunNs) {
            this.lengthBytes = lengthBytes;
            this.begunNs = begunNs;
        }

        /// Lets the next one work while this one waits for something else. Does nothing if it does so already.
        public void pause() {
            if (isWorking) {
                isWorking = false;
                workedNanos += nanoTime.getAsLong() - begunNs;
                giveBack();
            }
        }

        /// Waits for a processor again after [#pause], however long and even if interrupted. Does nothing else.
        public void resume() {
            if (isOver || isWorking) {
                return;
            }
            long startNs = nanoTime.getAsLong();
            waitingBytes.addAndGet(lengthBytes);
            slots.acquireUninterruptibly();
            waitingBytes.addAndGet(-lengthBytes);
            begunNs = recordWait(startNs);
            isWorking = true;
        }

        /// The work is done; the next one may begin. Does nothing the second time.
        @Override
        public void close() {
            if (!isOver) {
                pause();
                isOver = true;
                pace.updateAndGet(last -> last.after(workedNanos, lengthBytes));
            }
        }
    }
}
