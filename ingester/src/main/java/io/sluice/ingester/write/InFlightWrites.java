package io.sluice.ingester.write;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.sluice.ingester.door.Waiting;
import io.sluice.ingester.door.WriteOutcome.Quota;
import io.sluice.ingester.door.WritePermit;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/// The budget of the writes between their admission and their outcome: so many bytes of requests, and so many of them.
/// First come, first served: nobody passes one who waits, however little he asks for. A request larger than the whole
/// budget is let in when nothing else is in flight. Any thread may call any method.
///
/// While memory runs short, writes of streams are held back ([#slowStreams]): they stand apart from those who wait, and
/// come to their end as [#letHeldIn] says.
public final class InFlightWrites {
    private static final Waiting NOT_WAITING = () -> false;

    private final LongSupplier nanoTime;
    private final Timer admittedAfter;
    private final Timer gaveUpAfter;

    /// Never held while a waiter is called.
    private final ReentrantLock lock = new ReentrantLock();

    private final Condition empty = lock.newCondition();

    @GuardedBy("lock")
    private long limitBytes;

    @GuardedBy("lock")
    private int limitOps;

    @GuardedBy("lock")
    private long bytes;

    @GuardedBy("lock")
    private int ops;

    /// In the order of their arrival. The first does not fit, or nobody would wait.
    @GuardedBy("lock")
    private final Set<Waiter> waiters = new LinkedHashSet<>();

    @GuardedBy("lock")
    private long waitingBytes;

    /// Writes of streams, in the order of their arrival. None if streams are not slowed down.
    @GuardedBy("lock")
    private final Set<Waiter> held = new LinkedHashSet<>();

    @GuardedBy("lock")
    private long heldBytes;

    @GuardedBy("lock")
    private long maxWaitingBytes = Long.MAX_VALUE;

    @GuardedBy("lock")
    private boolean areStreamsSlow;

    /// Of requests let in since somebody looked at what they filled.
    private final AtomicLong sinceLookBytes = new AtomicLong();

    private volatile Look look = new Look(Long.MAX_VALUE, () -> {});

    private record Look(long everyBytes, Runnable action) {}

    /// @param limitBytes of requests in flight, positive
    /// @param limitOps writes in flight, positive
    public InFlightWrites(long limitBytes, int limitOps, LongSupplier nanoTime, MeterRegistry metrics) {
        check(limitBytes, limitOps);
        this.limitBytes = limitBytes;
        this.limitOps = limitOps;
        this.nanoTime = nanoTime;
        this.admittedAfter = timer("admitted", metrics);
        this.gaveUpAfter = timer("gave_up", metrics);
        gauge("sluice.inflight.bytes", "Bytes of the requests of writes in flight", this::bytes, metrics);
        gauge("sluice.inflight.ops", "Writes between admission and outcome", this::writes, metrics);
        gauge("sluice.inflight.limit.bytes", "Bytes of requests that may be in flight", this::limitBytes, metrics);
        gauge("sluice.inflight.limit.ops", "Writes that may be in flight", this::limitOps, metrics);
        gauge("sluice.inflight.waiting", "Writes that wait for room among those in flight", this::waiting, metrics);
        gauge("sluice.inflight.held", "Writes of streams held back while memory runs short", this::held, metrics);
    }

    private static void gauge(String name, String description, Supplier<Number> value, MeterRegistry metrics) {
        Gauge.builder(name, value).description(description).register(metrics);
    }

    private static Timer timer(String result, MeterRegistry metrics) {
        return Timer.builder("sluice.inflight.wait")
                .description("How long writes waited for room among those in flight, if they had to")
                .tag("result", result)
                .serviceLevelObjectives(
                        Duration.ofMillis(1), Duration.ofMillis(10), Duration.ofMillis(100), Duration.ofSeconds(1))
                .register(metrics);
    }

    private static void check(long limitBytes, int limitOps) {
        if (limitBytes < 1 || limitOps < 1) {
            throw new IllegalArgumentException(
                    "limits of writes in flight must be positive: %d bytes, %d writes".formatted(limitBytes, limitOps));
        }
    }

