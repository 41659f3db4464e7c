package io.sluice.persist;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.sluice.model.PartitionId;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Deque;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/// Jobs that wait for their lane, and what is known of those under way. The jobs of a partition are on one lane and
/// leave it in the order in which they came.
///
/// A failed job comes back to the head of its partition: the whole lane pauses if others would fail likewise, or
/// only the partition is set aside. Any number of threads may offer; one thread for each lane takes. One private
/// lock, under which nothing foreign is called but the clock and the alarm.
final class PersistQueue {
    /// Waits on a condition, like [Condition#awaitNanos]. Tests put simulated time here.
    interface Alarm {
        /// Real time.
        @SuppressWarnings("WaitNotInLoop") // the queue loops
        Alarm REAL = (condition, nanos) -> {
            long _ = condition.awaitNanos(nanos);
        };

        void await(Condition condition, long nanos) throws InterruptedException;
    }

    private enum State {
        OPEN,
        DRAINING,
        CLOSED
    }

    private final LongSupplier nanoTime;
    private final Alarm alarm;
    private final Consumer<Boolean> saturationListener;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Lane[] lanes;

    @GuardedBy("lock")
    private int depthLimit;

    @GuardedBy("lock")
    private State state = State.OPEN;

    @GuardedBy("lock")
    private final Set<PersistJob> unfinished = new HashSet<>();

    @GuardedBy("lock")
    private long ended;

    @GuardedBy("lock")
    private boolean isSaturated;

    @GuardedBy("lock")
    private boolean announced;

    @GuardedBy("lock")
    private boolean isAnnouncing;

    /// @param depthLimit unfinished jobs that saturate the queue
    /// @param saturationListener told of each change, in order, outside the lock
    PersistQueue(int lanes, int depthLimit, LongSupplier nanoTime, Alarm alarm, Consumer<Boolean> saturationListener) {
        this.depthLimit = depthLimit;
        this.nanoTime = nanoTime;
        this.alarm = alarm;
        this.saturationListener = saturationListener;
        this.lanes = new Lane[lanes];
        Arrays.setAll(this.lanes, _ -> new Lane(lock.newCondition()));
    }

    /// Puts a job at the end of its lane.
    ///
    /// @return whether it was taken: not if the queue is being drained or is closed
    boolean offer(PersistJob job) {
        lock.lock();
        try {
            if (state != State.OPEN) {
                return false;
            }
            Lane lane = laneOf(job);
            lane.ready.addLast(job);
            unfinished.add(job);
            lane.wakeUp.signal();
            updateSaturation();
        } finally {
            lock.unlock();
        }
        announce();
        return true;
    }

    /// Waits for the next job of a lane.
    ///
    /// @return empty if there will be none: the queue is closed, or drained
    Optional<PersistJob> take(int index) throws InterruptedException {
        lock.lock();
        try {
            Lane lane = lanes[index];
            while (state != State.CLOSED) {
                long now = nanoTime.getAsLong();
                if (state == State.OPEN) {
                    lane.unpark(now);
                }
                long pauseNanos = lane.pauseNanos(now);
                if (pauseNanos <= 0) {
                    Optional<PersistJob> job = lane.pollReady();
                    if (job.isPresent()) {
                        return job;
                    }
                    if (state == State.DRAINING) {
                        changed.signalAll();
                        return Optional.empty();
                    }
                    pauseNanos = lane.nanosToNextDue(now);
                }
                if (pauseNanos == Long.MAX_VALUE) {
                    lane.wakeUp.await();
                } else {
                    alarm.await(lane.wakeUp, pauseNanos);
                }
            }
            return Optional.empty();
        } finally {
            lock.unlock();
        }
    }

    /// Notes that a job that was taken has come to its end, good or bad.
    void finish(PersistJob job) {
        lock.lock();
        try {
            ended += unfinished.remove(job) ? 1 : 0;
            updateSaturation();
        } finally {
            lock.unlock();
        }
        announce();
    }

