package io.sluice.persist;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.sluice.persist.PersistGate.Departure;
import io.sluice.persist.PersistGate.Outcome;
import io.sluice.persist.PersistGate.Stats;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;

/// What the gate tells as metrics. Any thread may call any method.
final class GateMeters {
    private static final String WAIT = "sluice.persist.gate.wait";
    private static final String WAIT_DESCRIPTION =
            "Waiting for a slot and for memory: until granted, through all timeouts; else that one attempt";

    private final Timer granted;
    private final Map<Departure, Timer> left = new EnumMap<>(Departure.class);
    private final Map<Outcome, Timer> held = new EnumMap<>(Outcome.class);

    GateMeters(MeterRegistry registry) {
        granted = waiting(registry, "granted");
        for (Departure why : Departure.values()) {
            left.put(why, waiting(registry, why.name().toLowerCase(Locale.ROOT)));
        }
        for (Outcome outcome : Outcome.values()) {
            held.put(
                    outcome,
                    Timer.builder("sluice.persist.gate.hold")
                            .description("From being granted a slot and memory to giving them back")
                            .tag("outcome", outcome.name().toLowerCase(Locale.ROOT))
                            .register(registry));
        }
    }

    /// Registers what is read from the gate when somebody asks.
    static void watch(MeterRegistry registry, PersistGate gate) {
        gauge(registry, "sluice.persist.active", "Jobs inside the gate", gate, Stats::active);
        gauge(registry, "sluice.persist.gate.slots", "Jobs that may be inside the gate", gate, Stats::slots);
        gauge(registry, "sluice.persist.gate.used", "Bytes granted to jobs", gate, Stats::usedBytes);
        gauge(registry, "sluice.persist.gate.limit", "Bytes that may be granted to jobs", gate, Stats::memoryBytes);
        gauge(registry, "sluice.persist.gate.waiting", "Jobs at the gate", gate, Stats::waiting);
        Gauge.builder(
                        "sluice.persist.gate.oldest.wait",
                        gate,
                        watched -> watched.stats().oldestWait().toNanos() / 1e9)
                .description("How long the first of them has waited")
                .baseUnit("seconds")
                .register(registry);
        counter("sluice.persist.gate.timeouts", "Waits at the gate that began anew", gate, Stats::timeouts)
                .register(registry);
        String bypass = "sluice.persist.gate.bypass";
        String description = "Jobs that went in without a slot";
        counter(bypass, description, gate, Stats::bypassedForShutdown)
                .tag("reason", "shutdown")
                .register(registry);
        counter(bypass, description, gate, Stats::bypassedForRpc)
                .tag("reason", "rpc")
                .register(registry);
    }

    void granted(long waitedNanos) {
        granted.record(waitedNanos, TimeUnit.NANOSECONDS);
    }

    void left(Departure why, long waitedNanos) {
        Timer timer = left.get(why);
        if (timer != null) {
            timer.record(waitedNanos, TimeUnit.NANOSECONDS);
        }
    }

    void held(Outcome outcome, long heldNanos) {
        Timer timer = held.get(outcome);
        if (timer != null) {
            timer.record(heldNanos, TimeUnit.NANOSECONDS);
        }
    }

    private static Timer waiting(MeterRegistry registry, String result) {
        return Timer.builder(WAIT)
                .description(WAIT_DESCRIPTION)
                .tag("result", result)
                .register(registry);
    }

    private static void gauge(
            MeterRegistry registry, String name, String description, PersistGate gate, ToDoubleFunction<Stats> value) {
        Gauge.builder(name, gate, watched -> value.applyAsDouble(watched.stats()))
                .description(description)
                .register(registry);
    }

    private static FunctionCounter.Builder<PersistGate> counter(
            String name, String description, PersistGate gate, ToDoubleFunction<Stats> value) {
        return FunctionCounter.builder(name, gate, watched -> value.applyAsDouble(watched.stats()))
                .description(description);
    }
}
