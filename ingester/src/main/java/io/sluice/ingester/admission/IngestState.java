package io.sluice.ingester.admission;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.ingester.door.WriteOutcome.Reason;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/// The reasons to refuse writes that hold at this moment, as a set; one read in the hot path. Any thread may call any
/// method.
///
/// If several hold, the one told is the first in the order of [Reason]: what lasts longest stands first.
public final class IngestState {
    private final AtomicLong reasons = new AtomicLong();

    /// Publishes a gauge for each reason: 1 while it holds.
    public IngestState(MeterRegistry metrics) {
        for (Reason reason : Reason.values()) {
            Gauge.builder("sluice.ingest.refusing", () -> has(reason) ? 1 : 0)
                    .description("1 while writes are refused for this reason")
                    .tag("reason", reason.name())
                    .register(metrics);
        }
    }

    /// Refuses writes for a reason from now on; true if it did not hold before.
    public boolean set(Reason reason) {
        long bit = bit(reason);
        return (reasons.getAndUpdate(set -> set | bit) & bit) == 0;
    }

    /// The reason holds no more; true if it did before.
    public boolean clear(Reason reason) {
        long bit = bit(reason);
        return (reasons.getAndUpdate(set -> set & ~bit) & bit) != 0;
    }

    public boolean has(Reason reason) {
        return (reasons.get() & bit(reason)) != 0;
    }

    /// The reason to tell; empty if writes are taken.
    public Optional<Reason> refusal() {
        return reasons.get() == 0 ? Optional.empty() : all().stream().findFirst();
    }

    /// All reasons that hold.
    public Set<Reason> all() {
        long set = reasons.get();
        Set<Reason> all = EnumSet.noneOf(Reason.class);
        for (Reason reason : Reason.values()) {
            if ((set & bit(reason)) != 0) {
                all.add(reason);
            }
        }
        return Collections.unmodifiableSet(all);
    }

    @SuppressWarnings("EnumOrdinal") // a set in memory: no number leaves this class
    private static long bit(Reason reason) {
        return 1L << reason.ordinal();
    }
}
