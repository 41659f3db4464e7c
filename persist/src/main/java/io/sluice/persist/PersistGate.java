package io.sluice.persist;

import com.google.errorprone.annotations.CheckReturnValue;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.Comparator;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/// Bounds how many persist jobs are in the part that needs memory (sort, merge, encode, upload), by slots and by
/// bytes.
///
/// Who comes first is served first. A job draws a [Ticket] once and keeps its place however often it has to ask
/// again. A job larger than the whole byte budget is admitted when nobody else is inside. A ticket with bypass needs
/// no slot, waits for bytes only, and goes before those without; its slot is counted all the same.
///
/// Every change (arrival, release, timeout, interrupt) grants whatever now fits at the head, so one who gives up
/// waiting never holds up another. Any thread may call any method; one private lock, held for a few steps only.
@CheckReturnValue
final class PersistGate {
    private final int slots;
    private final long budgetBytes;
    private final LongSupplier nanoTime;

    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private final TreeSet<Ticket> waiting = new TreeSet<>(ORDER);

    @GuardedBy("lock")
    private long nextSeniority;

    @GuardedBy("lock")
    private int active;

    @GuardedBy("lock")
    private long usedBytes;

    private static final Comparator<Ticket> ORDER =
            Comparator.comparing((Ticket ticket) -> !ticket.bypass).thenComparingLong(ticket -> ticket.seniority);

    /// @param slots how many jobs may be inside at once
    /// @param budgetBytes how many bytes the jobs inside may take together
    PersistGate(int slots, long budgetBytes, LongSupplier nanoTime) {
        if (slots < 1 || budgetBytes < 1) {
            throw new IllegalArgumentException("gate of %d slots and %d bytes".formatted(slots, budgetBytes));
        }
        this.slots = slots;
        this.budgetBytes = budgetBytes;
        this.nanoTime = nanoTime;
    }

    /// A place in the order of arrival, for one job.
    ///
    /// @param bytes what the job is going to take; not negative
    /// @param bypass whether it needs no slot: the process stops, or somebody waits for this very job
    Ticket ticket(long bytes, boolean bypass) {
        if (bytes < 0) {
            throw new IllegalArgumentException("ticket of %d bytes".formatted(bytes));
        }
        lock.lock();
        try {
            return new Ticket(bytes, bypass, nextSeniority++);
        } finally {
            lock.unlock();
        }
    }

    /// Waits for its turn, at most `timeout`. After a timeout the ticket may be tried again and has its old place.
    ///
    /// @return the permit, to be closed; empty if the time was up
    /// @throws IllegalStateException if the ticket waits already
    /// @throws InterruptedException if interrupted while waiting; a grant that came first is returned
    ///     instead, and the thread stays interrupted
    Optional<Permit> tryAcquire(Ticket ticket, Duration timeout) throws InterruptedException {
        lock.lock();
        try {
            if (!waiting.add(ticket)) {
                throw new IllegalStateException("ticket %d waits already".formatted(ticket.seniority));
            }
            boolean isInside = false;
            try {
                ticket.arrive(nanoTime.getAsLong());
                grantHeads();
                Optional<Permit> permit = awaitGrant(ticket, timeout);
                isInside = permit.isPresent();
                return permit;
            } finally {
                // Granted or not: whoever leaves the queue, for whatever reason, lets the next ones move up.
                waiting.remove(ticket);
                if (ticket.granted && !isInside) {
                    active--;
                    usedBytes -= ticket.bytes;
                }
                ticket.granted = false;
                grantHeads();
            }
        } finally {
            lock.unlock();
        }
    }

    /// What the gate holds at this moment.
    Stats stats() {
        lock.lock();
        try {
            long now = nanoTime.getAsLong();
            long oldest = 0;
            for (Ticket ticket : waiting) {
                oldest = Math.max(oldest, now - ticket.waitingSinceNanos);
            }
            return new Stats(active, usedBytes, waiting.size(), Duration.ofNanos(oldest));
        } finally {
            lock.unlock();
        }
    }

    @GuardedBy("lock")
    private Optional<Permit> awaitGrant(Ticket ticket, Duration timeout) throws InterruptedException {
        long remainingNanos = saturatedNanos(timeout);
        while (!ticket.granted) {
            if (remainingNanos <= 0) {
                return Optional.empty();
            }
            try {
                remainingNanos = ticket.turn.awaitNanos(remainingNanos);
            } catch (InterruptedException e) {
                if (!ticket.granted) {
                    throw e;
                }
                Thread.currentThread().interrupt();
            }
        }
        ticket.isWaitingAnew = true;
        return Optional.of(new Permit(ticket.bytes));
    }

    @GuardedBy("lock")
    private void grantHeads() {
        while (!waiting.isEmpty() && fits(waiting.first())) {
            Ticket head = waiting.removeFirst();
            head.granted = true;
            active++;
            usedBytes += head.bytes;
            head.turn.signal();
        }
    }

    @GuardedBy("lock")
    private boolean fits(Ticket ticket) {
        if (active == 0) {
            return true;
        }
        return (ticket.bypass || active < slots) && budgetBytes - usedBytes >= ticket.bytes;
    }

    private void release(long bytes) {
        lock.lock();
        try {
            active--;
            usedBytes -= bytes;
            grantHeads();
        } finally {
            lock.unlock();
        }
    }

    static long saturatedNanos(Duration duration) {
        try {
            return duration.toNanos();
        } catch (ArithmeticException e) {
            return duration.isNegative() ? Long.MIN_VALUE : Long.MAX_VALUE;
        }
    }

    /// A job's place in the order of arrival. Used by one thread at a time; what changes in it is guarded by the
    /// gate's lock.
    final class Ticket {
        private final long bytes;
        private final boolean bypass;
        private final long seniority;
        private final Condition turn = lock.newCondition();

        private boolean granted;
        private boolean isWaitingAnew = true;
        private long waitingSinceNanos;

        private Ticket(long bytes, boolean bypass, long seniority) {
            this.bytes = bytes;
            this.bypass = bypass;
            this.seniority = seniority;
        }

        // A wait goes on through timeouts, until it is granted.
        private void arrive(long nowNanos) {
            if (isWaitingAnew) {
                isWaitingAnew = false;
                waitingSinceNanos = nowNanos;
            }
        }
    }

    /// The right to be inside. Closing it twice is fine.
    final class Permit implements AutoCloseable {
        private final long bytes;
        private final AtomicBoolean isOpen = new AtomicBoolean(true);

        private Permit(long bytes) {
            this.bytes = bytes;
        }

        @Override
        public void close() {
            if (isOpen.compareAndSet(true, false)) {
                release(bytes);
            }
        }
    }

    /// @param active jobs inside, those with bypass included
    /// @param usedBytes what they take together
    /// @param waiting jobs that wait
    /// @param oldestWait how long the longest of them has waited; zero if none waits
    record Stats(int active, long usedBytes, int waiting, Duration oldestWait) {}
}
