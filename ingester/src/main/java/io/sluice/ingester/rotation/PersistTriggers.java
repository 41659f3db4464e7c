package io.sluice.ingester.rotation;

import io.sluice.ingester.buffer.BufferTree;
import io.sluice.model.SequenceNumber;
import io.sluice.persist.FreezeReason;
import io.sluice.wal.SegmentStatus;
import io.sluice.wal.Wal;
import io.sluice.wal.WalStatus;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What is looked at again and again, off every hot path: partitions whose oldest row is due, memory that runs short,
/// segments of the log that are not needed any more. [#tick] is called by one thread, about ten times a second.
public final class PersistTriggers {
    /// Share of the log's limit above which what holds its oldest segments is frozen.
    static final double LOG_MARK = 0.75;

    /// While memory presses, rows are due at this part of their age.
    private static final int PRESSED_AGE = 2;

    private static final Logger LOG = LoggerFactory.getLogger(PersistTriggers.class);

    private final BufferTree buffer;
    private final Wal wal;
    private final MemoryMarks memory;
    private final BooleanSupplier isDiskFull;
    private volatile Duration maxAge;
    private volatile Duration idle;

    /// @param memory what follows when memory runs short
    /// @param isDiskFull whether the log's disk is, so that the log should shrink
    /// @param maxAge how long a row may wait before its partition is frozen; some partitions wait a little
    ///     less
    /// @param idle how long a partition may be empty before its node is let go
    public PersistTriggers(
            BufferTree buffer,
            Wal wal,
            MemoryMarks memory,
            BooleanSupplier isDiskFull,
            Duration maxAge,
            Duration idle) {
        this.buffer = buffer;
        this.wal = wal;
        this.memory = memory;
        this.isDiskFull = isDiskFull;
        this.maxAge = maxAge;
        this.idle = idle;
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
        memory.tick();
        freezeOld();
        tidyPartitions();
        checkLog();
        dropSegments();
    }

    /// Freezes what holds the log's oldest segments when the log comes near its limit, and all of it when its
    /// disk is nearly full. That the log refuses writes when it is full is its own doing.
    public void checkLog() {
        WalStatus status = wal.status();
        boolean isFull = isDiskFull.getAsBoolean();
        long excess = isFull ? Long.MAX_VALUE : status.bytes() - (long) (LOG_MARK * status.maxBytes());
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
                    "the log has {} bytes of {}{}: {} partitions that hold writes up to {} are persisted",
                    status.bytes(),
                    status.maxBytes(),
                    isFull ? ", and its disk is nearly full" : "",
                    frozen,
                    through);
        }
    }

    /// Freezes the partitions whose oldest row is due: at half the age while memory presses.
    public void freezeOld() {
        buffer.freezeDue(memory.isPressing() ? maxAge.dividedBy(PRESSED_AGE) : maxAge);
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
}
