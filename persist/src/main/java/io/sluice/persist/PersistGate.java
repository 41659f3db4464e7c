package io.sluice.persist;

import com.google.errorprone.annotations.CheckReturnValue;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/// Bounds how many persist jobs are in the part that needs memory (sort, merge, encode, upload), by slots and by
/// bytes.
///
/// Who comes first is served first. A job draws a [Ticket] once and keeps its place however often it has to ask
/// again. A job larger than the whole byte budget is admitted when nobody else is inside. [Precedence] tells who
/// goes before others, and who needs no slot; those wait for bytes only, and their slots are counted all the same.
///
/// Every change (arrival, release, departure, other limits) grants whatever now fits at the head, so one who gives
/// up waiting, at whatever place and for whatever reason, never holds up another. Limits that shrink take nothing
/// back from those inside.
///
/// Any thread may call any method; one private lock, held for a few steps only, under which nothing foreign is
/// called but the clock.
@CheckReturnValue
public final class PersistGate {
    /// Whose turn it is among those who wait. Within one, who drew a ticket first.
    public enum Precedence {
        /// The process stops: first, and without a slot.
        SHUTDOWN(0),
        /// Somebody waits for this very job: first, and without a slot.
        RPC(0),
        /// It lets the log shrink, which is about to be full: before those in turn, with a slot.
        URGENT(1),
        /// By first arrival, with a slot.
        IN_TURN(2);

        private final int rank;

        Precedence(int rank) {
            this.rank = rank;
        }

        private boolean isBypass() {
            return rank == 0;
        }
    }

    /// Why somebody waits no longer.
    public enum Departure {
        /// The timeout is over; as a rule it asks again.
        TIMED_OUT,
        /// The thread was interrupted, or waiting failed.
        INTERRUPTED
    }

    /// How a job inside has ended.
    public enum Outcome {
        /// Its duration counts for later timeouts.
        SUCCEEDED,
        /// It tells nothing of how long jobs take.
        FAILED
    }

    private static final Comparator<Ticket> ORDER = Comparator.comparingInt((Ticket ticket) -> ticket.precedence.rank)
            .thenComparingLong(ticket -> ticket.seniority);

    private final LongSupplier nanoTime;
    private final GateMeters meters;

    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private final TreeMap<Ticket, Waiting> waiting = new TreeMap<>(ORDER);

    @GuardedBy("lock")
    private final RecentDurations recent = new RecentDurations();

    @GuardedBy("lock")
    private PersistGateSettings settings;

    @GuardedBy("lock")
    private boolean isDraining;

    @GuardedBy("lock")
    private long nextSeniority;

    @GuardedBy("lock")
    private int active;

    @GuardedBy("lock")
    private long usedBytes;

    @GuardedBy("lock")
    private long grants;

    @GuardedBy("lock")
    private long timeouts;

    @GuardedBy("lock")
    private long bypassedForShutdown;

    @GuardedBy("lock")
    private long bypassedForRpc;

    /// @param nanoTime monotonic time, nanoseconds
    public PersistGate(PersistGateSettings settings, LongSupplier nanoTime, MeterRegistry registry) {
        this.settings = settings;
        this.nanoTime = nanoTime;
        this.meters = new GateMeters(registry);
    }

    /// A place in the order of arrival, for one job.
    ///
    /// @param bytes what the job is going to take; not negative
    public Ticket ticket(long bytes, Precedence precedence) {
        if (bytes < 0) {
            throw new IllegalArgumentException("ticket of %d bytes".formatted(bytes));
        }
        lock.lock();
        try {
            return new Ticket(bytes, precedence, nextSeniority++);
        } finally {
            lock.unlock();
        }
    }

    /// Takes the ticket's place in the queue, without blocking. Who enters sees to its timeout itself, and calls
    /// [Waiting#leave] then; it may enter again with the same ticket, and has its old place.
    ///
    /// @throws IllegalStateException if the ticket waits already
    public Waiting enter(Ticket ticket) {
        List<Waiting> granted;
        Waiting entered;
        lock.lock();
        try {
            long now = nanoTime.getAsLong();
            int ahead = waiting.headMap(ticket).size();
            entered = new Waiting(ticket, now, settings.timeout().after(recent.medianNanos(), ahead, settings.slots()));
            if (waiting.putIfAbsent(ticket, entered) != null) {
                throw new IllegalStateException("ticket %d waits already".formatted(ticket.seniority));
            }
            ticket.arrive(now);
            granted = grantHeads(now);
        } finally {
            lock.unlock();
        }
        tell(granted);
        return entered;
    }