    private final class Permit implements WritePermit {
        private final long requestBytes;
        private final AtomicBoolean isClosed = new AtomicBoolean();

        Permit(long requestBytes) {
            this.requestBytes = requestBytes;
        }

        @Override
        public void close() {
            if (isClosed.compareAndSet(false, true)) {
                leave(requestBytes);
            }
        }
    }

    private final class Waiter implements Waiting {
        private final long requestBytes;
        private final Consumer<WritePermit> admitted;
        private final long sinceNs = nanoTime.getAsLong();

        Waiter(long requestBytes, Consumer<WritePermit> admitted) {
            this.requestBytes = requestBytes;
            this.admitted = admitted;
        }

        void admit() {
            admittedAfter.record(nanoTime.getAsLong() - sinceNs, TimeUnit.NANOSECONDS);
            admitted.accept(enter(requestBytes));
        }

        @Override
        public boolean cancel() {
            List<Waiter> next;
            lock.lock();
            try {
                if (held.remove(this)) {
                    heldBytes -= requestBytes;
                } else if (waiters.remove(this)) {
                    waitingBytes -= requestBytes;
                } else {
                    return false;
                }
                next = takeFitting(); // whoever stood behind it may fit
            } finally {
                lock.unlock();
            }
            gaveUpAfter.record(nanoTime.getAsLong() - sinceNs, TimeUnit.NANOSECONDS);
            next.forEach(Waiter::admit);
            return true;
        }
    }

    /// Lets a write in, unless there is no room or others wait for it.
    Optional<WritePermit> tryEnter(long requestBytes) {
        lock.lock();
        try {
            if (!takeIfFirst(requestBytes)) {
                return Optional.empty();
            }
        } finally {
            lock.unlock();
        }
        return Optional.of(enter(requestBytes));
    }

    /// Called without the lock.
    private Permit enter(long requestBytes) {
        sinceLookBytes.addAndGet(requestBytes);
        return new Permit(requestBytes);
    }

    /// Has an action run each time that so many bytes of requests were let in, on the thread of a write; so what they
    /// fill is looked at before much more comes, however quickly that is.
    ///
    /// @param action quick, but for the disk, and does not fail
    public void lookEvery(long bytes, Runnable action) {
        look = new Look(bytes, action);
    }

    /// Whether the next write is to look before it goes on.
    boolean isLookDue() {
        return sinceLookBytes.get() >= look.everyBytes;
    }

    /// Looks if it is due, on this thread, which may be blocked by that for a moment.
    void lookIfDue() {
        if (isLookDue()) {
            sinceLookBytes.set(0);
            look.action.run();
        }
    }

    /// Lets a write of a stream in as soon as there is room and all who came before it are in. The caller bounds
    /// how many wait.
    ///
    /// @param admitted is handed the room, once: at once on this thread, or later on that of whoever made
    ///     room, which it must not block
    public Waiting enter(long requestBytes, Consumer<WritePermit> admitted) {
        lock.lock();
        try {
            if (areStreamsSlow) {
                Waiter waiter = new Waiter(requestBytes, admitted);
                held.add(waiter);
                heldBytes += requestBytes;
                return waiter;
            }
            if (!takeIfFirst(requestBytes)) {
                return enqueue(new Waiter(requestBytes, admitted));
            }
        } finally {
            lock.unlock();
        }
        admitted.accept(enter(requestBytes));
        return NOT_WAITING;
    }

    /// Lets a write in, and blocks until then, but no longer than `maxWait`, and not at all if as much waits already as
    /// may be in flight.
    Optional<WritePermit> awaitEnter(long requestBytes, Duration maxWait) throws InterruptedException {
        if (!maxWait.isPositive()) {
            return tryEnter(requestBytes);
        }
        CompletableFuture<WritePermit> room = new CompletableFuture<>();
        Optional<Waiter> waiting;
        lock.lock();
        try {
            if (takeIfFirst(requestBytes)) {
                waiting = Optional.empty();
            } else if (isQueueFull(requestBytes)) {
                return Optional.empty();
            } else {
                waiting = Optional.of(enqueue(new Waiter(requestBytes, room::complete)));
            }
        } finally {
            lock.unlock();
        }
        return waiting.isEmpty() ? Optional.of(enter(requestBytes)) : await(room, waiting.get(), maxWait);
    }

