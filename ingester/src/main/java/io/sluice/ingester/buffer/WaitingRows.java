package io.sluice.ingester.buffer;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.sluice.ingester.door.ShapedRows;
import io.sluice.model.SequenceNumber;
import io.sluice.rows.TimeRange;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/// Rows of small writes that are applied and lie in their requests still, in the order of their numbers. The thread
/// that applies writes only adds them, which takes the same moment whatever they have; whoever needs them, or has the
/// time, copies them into the open chunk. Any thread may call; the lock is held for a moment only.
final class WaitingRows {
    /// Fewer rows are copied in the time that it takes to have them wait.
    private static final int MIN_ROWS = 32;
    /// From here on the thread that applies writes copies them itself: nobody had the time.
    private static final long MAX_BYTES = 8L << 20;

    private static final int MAX_WRITES = 1_024;
    /// Worth somebody's time.
    private static final long MANY_BYTES = 64L << 10;

    private final WaitingBytes ofAll;
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private final Deque<Waiting> waiting = new ArrayDeque<>();

    /// Changed under the lock.
    private volatile long lengthBytes;

    /// @param ofAll what all partitions have waiting
    WaitingRows(WaitingBytes ofAll) {
        this.ofAll = ofAll;
    }

    /// One write's rows.
    ///
    /// @param appliedNs when they were applied, by the nano clock
    record Waiting(SequenceNumber sequence, ShapedRows rows, long appliedNs) {
        /// Of the request, in which the rows lie.
        long lengthBytes() {
            return rows.requestBytes();
        }
    }

    /// Takes rows over; false if the caller is to copy them itself, behind all that wait.
    ///
    /// @param added of a write with a higher number than all before
    boolean tryAdd(Waiting added) {
        lock.lock();
        try {
            boolean isFull = lengthBytes >= MAX_BYTES || waiting.size() >= MAX_WRITES;
            if (isFull || (waiting.isEmpty() && added.rows().rowCount() < MIN_ROWS)) {
                return false;
            }
            if (!ofAll.tryTake(added.lengthBytes())) {
                return false;
            }
            waiting.addLast(added);
            setLengthBytes(lengthBytes + added.lengthBytes());
            return true;
        } finally {
            lock.unlock();
        }
    }

    @GuardedBy("lock")
    private void setLengthBytes(long bytes) {
        lengthBytes = bytes;
    }

    /// Those that wait longest; they go on waiting.
    Optional<Waiting> first() {
        lock.lock();
        try {
            return Optional.ofNullable(waiting.peekFirst());
        } finally {
            lock.unlock();
        }
    }

    /// Takes out those that wait longest, which are in another place now.
    void removeFirst() {
        lock.lock();
        try {
            long removedBytes = waiting.removeFirst().lengthBytes();
            setLengthBytes(lengthBytes - removedBytes);
            ofAll.giveBack(removedBytes);
        } finally {
            lock.unlock();
        }
    }

    /// Whether there may be a row of some times.
    boolean mayHave(TimeRange times) {
        lock.lock();
        try {
            for (Waiting one : waiting) {
                if (times.overlaps(one.rows().minTimeNs(), one.rows().maxTimeNs())) {
                    return true;
                }
            }
            return false;
        } finally {
            lock.unlock();
        }
    }

    /// How many writes wait.
    int writes() {
        lock.lock();
        try {
            return waiting.size();
        } finally {
            lock.unlock();
        }
    }

    long rows() {
        lock.lock();
        try {
            long rows = 0;
            for (Waiting one : waiting) {
                rows += one.rows().rowCount();
            }
            return rows;
        } finally {
            lock.unlock();
        }
    }

    boolean areMany() {
        return lengthBytes >= MANY_BYTES;
    }

    /// Of their requests, which they keep; each counts in full, whatever else lies in it.
    long lengthBytes() {
        return lengthBytes;
    }

    /// Lets go of all; returns how many bytes that were.
    long clear() {
        lock.lock();
        try {
            long cleared = lengthBytes;
            waiting.clear();
            lengthBytes = 0;
            ofAll.giveBack(cleared);
            return cleared;
        } finally {
            lock.unlock();
        }
    }
}