    /// Waits for its turn, at most as long as the gate thinks it worth: see [GateTimeout]. After a timeout the ticket
    /// may be tried again and has its old place.
    ///
    /// @return the permit, to be closed; empty if the time was up
    /// @throws IllegalStateException if the ticket waits already
    /// @throws InterruptedException if interrupted while waiting; a grant that came first is returned
    ///     instead, and the thread stays interrupted
    public Optional<Permit> tryAcquire(Ticket ticket) throws InterruptedException {
        Waiting place = enter(ticket);
        try {
            return Optional.of(place.granted.get(place.timeout.toNanos(), TimeUnit.NANOSECONDS));
        } catch (TimeoutException e) {
            return place.leave(Departure.TIMED_OUT);
        } catch (InterruptedException e) {
            Optional<Permit> permit = place.leave(Departure.INTERRUPTED);
            if (permit.isEmpty()) {
                throw e;
            }
            Thread.currentThread().interrupt();
            return permit;
        } catch (ExecutionException | RuntimeException | Error e) {
            place.leave(Departure.INTERRUPTED).ifPresent(Permit::close);
            throw new IllegalStateException("waiting at the gate failed", e);
        }
    }

    /// Other limits, from now on.
    public void reconfigure(PersistGateSettings newSettings) {
        List<Waiting> granted;
        lock.lock();
        try {
            settings = newSettings;
            granted = grantHeads(nanoTime.getAsLong());
        } finally {
            lock.unlock();
        }
        tell(granted);
    }

    /// The process stops: nobody needs a slot any more, those who wait already included. Bytes still count.
    public void drain() {
        List<Waiting> granted;
        lock.lock();
        try {
            isDraining = true;
            granted = grantHeads(nanoTime.getAsLong());
        } finally {
            lock.unlock();
        }
        tell(granted);
    }

    /// What the gate holds at this moment, and what it has done.
    public Stats stats() {
        lock.lock();
        try {
            long now = nanoTime.getAsLong();
            long oldest = 0;
            for (Ticket ticket : waiting.keySet()) {
                oldest = Math.max(oldest, now - ticket.waitingSinceNanos);
            }
            return new Stats(
                    active,
                    settings.slots(),
                    usedBytes,
                    settings.memoryBytes(),
                    waiting.size(),
                    Duration.ofNanos(oldest),
                    grants,
                    timeouts,
                    bypassedForShutdown,
                    bypassedForRpc);
        } finally {
            lock.unlock();
        }
    }

    @GuardedBy("lock")
    private List<Waiting> grantHeads(long now) {
        if (waiting.isEmpty() || !fits(waiting.firstKey())) {
            return List.of();
        }
        List<Waiting> granted = new ArrayList<>();
        while (!waiting.isEmpty() && fits(waiting.firstKey())) {
            Waiting head = waiting.firstEntry().getValue();
            granted.add(head);
            waiting.remove(head.ticket);
            grant(head, now);
        }
        return granted;
    }

    @GuardedBy("lock")
    private void grant(Waiting head, long now) {
        head.isGranted = true;
        head.permit.sinceNanos = now;
        head.waitedNanos = now - head.ticket.waitingSinceNanos;
        head.ticket.isWaitingAnew = true;
        active++;
        usedBytes += head.ticket.bytes;
        grants++;
        if (head.ticket.precedence == Precedence.RPC) {
            bypassedForRpc++;
        } else if (isExempt(head.ticket)) {
            bypassedForShutdown++;
        }
    }

    @GuardedBy("lock")
    private boolean fits(Ticket ticket) {
        if (active == 0) {
            return true;
        }
        return (isExempt(ticket) || active < settings.slots()) && settings.memoryBytes() - usedBytes >= ticket.bytes;
    }

    @GuardedBy("lock")
    private boolean isExempt(Ticket ticket) {
        return isDraining || ticket.precedence.isBypass();
    }