    private static Optional<WritePermit> await(CompletableFuture<WritePermit> room, Waiter waiter, Duration maxWait)
            throws InterruptedException {
        try {
            return Optional.of(room.get(maxWait.toNanos(), TimeUnit.NANOSECONDS));
        } catch (TimeoutException e) {
            return waiter.cancel() ? Optional.empty() : Optional.of(room.join());
        } catch (InterruptedException e) {
            if (!waiter.cancel()) {
                room.join().close();
            }
            throw e;
        } catch (ExecutionException e) {
            throw new IllegalStateException(e); // nobody completes it so
        }
    }

    @GuardedBy("lock")
    private boolean isQueueFull(long requestBytes) {
        return waiters.size() >= limitOps || (!waiters.isEmpty() && requestBytes > limitBytes - waitingBytes);
    }

    @GuardedBy("lock")
    private Waiter enqueue(Waiter waiter) {
        waiters.add(waiter);
        waitingBytes += waiter.requestBytes;
        return waiter;
    }

    @GuardedBy("lock")
    private boolean takeIfFirst(long requestBytes) {
        if (requestBytes < 0) {
            throw new IllegalArgumentException("requestBytes must not be negative: " + requestBytes);
        }
        if (!waiters.isEmpty() || !fits(requestBytes)) {
            return false;
        }
        take(requestBytes);
        return true;
    }

    @GuardedBy("lock")
    private boolean fits(long requestBytes) {
        // Not as a sum, which may overflow.
        return ops == 0 || (ops < limitOps && requestBytes <= limitBytes - bytes);
    }

    @GuardedBy("lock")
    private void take(long requestBytes) {
        ops++;
        bytes += requestBytes;
    }

    /// Takes room for those who have waited longest. To be called behind every change that can make room; they are told
    /// without the lock.
    @GuardedBy("lock")
    private List<Waiter> takeFitting() {
        if (waiters.isEmpty()) {
            return List.of();
        }
        List<Waiter> fitting = new ArrayList<>();
        Iterator<Waiter> inOrder = waiters.iterator();
        while (inOrder.hasNext()) {
            Waiter first = inOrder.next();
            if (!fits(first.requestBytes)) {
                break;
            }
            inOrder.remove();
            waitingBytes -= first.requestBytes;
            take(first.requestBytes);
            fitting.add(first);
        }
        return fitting;
    }

    private void leave(long requestBytes) {
        List<Waiter> next;
        lock.lock();
        try {
            ops--;
            bytes -= requestBytes;
            next = takeFitting();
            if (ops == 0) {
                empty.signalAll();
            }
        } finally {
            lock.unlock();
        }
        next.forEach(Waiter::admit);
    }

    /// Sets other limits. Whoever is in stays in; who waits and now fits is let in.
    ///
    /// @throws IllegalArgumentException unless both are positive
    public void reconfigure(long newLimitBytes, int newLimitOps) {
        check(newLimitBytes, newLimitOps);
        List<Waiter> next;
        lock.lock();
        try {
            limitBytes = newLimitBytes;
            limitOps = newLimitOps;
            next = takeFitting();
        } finally {
            lock.unlock();
        }
        next.forEach(Waiter::admit);
    }

    /// From now on [#mayWait] lets no more bytes of requests wait than these.
    public void limitWaiting(long bytes) {
        lock.lock();
        try {
            maxWaitingBytes = bytes;
        } finally {
            lock.unlock();
        }
    }

    /// Whether another write of a stream may wait for room, besides those that do and are held back. One may always.
    /// Nearly exact: several that ask at a time may all hear yes.
    public boolean mayWait(long requestBytes) {
        lock.lock();
        try {
            return (waiters.isEmpty() && held.isEmpty()) || requestBytes <= maxWaitingBytes - waitingBytes - heldBytes;
        } finally {
            lock.unlock();
        }
    }