    /// Gives a job that was taken back to the head of its lane, which takes nothing before `delay` is over.
    ///
    /// @return whether it was taken back: not if the queue is closed
    boolean pause(PersistJob job, Duration delay) {
        lock.lock();
        try {
            if (state == State.CLOSED) {
                return false;
            }
            Lane lane = laneOf(job);
            lane.ready.addFirst(job);
            lane.pausedUntilNanos = nanoTime.getAsLong() + delay.toNanos();
            lane.isPaused = true;
            return true;
        } finally {
            lock.unlock();
        }
    }

    /// Sets a job that was taken aside, and with it all later ones of its partition, until `delay` is over. While
    /// the queue is being drained it stays there: its followers must not be persisted before it.
    ///
    /// @return whether it was: not if the queue is closed
    boolean park(PersistJob job, Duration delay) {
        lock.lock();
        try {
            if (state == State.CLOSED) {
                return false;
            }
            var aside = new ArrayDeque<PersistJob>();
            aside.add(job);
            laneOf(job).parked.put(job.partition(), new Parked(nanoTime.getAsLong() + delay.toNanos(), aside));
            changed.signalAll();
            return true;
        } finally {
            lock.unlock();
        }
    }

    /// Whether a job that was taken has come back.
    boolean isWaiting(PersistJob job) {
        lock.lock();
        try {
            Lane lane = laneOf(job);
            return lane.ready.peekFirst() == job || lane.parked.containsKey(job.partition());
        } finally {
            lock.unlock();
        }
    }

    /// Whether the queue was full and is not yet half free.
    boolean isSaturated() {
        lock.lock();
        try {
            return isSaturated;
        } finally {
            lock.unlock();
        }
    }

    /// Waits until the queue is not saturated.
    ///
    /// @return whether that is so: not if the queue is being drained or is closed
    boolean awaitCapacity() throws InterruptedException {
        lock.lock();
        try {
            while (isSaturated && state == State.OPEN) {
                changed.await();
            }
            return state == State.OPEN;
        } finally {
            lock.unlock();
        }
    }

