package io.sluice.ingester.http;

import io.sluice.ingester.door.ByteBudget;
import io.sluice.ingester.door.FixedByteBudget;
import java.util.Optional;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongPredicate;

/// A budget that remembers the most that was ever used, and on which a test can wait.
final class ObservedBudget implements ByteBudget {
    private final FixedByteBudget budget;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private long peakBytes;

    ObservedBudget(long limitBytes) {
        this.budget = new FixedByteBudget(limitBytes, "--inflight-bytes");
    }

    @Override
    public Optional<Reservation> tryReserve(long bytes) {
        Optional<Reservation> reserved = budget.tryReserve(bytes);
        note();
        return reserved.map(reservation -> () -> {
            reservation.close();
            note();
        });
    }

    private void note() {
        lock.lock();
        try {
            peakBytes = Math.max(peakBytes, budget.usedBytes());
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public String describeLimit() {
        return budget.describeLimit();
    }

    long usedBytes() {
        return budget.usedBytes();
    }

    long peakBytes() {
        lock.lock();
        try {
            return peakBytes;
        } finally {
            lock.unlock();
        }
    }

    /// Waits until so many bytes are used as `wanted` says.
    void awaitUsed(LongPredicate wanted) throws InterruptedException {
        lock.lock();
        try {
            while (!wanted.test(budget.usedBytes())) {
                changed.await();
            }
        } finally {
            lock.unlock();
        }
    }
}
