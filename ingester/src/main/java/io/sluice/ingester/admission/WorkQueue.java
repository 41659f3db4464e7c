package io.sluice.ingester.admission;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.sluice.ingester.door.WriteOutcome.Quota;
import java.time.Duration;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.function.LongSupplier;

/// The costly work on writes before the log: so much at once as there are processors, the rest waits, first come,
/// first served. To take more than can be done makes all of it late: so whoever would probably wait for more than half
/// of the longest wait, by what the bytes before took, is to be refused, and so is who has waited for longer than that,
/// as the work took longer than expected. As long as only a few are there nobody is. While something urgent is done
/// elsewhere, such as a query before its first batch, one fewer work, so that it finds a processor.
///
/// What is short is done by whoever brings it, and what is long by a worker, a thread of the executor's. A worker goes
/// on with the next long work by itself, so that no processor waits until somebody has been woken.
///
/// Any thread may call any method, and no lock is held: a worker gives way to other threads at any time. To wait is
/// meant for virtual ones.
public final class WorkQueue {
    /// Work on fewer bytes is done by whoever brings it: to hand it over costs as much.
    static final int LONG_BYTES = 16 * 1_024;

    /// What a turn that is so many turns ago still counts, beside the last one, is less than half.
    private static final double KEPT_PER_TURN = 0.98;

    private final int width;
    private final int alwaysPresent;
    private final Executor workers;
    private final LongSupplier nanoTime;
    private final Queue<Waiting> waiting = new ConcurrentLinkedQueue<>();
    private final AtomicInteger waitingCount = new AtomicInteger();
    private final AtomicInteger present = new AtomicInteger();
    private final AtomicLong waitingBytes = new AtomicLong();
    /// Those who have a place: at most as many as [#allowed] when they took it.
    private final AtomicInteger working = new AtomicInteger();
    private final AtomicInteger urgent = new AtomicInteger();
    private final AtomicReference<Pace> pace = new AtomicReference<>(new Pace(0, 0));
    private final Timer waits;
    private final Counter refusals;
    private volatile long maxWaitNanos;

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
    /// @param alwaysPresent how many may be there whatever is expected: as many clients as wait for their
    ///     answers are no overload, though a server that has just begun is slow
    /// @param maxWait the longest wait of whoever is served
    /// @param workers does what is long or has to wait: so much at once, and what waits for something else
    public WorkQueue(
            int width,
            int alwaysPresent,
            Duration maxWait,
            Executor workers,
            LongSupplier nanoTime,
            MeterRegistry metrics) {
        this.width = width;
        this.alwaysPresent = alwaysPresent;
        this.workers = workers;
        this.nanoTime = nanoTime;
        this.maxWaitNanos = maxWait.toNanos();
        this.waits = Timer.builder("sluice.work.wait")
                .description("How long bodies of line protocol waited for a processor")
                .publishPercentileHistogram()
                .register(metrics);
        this.refusals = Counter.builder("sluice.work.refusals")
                .description("Bodies of line protocol that would have waited too long for a processor, or had")
                .register(metrics);
        Gauge.builder("sluice.work.present", present, AtomicInteger::get)
                .description("Requests with line protocol under way, and clients that were told to come back with one")
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
        return waitingCount.get();
    }

    /// How many are there, see [#enter].
    public int present() {
        return present.get();
    }

    /// How many could begin at once.
    public int free() {
        return Math.max(0, allowed() - working.get());
    }

    private int allowed() {
        return urgent.get() > 0 && width > 1 ? width - 1 : width;
    }

    /// How long a newcomer is expected to wait, by what the bytes before took; zero if nobody waits.
    Duration expectedWait() {
        return Duration.ofNanos((long) (pace.get().nanosFor(waitingBytes.get()) / allowed()));
    }

    /// Why a newcomer is not to be let in: the wait, in ms; empty if he may be.
    Optional<Quota> tooLong() {
        Duration expected = expectedWait();
        long limitNanos = maxWaitNanos / 2;
        return expected.toNanos() <= limitNanos || areFewPresent()
                ? Optional.empty()
                : Optional.of(refuse(expected.toNanos(), limitNanos));
    }

    private boolean areFewPresent() {
        return present.get() <= alwaysPresent;
    }

    private Quota refuse(long waitNanos, long limitNanos) {
        refusals.increment();
        return new Quota(
                "WORK", "WAIT_MS", TimeUnit.NANOSECONDS.toMillis(limitNanos), TimeUnit.NANOSECONDS.toMillis(waitNanos));
    }

    /// Somebody is there who has brought work, or is to bring it again, until what is returned is closed.
    public Presence enter() {
        present.incrementAndGet();
        return new Presence();
    }

    /// Somebody who is there, until it is closed. Any thread may do that, more than once.
    public final class Presence implements AutoCloseable {
        private final AtomicBoolean isOver = new AtomicBoolean();

