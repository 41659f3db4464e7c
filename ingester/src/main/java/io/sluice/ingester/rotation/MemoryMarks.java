package io.sluice.ingester.rotation;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.sluice.ingester.admission.IngestState;
import io.sluice.ingester.buffer.BufferTree;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.ledger.Ledger;
import io.sluice.ingester.ledger.Mark;
import io.sluice.ingester.write.InFlightWrites;
import io.sluice.persist.FreezeReason;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What follows when the ledger reaches its marks: partitions are frozen, streams slowed down, writes refused, and
/// replay waits. [#tick] is called about ten times a second by one thread; [#check] by any thread, also each time that
/// writes have brought another [#LOOKS]th of the limit.
///
/// - From [Mark#PERSIST] on, the largest partitions are frozen until what is not frozen takes at most half of that
///   share of the room that rows have; from [Mark#PRESS] on, until it takes a sixth of it.
/// - While memory presses, writes of streams are let in by bytes at each tick, fewer the fuller it is: so that their
///   clients feel HTTP/2's flow control instead of an error, and are not starved by those who do not wait.
/// - At [Mark#FULL] writes are refused with `MEMORY_LIMIT`.
public final class MemoryMarks {
    /// How often the marks are looked at while what is held goes from nothing to the limit.
    public static final int LOOKS = 64;

    /// What may be filling when memory presses, as a share of the room that rows have.
    private static final double PRESSED_FILLING = 0.15;
    /// At each tick streams have this part of the in-flight budget when memory begins to press, and nothing when it is
    /// full.
    private static final int STREAM_SHARE = 8;
    /// Short beside the time in which replay fills a buffer, long beside a look.
    private static final long LOOK_AGAIN_NANOS = 1_000_000;

    private static final Logger LOG = LoggerFactory.getLogger(MemoryMarks.class);

    private final Ledger ledger;
    private final BufferTree buffer;
    private final IngestState state;
    private final InFlightWrites inFlight;

    /// Held while partitions are frozen, which calls nobody who waits.
    private final ReentrantLock looking = new ReentrantLock();

    @GuardedBy("looking")
    private Mark last = Mark.CALM;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition room = lock.newCondition();
    /// Bytes held when replay last looked at the marks.
    private volatile long lastLookedAt;

    public MemoryMarks(Ledger ledger, BufferTree buffer, IngestState state, InFlightWrites inFlight) {
        this.ledger = ledger;
        this.buffer = buffer;
        this.state = state;
        this.inFlight = inFlight;
    }

    /// Whether memory presses, so that rows should go sooner.
    public boolean isPressing() {
        return ledger.mark().isAtLeast(Mark.PRESS);
    }

    /// A look, and what streams may write until the next.
    public void tick() {
        check();
        if (isPressing()) {
            double left = Math.max(0, (Ledger.FULL_SHARE - ledger.share()) / (Ledger.FULL_SHARE - Ledger.PRESS_SHARE));
            inFlight.letHeldIn((long) (Math.min(1, left) * inFlight.limitBytes() / STREAM_SHARE));
        }
    }

    /// One look, unless somebody is at it.
    public void check() {
        if (!looking.tryLock()) {
            return;
        }
        try {
            Mark now = ledger.observe();
            freeze(now);
            follow(now);
        } finally {
            looking.unlock();
        }
    }

    private void freeze(Mark now) {
        if (now == Mark.CALM) {
            return;
        }
        double share = now.isAtLeast(Mark.PRESS) ? PRESSED_FILLING : Ledger.PERSIST_SHARE / 2;
        long filling = buffer.memoryBytes() - buffer.frozenBytes();
        long excess = filling - (long) (share * ledger.rowsRoomBytes());
        if (excess > 0) {
            buffer.freezeLargest(excess, FreezeReason.MEMORY);
        }
    }

    @GuardedBy("looking")
    private void follow(Mark now) {
        if (now == Mark.FULL) {
            boolean _ = state.set(
                    Reason.MEMORY_LIMIT,
                    () -> "until persist makes room: " + ledger.stats().inWords());
        } else {
            boolean _ = state.clear(Reason.MEMORY_LIMIT);
            tellRoom();
        }
        if (now.isAtLeast(Mark.PRESS)) {
            inFlight.slowStreams();
        } else if (last.isAtLeast(Mark.PRESS)) {
            inFlight.letStreamsGo();
        }
        if (now != last) {
            LOG.debug("memory reached mark {} from {}", now, last);
            last = now;
        }
    }

    private void tellRoom() {
        lock.lock();
        try {
            room.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /// Waits until memory is not full; for replay, which cannot refuse. Freezes as [#check] does: a replay fills the
    /// buffer several times between two ticks.
    public void awaitRoom() throws InterruptedException {
        long held = ledger.rowsBytes();
        long limit = ledger.limits().rowsBytes();
        if (Math.abs(held - lastLookedAt) > limit / LOOKS || held >= limit || ledger.mark() == Mark.FULL) {
            lastLookedAt = held;
            check();
        }
        if (ledger.mark() != Mark.FULL) {
            return;
        }
        lock.lock();
        try {
            while (ledger.observe() == Mark.FULL) {
                // Persist lets go of rows on threads of its own, which know nothing of who waits here.
                var _ = room.awaitNanos(LOOK_AGAIN_NANOS);
            }
        } finally {
            lock.unlock();
        }
    }
}