    /// Takes no job any more. Those that wait for another attempt are due at once; whichever is set aside after that
    /// has had its last one.
    void drain() {
        lock.lock();
        try {
            if (state != State.OPEN) {
                return;
            }
            state = State.DRAINING;
            for (Lane lane : lanes) {
                lane.isPaused = false;
                lane.unparkAll();
                lane.wakeUp.signal();
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /// Waits until all jobs are finished or set aside, or the queue is closed, or the time is up.
    void awaitDrained(Duration timeout) throws InterruptedException {
        lock.lock();
        try {
            long remainingNanos = PersistGate.saturatedNanos(timeout);
            while (unfinished.size() > parked() && state != State.CLOSED && remainingNanos > 0) {
                remainingNanos = changed.awaitNanos(remainingNanos);
            }
        } finally {
            lock.unlock();
        }
    }

    /// Ends all waiting, and hands over the jobs that were not under way. Those under way are still to be finished.
    List<PersistJob> close() {
        var left = new ArrayList<PersistJob>();
        lock.lock();
        try {
            state = State.CLOSED;
            for (Lane lane : lanes) {
                lane.removeAll(left);
                lane.wakeUp.signal();
            }
            left.forEach(unfinished::remove);
            updateSaturation();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        announce();
        return left;
    }

    boolean isClosed() {
        lock.lock();
        try {
            return state == State.CLOSED;
        } finally {
            lock.unlock();
        }
    }

    boolean isOpen() {
        lock.lock();
        try {
            return state == State.OPEN;
        } finally {
            lock.unlock();
        }
    }

    /// Jobs that are accepted and not finished, in no particular order.
    List<PersistJob> unfinished() {
        lock.lock();
        try {
            return List.copyOf(unfinished);
        } finally {
            lock.unlock();
        }
    }

    /// Another number of unfinished jobs saturates the queue from now on.
    void reconfigure(int newDepthLimit) {
        lock.lock();
        try {
            depthLimit = newDepthLimit;
            updateSaturation();
        } finally {
            lock.unlock();
        }
        announce();
    }

    /// How many unfinished jobs saturate the queue.
    int depthLimit() {
        lock.lock();
        try {
            return depthLimit;
        } finally {
            lock.unlock();
        }
    }

    int depth() {
        lock.lock();
        try {
            return unfinished.size();
        } finally {
            lock.unlock();
        }
    }

    PersistBacklog backlog() {
        lock.lock();
        try {
            return new PersistBacklog(unfinished.size(), depthLimit, ended);
        } finally {
            lock.unlock();
        }
    }

    @GuardedBy("lock")
    private int parked() {
        int jobs = 0;
        for (Lane lane : lanes) {
            for (Parked aside : lane.parked.values()) {
                jobs += aside.jobs.size();
            }
        }
        return jobs;
    }

    @GuardedBy("lock")
    private Lane laneOf(PersistJob job) {
        return lanes[LaneHash.lane(job.partition(), lanes.length)];
    }

    @GuardedBy("lock")
    private void updateSaturation() {
        if (unfinished.size() >= depthLimit) {
            isSaturated = true;
        } else if (unfinished.size() <= depthLimit / 2) {
            isSaturated = false;
        }
        changed.signalAll();
    }

    // Outside the lock, yet in order: one thread at a time tells the listener, until nothing is new.
    private void announce() {
        while (true) {
            boolean news;
            lock.lock();
            try {
                if (isAnnouncing || announced == isSaturated) {
                    return;
                }
                isAnnouncing = true;
                announced = isSaturated;
                news = announced;
            } finally {
                lock.unlock();
            }
            try {
                saturationListener.accept(news);
            } finally {
                lock.lock();
                try {
                    isAnnouncing = false;
                } finally {
                    lock.unlock();
                }
            }
        }
    }

    /// The jobs of one worker. Guarded by the queue's lock. Each method allocates before it changes anything, so
    /// that running out of memory loses no job and swaps none.
    private static final class Lane {
        final Condition wakeUp;
        final Map<PartitionId, Parked> parked = new LinkedHashMap<>();
        Deque<PersistJob> ready = new ArrayDeque<>();
        boolean isPaused;
        long pausedUntilNanos;

        Lane(Condition wakeUp) {
            this.wakeUp = wakeUp;
        }

        long pauseNanos(long now) {
            if (isPaused && pausedUntilNanos - now <= 0) {
                isPaused = false;
            }
            return isPaused ? pausedUntilNanos - now : 0;
        }

        long nanosToNextDue(long now) {
            long nanos = Long.MAX_VALUE;
            for (Parked aside : parked.values()) {
                nanos = Math.min(nanos, aside.dueNanos - now);
            }
            return nanos;
        }

        Optional<PersistJob> pollReady() {
            while (!ready.isEmpty()) {
                PersistJob job = ready.getFirst();
                Parked aside = parked.get(job.partition());
                if (aside == null) {
                    var next = Optional.of(job);
                    ready.removeFirst();
                    return next;
                }
                aside.jobs.addLast(job);
                ready.removeFirst();
            }
            return Optional.empty();
        }

        /// Puts those that are due to the front: what else is ready of their partitions came later.
        void unpark(long now) {
            Iterator<Parked> all = parked.values().iterator();
            while (all.hasNext()) {
                Parked aside = all.next();
                if (aside.dueNanos - now <= 0) {
                    var merged = new ArrayDeque<PersistJob>(aside.jobs.size() + ready.size() + 1);
                    merged.addAll(aside.jobs);
                    merged.addAll(ready);
                    all.remove();
                    ready = merged;
                }
            }
        }

        void unparkAll() {
            for (Parked aside : parked.values()) {
                aside.jobs.reversed().forEach(ready::addFirst);
            }
            parked.clear();
        }

        void removeAll(Collection<PersistJob> to) {
            parked.values().forEach(aside -> to.addAll(aside.jobs));
            to.addAll(ready);
            parked.clear();
            ready.clear();
        }
    }

    /// Jobs of one partition, set aside until `dueNanos`.
    private record Parked(long dueNanos, Deque<PersistJob> jobs) {}
}