        private Presence() {}

        @Override
        public void close() {
            if (isOver.compareAndSet(false, true)) {
                present.decrementAndGet();
            }
        }
    }

    /// Something urgent is done elsewhere until what is returned is closed: from the next turn's end on, one fewer
    /// work here, if more than one may. However much is urgent, the others go on.
    public Urgent leaveRoom() {
        urgent.incrementAndGet();
        return new Urgent();
    }

    /// Something urgent, until it is closed. Any thread may do that, more than once.
    public final class Urgent implements AutoCloseable {
        private final AtomicBoolean isOver = new AtomicBoolean();

        private Urgent() {}

        @Override
        public void close() {
            if (isOver.compareAndSet(false, true)) {
                urgent.decrementAndGet();
                serveNext();
            }
        }
    }

    /// Does work when it is its turn; returns what it returns.
    ///
    /// @param lengthBytes that are worked on
    /// @param work may run on another thread, and is over when this returns; what it throws, this throws
    /// @param tooLate is asked what to return in place of work that has waited too long: for so many ms
    /// @throws InterruptedException if the thread was told to stop waiting: the work will never be begun
    <T> T run(long lengthBytes, Function<Turn, T> work, Function<Quota, T> tooLate) throws InterruptedException {
        if (lengthBytes < LONG_BYTES) {
            return doHere(lengthBytes, work, tooLate);
        }
        Job<T> job = new Job<>(lengthBytes, work, tooLate);
        standInLine(job);
        return job.await();
    }

    private <T> T doHere(long lengthBytes, Function<Turn, T> work, Function<Quota, T> tooLate)
            throws InterruptedException {
        long sinceNs = nanoTime.getAsLong();
        if (!tryTakePlace()) {
            Standing standing = new Standing(lengthBytes);
            standInLine(standing);
            standing.await();
        }
        long nowNs = recordWait(sinceNs);
        if (isTooLate(nowNs - sinceNs)) {
            givePlace();
            return tooLate.apply(refuse(nowNs - sinceNs, maxWaitNanos));
        }
        Turn turn = new Turn(lengthBytes, nowNs);
        try {
            return work.apply(turn);
        } finally {
            if (turn.end()) {
                givePlace();
            }
        }
    }

    private boolean isTooLate(long waitedNanos) {
        return waitedNanos > maxWaitNanos && !areFewPresent();
    }

    private void standInLine(Waiting one) {
        waitingCount.incrementAndGet();
        waitingBytes.addAndGet(one.lengthBytes);
        waiting.add(one);
        serveNext();
    }

    /// Behind it, it is in line no more.
    private void leaveLine(Waiting one) {
        waitingBytes.addAndGet(-one.lengthBytes);
        waitingCount.decrementAndGet();
    }

    private long recordWait(long startNs) {
        long nowNs = nanoTime.getAsLong();
        waits.record(nowNs - startNs, TimeUnit.NANOSECONDS);
        return nowNs;
    }

    /// Takes a place if there is one, and nobody has come before.
    private boolean tryTakePlace() {
        return waiting.isEmpty() && tryBegin();
    }

    private boolean tryBegin() {
        int now = working.get();
        while (now < allowed()) {
            if (working.compareAndSet(now, now + 1)) {
                return true;
            }
            now = working.get();
        }
        return false;
    }

    private void givePlace() {
        working.decrementAndGet();
        serveNext();
    }

    /// Gives places that are free to those who wait. Whoever stands in line, gives a place up, or makes that there are
    /// more of them, calls this behind it: so whichever of them comes last sees what the others did.
    private void serveNext() {
        while (!waiting.isEmpty() && tryBegin()) {
            Waiting next = waiting.poll();
            if (next == null || !begin(next)) {
                working.decrementAndGet();
            }
        }
    }

    /// Gives somebody the caller's place; returns whether he took it.
    private boolean begin(Waiting next) {
        leaveLine(next);
        return switch (next) {
            case Standing standing -> standing.takePlace();
            case Job<?> job -> job.startWorker();
        };
    }

    /// With a place: does long work until somebody else is to have the place.
    private void work(Job<?> first) {
        Job<?> job = first;
        while (job.serve()) {
            Waiting next = working.get() <= allowed() ? waiting.poll() : null;
            if (next == null) {
                givePlace();
                return;
            }
            leaveLine(next);
            switch (next) {
                case Job<?> another -> job = another;
                case Standing standing -> {
                    if (!standing.takePlace()) {
                        givePlace();
                    }
                    return;
                }
            }
        }
    }

    /// Somebody in line.
    private abstract sealed class Waiting {
        final long lengthBytes;
        private final AtomicBoolean isTaken = new AtomicBoolean();

        private Waiting(long lengthBytes) {
            this.lengthBytes = lengthBytes;
        }

        /// Whether it is his turn, for the first time, and he has not given up.
        boolean take() {
            return !isTaken.getAndSet(true);
        }