    // Outside the lock: what depends on a grant may run here. Who is not told learns of its grant as it leaves.
    private void tell(List<Waiting> granted) {
        for (Waiting head : granted) {
            head.granted.complete(head.permit);
            meters.granted(head.waitedNanos);
        }
    }

    private void release(Permit permit, Outcome outcome) {
        List<Waiting> granted;
        long heldNanos;
        lock.lock();
        try {
            active--;
            usedBytes -= permit.ticket.bytes;
            long now = nanoTime.getAsLong();
            heldNanos = now - permit.sinceNanos;
            if (outcome == Outcome.SUCCEEDED && !isExempt(permit.ticket)) {
                recent.add(heldNanos);
            }
            granted = grantHeads(now);
        } finally {
            lock.unlock();
        }
        tell(granted);
        meters.held(outcome, heldNanos);
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
    public static final class Ticket {
        private final long bytes;
        private final Precedence precedence;
        private final long seniority;

        private boolean isWaitingAnew = true;
        private long waitingSinceNanos;

        private Ticket(long bytes, Precedence precedence, long seniority) {
            this.bytes = bytes;
            this.precedence = precedence;
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

    /// One stay in the queue. What changes in it is guarded by the gate's lock.
    public final class Waiting {
        private final Ticket ticket;
        private final Permit permit;
        private final long enteredNanos;
        private final Duration timeout;
        private final CompletableFuture<Permit> granted = new CompletableFuture<>();

        private boolean isGranted;
        private long waitedNanos;

        private Waiting(Ticket ticket, long enteredNanos, Duration timeout) {
            this.ticket = ticket;
            this.permit = new Permit(ticket);
            this.enteredNanos = enteredNanos;
            this.timeout = timeout;
        }

        /// How long to wait from its beginning, if nothing happens.
        public Duration timeout() {
            return timeout;
        }

        /// The permit, to be closed, once it is granted. Never fails. Actions that depend on it run on the thread that
        /// made room.
        public CompletionStage<Permit> permit() {
            return granted.minimalCompletionStage();
        }

        /// Waits no longer.
        ///
        /// @return empty, and nothing will be granted; or the permit, to be closed, if its grant came first
        public Optional<Permit> leave(Departure why) {
            List<Waiting> next;
            long stayedNanos;
            lock.lock();
            try {
                if (isGranted) {
                    return Optional.of(permit);
                }
                if (!waiting.remove(ticket, this)) {
                    return Optional.empty();
                }
                if (why == Departure.TIMED_OUT) {
                    timeouts++;
                }
                long now = nanoTime.getAsLong();
                stayedNanos = now - enteredNanos;
                next = grantHeads(now);
            } finally {
                lock.unlock();
            }
            tell(next);
            meters.left(why, stayedNanos);
            return Optional.empty();
        }
    }

    /// The right to be inside. Closing it twice is fine.
    public final class Permit implements AutoCloseable {
        private final Ticket ticket;
        private final AtomicBoolean isOpen = new AtomicBoolean(true);
        // Guarded by the gate's lock.
        private long sinceNanos;

        private Permit(Ticket ticket) {
            this.ticket = ticket;
        }

        /// Gives it back, and tells how the job has ended.
        public void close(Outcome outcome) {
            if (isOpen.compareAndSet(true, false)) {
                release(this, outcome);
            }
        }

        /// Gives it back; if it is still open, the job has failed.
        @Override
        public void close() {
            close(Outcome.FAILED);
        }
    }

    /// What the gate holds, and what it has done since the start.
    ///
    /// @param active jobs inside, those without a slot included
    /// @param slots jobs that may be inside
    /// @param usedBytes what they take together
    /// @param memoryBytes what they may take
    /// @param waiting jobs that wait
    /// @param oldestWait how long the longest of them has waited; zero if none waits
    /// @param grants how many were let in
    /// @param timeouts waits that were given up, as a rule to begin anew
    /// @param bypassedForShutdown grants without a slot because the process stops
    /// @param bypassedForRpc grants without a slot because somebody waits for the job
    public record Stats(
            int active,
            int slots,
            long usedBytes,
            long memoryBytes,
            int waiting,
            Duration oldestWait,
            long grants,
            long timeouts,
            long bypassedForShutdown,
            long bypassedForRpc) {}
}
