package io.sluice.benches;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.persist.GateTimeout;
import io.sluice.persist.PersistGate;
import io.sluice.persist.PersistGate.Departure;
import io.sluice.persist.PersistGate.Outcome;
import io.sluice.persist.PersistGate.Permit;
import io.sluice.persist.PersistGate.Precedence;
import io.sluice.persist.PersistGate.Ticket;
import io.sluice.persist.PersistGate.Waiting;
import io.sluice.persist.PersistGateSettings;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.random.RandomGenerator;

/// An hour of hot partitions before a gate, in simulated time: each persists its rows, fills again, and comes
/// back. With the same seed, ours and the ideal queue get the same partitions, which take equally long. One
/// thread.
final class SimulatedHour {
    private static final Duration LENGTH = Duration.ofHours(1);
    private static final int PARTITIONS = 100;
    private static final int SLOTS = 4;
    private static final Duration FILLING = Duration.ofSeconds(5);

    // Of a job: log-normal, as measured durations of persist jobs are, roughly.
    private static final Duration MEDIAN_JOB = Duration.ofSeconds(2);
    private static final double SIGMA = 0.5;

    // Between a timeout and the next try; the real worker takes some microseconds.
    private static final Duration LOOK_AROUND = Duration.ofMillis(1);

    private static final long BYTES = 64L << 20;

    private final PriorityQueue<Event> events = new PriorityQueue<>();
    private final List<RandomGenerator> randoms = new ArrayList<>();
    private final Latencies waits = new Latencies();
    private final TreeSet<Job> ungranted = new TreeSet<>();
    private final Line line;
    private long nowNanos;
    private long scheduled;
    private long arrivals;
    private long inOrder;
    private long timeouts;

    /// What was seen in the hour.
    ///
    /// @param p99WaitSeconds from a job's first arrival to its grant
    /// @param inOrder of the grants, those to the job that had come first of all that waited
    /// @param timeouts waits that were begun anew
    record Result(double p99WaitSeconds, long grants, long inOrder, long timeouts) {}

    /// @param number in the order of first arrival
    private record Job(int partition, long number, long arrivedNanos) implements Comparable<Job> {
        @Override
        public int compareTo(Job other) {
            return Long.compare(number, other.number);
        }
    }

    private record Event(long atNanos, long number, Runnable action) implements Comparable<Event> {
        @Override
        public int compareTo(Event other) {
            return atNanos == other.atNanos ? Long.compare(number, other.number) : Long.compare(atNanos, other.atNanos);
        }
    }

    /// What jobs wait in.
    @FunctionalInterface
    private interface Line {
        /// Calls [#granted] when it is the job's turn, with what gives its slot back.
        void arrive(Job job);
    }

    private SimulatedHour(long seed, Optional<GateTimeout.Mode> gate) {
        var root = new SplittableRandom(seed);
        for (int i = 0; i < PARTITIONS; i++) {
            randoms.add(root.split());
        }
        line = gate.<Line>map(GateLine::new).orElseGet(IdealLine::new);
    }

    /// Our gate.
    static Result ofGate(long seed, GateTimeout.Mode mode) {
        return new SimulatedHour(seed, Optional.of(mode)).run();
    }

    /// A queue in which whoever comes first is served first, and nobody ever leaves.
    static Result ofIdeal(long seed) {
        return new SimulatedHour(seed, Optional.empty()).run();
    }

    private Result run() {
        for (int i = 0; i < PARTITIONS; i++) {
            int partition = i;
            after((long) (randoms.get(i).nextDouble() * FILLING.toNanos()), () -> arrive(partition));
        }
        while (!events.isEmpty() && events.peek().atNanos <= LENGTH.toNanos()) {
            Event event = events.remove();
            nowNanos = event.atNanos;
            event.action.run();
        }
        long[] sorted = Latencies.sorted(List.of(waits));
        return new Result(Latencies.percentile(sorted, 0.99) / 1e9, sorted.length, inOrder, timeouts);
    }

    private void after(long nanos, Runnable action) {
        events.add(new Event(nowNanos + nanos, scheduled++, action));
    }

    private void arrive(int partition) {
        Job job = new Job(partition, arrivals++, nowNanos);
        ungranted.add(job);
        line.arrive(job);
    }

    private void granted(Job job, Runnable release) {
        if (ungranted.first().equals(job)) {
            inOrder++;
        }
        ungranted.remove(job);
        waits.add(nowNanos - job.arrivedNanos);
        double factor = Math.exp(SIGMA * randoms.get(job.partition).nextGaussian());
        after((long) (MEDIAN_JOB.toNanos() * factor), () -> {
            after(FILLING.toNanos(), () -> arrive(job.partition));
            release.run();
        });
    }

    private final class GateLine implements Line {
        private final PersistGate gate;

        GateLine(GateTimeout.Mode mode) {
            gate = new PersistGate(
                    new PersistGateSettings(SLOTS, PARTITIONS * BYTES, GateTimeout.of(mode)),
                    () -> nowNanos,
                    new SimpleMeterRegistry());
        }

        @Override
        public void arrive(Job job) {
            enter(job, gate.ticket(BYTES, Precedence.IN_TURN));
        }

        private void enter(Job job, Ticket ticket) {
            Waiting waiting = gate.enter(ticket);
            var permit = waiting.permit().toCompletableFuture();
            var _ = permit.thenAccept(granted -> granted(job, () -> granted.close(Outcome.SUCCEEDED)));
            if (!permit.isDone()) {
                after(waiting.timeout().toNanos(), () -> timeOut(job, ticket, waiting));
            }
        }

        private void timeOut(Job job, Ticket ticket, Waiting waiting) {
            Optional<Permit> granted = waiting.leave(Departure.TIMED_OUT);
            if (granted.isEmpty()) {
                timeouts++;
                after(LOOK_AROUND.toNanos(), () -> enter(job, ticket));
            }
        }
    }

    private final class IdealLine implements Line {
        private final Deque<Job> waiting = new ArrayDeque<>();
        private int active;

        @Override
        public void arrive(Job job) {
            waiting.add(job);
            grant();
        }

        private void grant() {
            while (active < SLOTS && !waiting.isEmpty()) {
                active++;
                granted(waiting.remove(), () -> {
                    active--;
                    grant();
                });
            }
        }
    }
}