        /// Whether it was never his turn; then it never will be.
        boolean giveUp() {
            if (!take()) {
                return false;
            }
            if (waiting.remove(this)) {
                leaveLine(this);
            }
            return true;
        }
    }

    /// Long work.
    private final class Job<T> extends Waiting {
        private final Function<Turn, T> work;
        private final Function<Quota, T> tooLate;
        private final long sinceNs = nanoTime.getAsLong();
        private final CompletableFuture<T> result = new CompletableFuture<>();

        Job(long lengthBytes, Function<Turn, T> work, Function<Quota, T> tooLate) {
            super(lengthBytes);
            this.work = work;
            this.tooLate = tooLate;
        }

        /// With the caller's place; whether there is a worker, who has it then. If not, whoever waits hears of it.
        boolean startWorker() {
            try {
                workers.execute(() -> work(this));
                return true;
            } catch (RuntimeException | Error e) {
                result.completeExceptionally(e);
                return false;
            }
        }

        /// With the place of whoever calls; returns whether he has it still.
        boolean serve() {
            if (!take()) {
                return true;
            }
            long nowNs = recordWait(sinceNs);
            if (isTooLate(nowNs - sinceNs)) {
                refuseAfter(nowNs - sinceNs);
                return true;
            }
            return doWork(new Turn(lengthBytes, nowNs));
        }

        private void refuseAfter(long waitedNanos) {
            try {
                result.complete(tooLate.apply(refuse(waitedNanos, maxWaitNanos)));
            } catch (RuntimeException | Error e) {
                result.completeExceptionally(e);
            }
        }

        /// Whatever is thrown, somebody waits for it.
        private boolean doWork(Turn turn) {
            boolean hasPlace;
            try {
                T found = work.apply(turn);
                hasPlace = turn.end();
                result.complete(found);
            } catch (Throwable e) {
                hasPlace = turn.end();
                result.completeExceptionally(e);
            }
            return hasPlace;
        }

        T await() throws InterruptedException {
            try {
                return result.get();
            } catch (ExecutionException e) {
                throw rethrown(e);
            } catch (InterruptedException e) {
                if (giveUp()) {
                    throw e;
                }
                return awaitEnd();
            }
        }

        /// The work is under way, with what the caller holds.
        private T awaitEnd() {
            try {
                return result.join();
            } catch (CompletionException e) {
                throw rethrown(e);
            } finally {
                Thread.currentThread().interrupt();
            }
        }

        private RuntimeException rethrown(Exception e) {
            switch (e.getCause()) {
                case RuntimeException thrown -> throw thrown;
                case Error thrown -> throw thrown;
                case null, default -> throw new IllegalStateException(e);
            }
        }
    }

    /// Somebody who does the work himself.
    private final class Standing extends Waiting {
        private final Semaphore place = new Semaphore(0);

        Standing(long lengthBytes) {
            super(lengthBytes);
        }

        /// With the caller's place; false if nobody waits for it any more.
        boolean takePlace() {
            boolean takes = take();
            if (takes) {
                place.release();
            }
            return takes;
        }

        void await() throws InterruptedException {
            try {
                place.acquire();
            } catch (InterruptedException e) {
                if (giveUp()) {
                    throw e;
                }
                // It has a place.
                place.acquireUninterruptibly();
                Thread.currentThread().interrupt();
            }
        }

        void awaitUninterruptibly() {
            place.acquireUninterruptibly();
        }
    }

    /// Work under way. For one thread.
    public final class Turn {
        private final long lengthBytes;
        private long begunNs;
        private long workedNanos;
        private boolean hasPlace = true;
        private boolean isOver;

        private Turn(long lengthBytes, long begunNs) {
            this.lengthBytes = lengthBytes;
            this.begunNs = begunNs;
        }

        /// Lets the next one work while this one waits for something else. Does nothing if it does so already, or is
        /// over.
        public void pause() {
            if (leavePlace()) {
                givePlace();
            }
        }

        private boolean leavePlace() {
            boolean had = hasPlace;
            if (had) {
                hasPlace = false;
                workedNanos += nanoTime.getAsLong() - begunNs;
            }
            return had;
        }

        /// Waits for a processor again after [#pause], however long and even if interrupted. Does nothing else.
        public void resume() {
            if (isOver || hasPlace) {
                return;
            }
            long startNs = nanoTime.getAsLong();
            if (!tryTakePlace()) {
                Standing standing = new Standing(lengthBytes);
                standInLine(standing);
                standing.awaitUninterruptibly();
            }
            begunNs = recordWait(startNs);
            hasPlace = true;
        }

        /// The work is done. Returns whether it had a place, which is now the caller's.
        private boolean end() {
            boolean had = leavePlace();
            isOver = true;
            pace.updateAndGet(last -> last.after(workedNanos, lengthBytes));
            return had;
        }
    }
}
