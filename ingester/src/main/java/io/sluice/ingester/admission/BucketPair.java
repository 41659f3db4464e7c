package io.sluice.ingester.admission;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/// Two counters and their limits. Both counters are halves of one number, so that to move from one to the other is one
/// compare-and-set: nobody ever sees a permit in both, or in neither, and a move that is declined has changed nothing.
/// Any thread may call any method; none waits, but for [#awaitAcquire].
final class BucketPair {
    /// The counter in the high half.
    static final int FIRST = Integer.SIZE;
    /// The counter in the low half.
    static final int SECOND = 0;

    /// Longs before and behind the counters that nobody touches: all processors write the counters' cache line, and
    /// what shares it they would have to fetch again each time. 128 bytes, as processors fetch lines in pairs.
    private static final int PADDING = 16;

    /// How long a thread waits whose compare-and-set came too late, in turns of an idle loop: some microseconds.
    /// If all tried again at once, each would take the cache line away before the one that has it is done: with
    /// two threads, to acquire, swap and release took 1.6 times as long.
    static final int PAUSES = 256;

    /// The counters are at [#PADDING].
    private final AtomicLongArray counts = new AtomicLongArray(2 * PADDING + 1);

    private volatile long limits;

    /// Threads in [#awaitAcquire]; while there are none, nobody takes the lock.
    private final AtomicInteger waiting = new AtomicInteger();

    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private final Condition room = lock.newCondition();

    /// @param first limit of the first counter, at least 0, as the other
    BucketPair(int first, int second) {
        this.limits = pack(first, second);
    }

    private static long pack(int first, int second) {
        if (first < 0 || second < 0) {
            throw new IllegalArgumentException("limits must not be negative: %d, %d".formatted(first, second));
        }
        return one(FIRST) * first + one(SECOND) * second;
    }

    private static long one(int side) {
        return 1L << side;
    }

    private static int half(long packed, int side) {
        return (int) (packed >>> side);
    }

    /// The counters after a moment, for a thread to which another one was first.
    private long seenLater() {
        for (int i = 0; i < PAUSES; i++) {
            Thread.onSpinWait();
        }
        return counts.get(PADDING);
    }

    /// Counts one more; false if that would be above the limit.
    boolean tryAcquire(int side) {
        long now = counts.get(PADDING);
        while (half(now, side) < half(limits, side)) {
            if (counts.compareAndSet(PADDING, now, now + one(side))) {
                return true;
            }
            now = seenLater();
        }
        return false;
    }

    /// Counts one less.
    ///
    /// @throws IllegalStateException if there is none: somebody gave back twice
    void release(int side) {
        long now = counts.get(PADDING);
        while (true) {
            if (counts.compareAndSet(PADDING, now, less(now, side))) {
                wake();
                return;
            }
            now = seenLater();
        }
    }

    private static long less(long packed, int side) {
        // A clamp at 0 would hide that somebody else's permit was given back.
        if (half(packed, side) == 0) {
            throw new IllegalStateException("nothing is counted that could be given back");
        }
        return packed - one(side);
    }

    /// Moves one from a counter to the other; false if that one is at its limit, and then nothing has changed.
    ///
    /// @throws IllegalStateException if there is none to move
    boolean trySwap(int from, int to) {
        long now = counts.get(PADDING);
        while (half(now, to) < half(limits, to)) {
            if (counts.compareAndSet(PADDING, now, less(now, from) + one(to))) {
                wake();
                return true;
            }
            now = seenLater();
        }
        return false;
    }

    /// Counts one more, and waits for room if there is none; false if that took longer than the timeout.
    boolean awaitAcquire(int side, long timeoutNanos) throws InterruptedException {
        if (tryAcquire(side)) {
            return true;
        }
        lock.lockInterruptibly();
        try {
            // Before the counter is looked at again: who makes room behind that look sees that somebody waits.
            waiting.incrementAndGet();
            long leftNanos = timeoutNanos;
            while (!tryAcquire(side)) {
                if (leftNanos <= 0) {
                    return false;
                }
                leftNanos = room.awaitNanos(leftNanos);
            }
            return true;
        } finally {
            waiting.decrementAndGet();
            lock.unlock();
        }
    }

    private void wake() {
        if (waiting.get() == 0) {
            return;
        }
        lock.lock();
        try {
            room.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /// Sets other limits. Who is counted stays so, even above them.
    void limit(int first, int second) {
        limits = pack(first, second);
        wake();
    }

    int count(int side) {
        return half(counts.get(PADDING), side);
    }

    int limit(int side) {
        return half(limits, side);
    }

    /// Threads that wait for room.
    int waiting() {
        return waiting.get();
    }

    /// Both counters at one moment, the first in the high half.
    long packed() {
        return counts.get(PADDING);
    }
}
