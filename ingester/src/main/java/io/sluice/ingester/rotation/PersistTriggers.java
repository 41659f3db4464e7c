package io.sluice.ingester.rotation;

import io.sluice.ingester.admission.IngestState;
import io.sluice.ingester.buffer.BufferTree;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.model.SequenceNumber;
import io.sluice.persist.FreezeReason;
import io.sluice.wal.SegmentStatus;
import io.sluice.wal.Wal;
import io.sluice.wal.WalStatus;
import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What is looked at again and again, off every hot path: partitions whose oldest row is due, memory that runs short,
/// segments of the log that are not needed any more. [#tick] is called by one thread, about ten times a second.
///
/// Memory has two marks: above [#HIGH_MARK] of the limit the largest partitions are frozen until what is not yet
/// frozen is at most half of that; from the limit on, writes are refused until memory is below [#LOW_MARK].
public final class PersistTriggers {
    /// Share of the buffer's limit above which the largest partitions are frozen.
    static final double HIGH_MARK = 0.7;
    /// Share of the buffer's limit below which writes are taken again after it was full.
    static final double LOW_MARK = 0.9;

    /// Share of the log's limit above which what holds its oldest segments is frozen.
    static final double LOG_MARK = 0.75;

    /// How often replay looks at the marks while it fills the buffer once.
    private static final int LOOKS = 64;

    /// Short beside the time in which replay fills a buffer, long beside a look.
    private static final long LOOK_AGAIN_NANOS = 1_000_000;

    private static final Logger LOG = LoggerFactory.getLogger(PersistTriggers.class);

    private final BufferTree buffer;
    private final Wal wal;
    private final IngestState state;
    private volatile Duration maxAge;
    private volatile Duration idle;
    private final long maxBufferBytes;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition room = lock.newCondition();
    /// Bytes held when replay last looked at the marks.
    private volatile long lastLookedAt;

    /// @param maxAge how long a row may wait before its partition is frozen; some partitions wait a little
    ///     less
    /// @param idle how long a partition may be empty before its node is let go
    /// @param maxBufferBytes bytes of rows from which on writes are refused
    public PersistTriggers(
            BufferTree buffer, Wal wal, IngestState state, Duration maxAge, Duration idle, long maxBufferBytes) {
        this.buffer = buffer;
        this.wal = wal;
        this.state = state;
        this.maxAge = maxAge;
        this.idle = idle;
        this.maxBufferBytes = maxBufferBytes;
    }

    /// Other times from now on.
    ///
    /// @param newMaxAge how long a row may wait before its partition is frozen
    /// @param newIdle how long a partition may be empty before its node is let go
    public void reconfigure(Duration newMaxAge, Duration newIdle) {
        maxAge = newMaxAge;
        idle = newIdle;
    }

    /// One look at everything.
    public void tick() {
        freezeOld();
        tidyPartitions();
        checkMemory();
        checkLog();
        dropSegments();
    }

    /// Freezes what holds the log's oldest segments when the log comes near its limit. That it refuses writes when it
    /// is full is the log's own doing.
    public void checkLog() {
        WalStatus status = wal.status();
        long excess = status.bytes() - (long) (LOG_MARK * status.maxBytes());
        if (excess <= 0) {
            return;
        }
        SequenceNumber through = SequenceNumber.NONE;
        for (SegmentStatus segment : wal.segments()) {
            if (excess <= 0) {
                break;
            }
            excess -= segment.sizeBytes();
            through = segment.last();
        }
        int frozen = buffer.freezeHolding(through, FreezeReason.LOG);
        if (frozen > 0) {
            LOG.info(
                    "the log has {} bytes of {}: {} partitions that hold writes up to {} are persisted",
                    status.bytes(),
                    status.maxBytes(),
                    frozen,
                    through);
        }
    }

    /// Freezes the partitions whose oldest row is due.
    public void freezeOld() {
        buffer.freezeDue(maxAge);
    }

    /// Lets go of partitions that have been empty for long, and makes room in namespaces that have nearly as many as
    /// they may.
    public void tidyPartitions() {
        buffer.evictIdle(idle);
        int frozen = buffer.relieveCrowded();
        if (frozen > 0) {
            LOG.info("a namespace has nearly as many partitions as it may: the {} oldest are persisted", frozen);
        }
    }

    /// Lets the log delete the segments whose writes are all in files.
    public void dropSegments() {
        wal.deleteBelow(buffer.lowWatermark());
    }

    /// Freezes and refuses by how much memory the rows hold. Any thread may call.
    public void checkMemory() {
        long held = buffer.memoryBytes();
        freezeAbove(held);
        if (held >= maxBufferBytes) {
            if (state.set(Reason.MEMORY_LIMIT)) {
                LOG.warn(
                        "the buffer holds {} bytes of {}: writes are refused until persist makes room",
                        held,
                        maxBufferBytes);
            }
        } else if (held < LOW_MARK * maxBufferBytes) {
            if (state.clear(Reason.MEMORY_LIMIT)) {
                LOG.info("the buffer holds {} bytes of {}: writes are taken again", held, maxBufferBytes);
            }
            lock.lock();
            try {
                room.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }

    private void freezeAbove(long held) {
        if (held > HIGH_MARK * maxBufferBytes) {
            long filling = held - buffer.statistics().frozenBytes();
            long excess = filling - (long) (HIGH_MARK / 2 * maxBufferBytes);
            if (excess > 0) {
                buffer.freezeLargest(excess, FreezeReason.MEMORY);
            }
        }
    }

    /// Waits until the buffer is not full; for replay, which cannot refuse. Freezes as [#checkMemory] does: a replay
    /// fills the buffer several times between two ticks.
    public void awaitRoom() throws InterruptedException {
        long held = buffer.memoryBytes();
        if (Math.abs(held - lastLookedAt) > maxBufferBytes / LOOKS || held >= maxBufferBytes) {
            lastLookedAt = held;
            freezeAbove(held);
        }
        if (held < maxBufferBytes) {
            return;
        }
        lock.lock();
        try {
            while (buffer.memoryBytes() >= LOW_MARK * maxBufferBytes) {
                // Persist lets go of rows on threads of its own, which know nothing of who waits here.
                var _ = room.awaitNanos(LOOK_AGAIN_NANOS);
            }
        } finally {
            lock.unlock();
        }
    }
}
