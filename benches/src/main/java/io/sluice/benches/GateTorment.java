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
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/// Jobs that time out, are interrupted and come again at random before our gate, while its limits change. One thread,
/// simulated time.
final class GateTorment {
    private static final int MAX_WAITING = 100;
    private static final int MAX_SLOTS = 8;
    private static final int MAX_BYTES = 1_000;
    private static final int MAX_STEP_NANOS = 100_000_000;

    private final SplittableRandom random;
    private final PersistGate gate;
    private final List<Stay> waiting = new ArrayList<>();
    private final List<Ticket> away = new ArrayList<>();
    private final List<Permit> inside = new ArrayList<>();
    private long nowNanos;
    private long drawn;
    private long granted;
    private long torments;

    private record Stay(Ticket ticket, Waiting waiting) {}

    /// @param torments timeouts, interrupts and changes of limits
    /// @param drawn jobs that came
    /// @param granted of those, how many got in: all, unless the gate is wedged
    record Result(long torments, long drawn, long granted) {}

    private GateTorment(long seed) {
        random = new SplittableRandom(seed);
        gate = new PersistGate(settings(), () -> nowNanos, new SimpleMeterRegistry());
    }

    /// Goes on until there were so many torments, and then lets everybody in who still wants to.
    static Result run(long seed, long torments) {
        return new GateTorment(seed).run(torments);
    }

    private Result run(long atLeast) {
        while (torments < atLeast) {
            nowNanos += random.nextInt(MAX_STEP_NANOS);
            step();
        }
        away.forEach(this::enter);
        away.clear();
        // All inside go out: if nobody comes in then, the gate is wedged.
        while (!inside.isEmpty()) {
            inside.removeLast().close(Outcome.SUCCEEDED);
        }
        return new Result(torments, drawn, granted);
    }

    private void step() {
        switch (random.nextInt(8)) {
            case 0, 1 -> {
                if (waiting.size() + away.size() < MAX_WAITING) {
                    drawn++;
                    enter(gate.ticket(random.nextInt(MAX_BYTES), precedence()));
                }
            }
            case 2, 3 -> {
                if (!inside.isEmpty()) {
                    inside.remove(random.nextInt(inside.size()))
                            .close(random.nextBoolean() ? Outcome.SUCCEEDED : Outcome.FAILED);
                }
            }
            case 4, 5 -> {
                if (!waiting.isEmpty()) {
                    leave(waiting.get(random.nextInt(waiting.size())));
                }
            }
            case 6 -> {
                if (!away.isEmpty()) {
                    enter(away.remove(random.nextInt(away.size())));
                }
            }
            default -> {
                torments++;
                gate.reconfigure(settings());
            }
        }
    }

    private void enter(Ticket ticket) {
        Stay stay = new Stay(ticket, gate.enter(ticket));
        waiting.add(stay);
        var _ = stay.waiting.permit().thenAccept(permit -> {
            waiting.remove(stay);
            inside.add(permit);
            granted++;
        });
    }

    private void leave(Stay stay) {
        torments++;
        Departure why = random.nextBoolean() ? Departure.TIMED_OUT : Departure.INTERRUPTED;
        waiting.remove(stay);
        if (stay.waiting.leave(why).isEmpty()) {
            away.add(stay.ticket);
        }
    }

    private Precedence precedence() {
        return switch (random.nextInt(20)) {
            case 0 -> Precedence.RPC;
            case 1 -> Precedence.URGENT;
            default -> Precedence.IN_TURN;
        };
    }

    private PersistGateSettings settings() {
        return new PersistGateSettings(
                1 + random.nextInt(MAX_SLOTS), 1 + random.nextInt(2 * MAX_BYTES), GateTimeout.DEFAULT);
    }
}
