package io.sluice.persist;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.persist.PersistGate.Departure;
import io.sluice.persist.PersistGate.Outcome;
import io.sluice.persist.PersistGate.Permit;
import io.sluice.persist.PersistGate.Precedence;
import io.sluice.persist.PersistGate.Stats;
import io.sluice.persist.PersistGate.Ticket;
import io.sluice.persist.PersistGate.Waiting;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// The gate beside a plain list that is sorted by who is first: after each of millions of random steps, a
/// million of which are timeouts, interrupts and other limits, both have let the same in, in the same order.
class PersistGateModelTest {
    private static final int DISTURBANCES = 1_000_000;
    private static final int MAX_WAITING = 24;
    private static final long SEED = 20_261_121;

    private final Random random = new Random(SEED);
    private final ManualClock clock = new ManualClock();
    private PersistGateSettings settings = settings(4, 1_000);
    private final PersistGate gate = new PersistGate(settings, clock, new SimpleMeterRegistry());

    private final List<Job> waiting = new ArrayList<>();
    private final List<Job> away = new ArrayList<>();
    private final List<Job> inside = new ArrayList<>();
    private final List<Job> expected = new ArrayList<>();
    private final List<Job> granted = new ArrayList<>();
    private long drawn;
    private long timeouts;
    private long interrupts;
    private long resizes;
    private long grants;
    private long usedBytes;

    @Test
    void aMillionTimeoutsInterruptsAndResizesChangeNothingOfWhoIsNext() {
        int step = 0;
        for (; timeouts + interrupts + resizes < DISTURBANCES; step++) {
            clock.advance(Duration.ofMillis(random.nextInt(100)));
            step();
            check(step);
        }
        while (!waiting.isEmpty() || !inside.isEmpty()) {
            assertThat(inside).as("wedged: %s, seed %d", gate.stats(), SEED).isNotEmpty();
            release(inside.getFirst());
            check(step);
        }
        assertThat(grants).isGreaterThan(DISTURBANCES / 10);
        assertThat(timeouts).isGreaterThan(DISTURBANCES / 4);
        assertThat(interrupts).isGreaterThan(DISTURBANCES / 4);
        assertThat(resizes).isGreaterThan(DISTURBANCES / 100);
    }

    private void step() {
        switch (random.nextInt(20)) {
            case 0, 1, 2 -> {
                if (waiting.size() < MAX_WAITING) {
                    enter(new Job(random.nextInt(600), precedence(), drawn++));
                }
            }
            case 3, 4, 5 -> {
                if (!inside.isEmpty()) {
                    release(inside.get(random.nextInt(inside.size())));
                }
            }
            case 6, 7, 8, 9, 10, 11, 12, 13 -> leave();
            case 14, 15, 16, 17 -> {
                if (!away.isEmpty()) {
                    enter(away.remove(random.nextInt(away.size())));
                }
            }
            default -> {
                if (random.nextInt(4) == 0) {
                    resizes++;
                    settings = settings(1 + random.nextInt(8), 1 + random.nextInt(2_000));
                    gate.reconfigure(settings);
                    expectGrants();
                }
            }
        }
    }

    private Precedence precedence() {
        return switch (random.nextInt(30)) {
            case 0 -> Precedence.SHUTDOWN;
            case 1 -> Precedence.RPC;
            case 2 -> Precedence.URGENT;
            default -> Precedence.IN_TURN;
        };
    }

    private void enter(Job job) {
        waiting.add(job);
        waiting.sort(Job.ORDER);
        expectGrants();
        Waiting stay = gate.enter(job.ticket);
        job.stay = Optional.of(stay);
        var _ = stay.permit().thenAccept(permit -> {
            job.permit = Optional.of(permit);
            granted.add(job);
        });
    }

    /// Times out, or is interrupted, at whatever place; comes again, or never.
    private void leave() {
        if (waiting.isEmpty()) {
            return;
        }
        Job job = waiting.remove(random.nextInt(waiting.size()));
        expectGrants();
        boolean isTimeout = random.nextBoolean();
        Departure why = isTimeout ? Departure.TIMED_OUT : Departure.INTERRUPTED;
        if (isTimeout) {
            timeouts++;
        } else {
            interrupts++;
        }
        assertThat(job.stay.orElseThrow().leave(why)).isEmpty();
        if (away.size() < MAX_WAITING) {
            away.add(job);
        }
    }

    private void release(Job job) {
        inside.remove(job);
        usedBytes -= job.bytes;
        expectGrants();
        job.permit.orElseThrow().close(random.nextBoolean() ? Outcome.SUCCEEDED : Outcome.FAILED);
    }

    private void expectGrants() {
        while (!waiting.isEmpty() && fits(waiting.getFirst())) {
            Job head = waiting.removeFirst();
            usedBytes += head.bytes;
            inside.add(head);
            expected.add(head);
        }
    }

    private boolean fits(Job job) {
        boolean hasSlot = job.precedence == Precedence.SHUTDOWN
                || job.precedence == Precedence.RPC
                || inside.size() < settings.slots();
        return inside.isEmpty() || (hasSlot && usedBytes + job.bytes <= settings.memoryBytes());
    }

    private void check(int step) {
        Stats stats = gate.stats();
        grants += expected.size();
        // Without assertions' objects: this runs a million times.
        boolean isSame = granted.equals(expected)
                && stats.active() == inside.size()
                && stats.usedBytes() == usedBytes
                && stats.waiting() == waiting.size()
                && stats.grants() == grants
                && stats.timeouts() == timeouts;
        if (!isSame) {
            throw new AssertionError(
                    "seed %d, step %d: granted %s, expected %s; %s, expected %d inside, %d bytes, %d waiting"
                            .formatted(SEED, step, granted, expected, stats, inside.size(), usedBytes, waiting.size()));
        }
        granted.clear();
        expected.clear();
    }

    private static PersistGateSettings settings(int slots, long memoryBytes) {
        return new PersistGateSettings(slots, memoryBytes, GateTimeout.DEFAULT);
    }

    private final class Job {
        static final Comparator<Job> ORDER = Comparator.comparingInt(Job::rank).thenComparingLong(job -> job.number);

        final int bytes;
        final Precedence precedence;
        final long number;
        final Ticket ticket;
        Optional<Waiting> stay = Optional.empty();
        Optional<Permit> permit = Optional.empty();

        Job(int bytes, Precedence precedence, long number) {
            this.bytes = bytes;
            this.precedence = precedence;
            this.number = number;
            this.ticket = gate.ticket(bytes, precedence);
        }

        int rank() {
            return switch (precedence) {
                case SHUTDOWN, RPC -> 0;
                case URGENT -> 1;
                case IN_TURN -> 2;
            };
        }

        @Override
        public String toString() {
            return "%d (%s, %d bytes)".formatted(number, precedence, bytes);
        }
    }
}