    /// Holds writes of streams back from now on, each until [#letHeldIn] or [#letStreamsGo] lets it in. Those that wait
    /// already go on waiting in their places.
    public void slowStreams() {
        lock.lock();
        try {
            areStreamsSlow = true;
        } finally {
            lock.unlock();
        }
    }

    /// Lets writes of streams in that were held back, those first that came first: one, and as many more as have so
    /// many bytes together. There must be room for them, too.
    public void letHeldIn(long bytes) {
        List<Waiter> next;
        lock.lock();
        try {
            Iterator<Waiter> inOrder = held.iterator();
            long left = bytes;
            while (inOrder.hasNext() && left > 0) {
                Waiter first = inOrder.next();
                inOrder.remove();
                heldBytes -= first.requestBytes;
                left -= first.requestBytes;
                var _ = enqueue(first);
            }
            next = takeFitting();
        } finally {
            lock.unlock();
        }
        next.forEach(Waiter::admit);
    }

    /// Ends that streams are slowed down; those held back wait for room like all others.
    public void letStreamsGo() {
        List<Waiter> next;
        lock.lock();
        try {
            areStreamsSlow = false;
            held.forEach(this::enqueue);
            held.clear();
            heldBytes = 0;
            next = takeFitting();
        } finally {
            lock.unlock();
        }
        next.forEach(Waiter::admit);
    }

    /// Waits until no write is in flight, and thus none waits; false if that took longer than `timeout`.
    public boolean awaitNone(Duration timeout) throws InterruptedException {
        long remainingNs = timeout.toNanos();
        lock.lock();
        try {
            while (ops > 0) {
                if (remainingNs <= 0) {
                    return false;
                }
                remainingNs = empty.awaitNanos(remainingNs);
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    /// The limits, how much of them is used, and how many wait, for an error.
    String describeLimit() {
        lock.lock();
        try {
            return ("too many writes in flight: %d of %d bytes (--inflight-bytes), %d of %d writes (--inflight-ops),"
                            + " and %d wait")
                    .formatted(bytes, limitBytes, ops, limitOps, waiters.size());
        } finally {
            lock.unlock();
        }
    }

    /// The limit that is reached: that of their number, or else that of their bytes.
    Quota quota() {
        lock.lock();
        try {
            return ops >= limitOps
                    ? new Quota("INFLIGHT", "OPS", limitOps, ops)
                    : new Quota("INFLIGHT", "BYTES", limitBytes, bytes);
        } finally {
            lock.unlock();
        }
    }

    /// What is in flight, what waits, and the limits, at one moment.
    public record Stats(int writes, int limitWrites, long bytes, long limitBytes, int waiting, long waitingBytes) {}

    public Stats stats() {
        lock.lock();
        try {
            return new Stats(ops, limitOps, bytes, limitBytes, waiters.size(), waitingBytes);
        } finally {
            lock.unlock();
        }
    }

    /// Writes in flight.
    public int writes() {
        lock.lock();
        try {
            return ops;
        } finally {
            lock.unlock();
        }
    }

    /// Bytes of the requests of writes in flight.
    public long bytes() {
        lock.lock();
        try {
            return bytes;
        } finally {
            lock.unlock();
        }
    }

    /// Writes that wait for room.
    public int waiting() {
        lock.lock();
        try {
            return waiters.size();
        } finally {
            lock.unlock();
        }
    }

    /// Writes of streams held back.
    public int held() {
        lock.lock();
        try {
            return held.size();
        } finally {
            lock.unlock();
        }
    }

    /// Bytes of the requests of writes that wait or are held back.
    public long waitingBytes() {
        lock.lock();
        try {
            return waitingBytes + heldBytes;
        } finally {
            lock.unlock();
        }
    }

    /// Bytes of requests that may be in flight.
    public long limitBytes() {
        lock.lock();
        try {
            return limitBytes;
        } finally {
            lock.unlock();
        }
    }

    private int limitOps() {
        lock.lock();
        try {
            return limitOps;
        } finally {
            lock.unlock();
        }
    }
}
