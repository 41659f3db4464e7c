package io.sluice.ingester.write;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.ingester.door.WriteOutcome.Reason;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;

/// How many writes were refused since the start, and why. Any thread may call any method.
public final class RefusalCounts {
    private final Map<Reason, Counter> counters = new EnumMap<>(Reason.class);

    public RefusalCounts(MeterRegistry metrics) {
        for (Reason reason : Reason.values()) {
            counters.put(
                    reason,
                    Counter.builder("sluice.write.refused")
                            .description("Writes that were told to come back later")
                            .tag("reason", reason.name())
                            .register(metrics));
        }
    }

    /// Counts an outcome if it is a refusal.
    public void count(WriteOutcome outcome) {
        if (outcome instanceof WriteOutcome.Refused refused) {
            Objects.requireNonNull(counters.get(refused.reason())).increment();
        }
    }

    /// The reasons for which writes were refused, and how many.
    public Map<Reason, Long> counts() {
        Map<Reason, Long> counts = new EnumMap<>(Reason.class);
        counters.forEach((reason, counter) -> {
            long count = Math.round(counter.count());
            if (count > 0) {
                counts.put(reason, count);
            }
        });
        return counts;
    }
}
