package io.sluice.ingester.admission;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.ingester.door.WriteOutcome.Reason;
import java.time.Duration;
import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The reasons to refuse writes that hold at this moment, as a set; one read in the hot path. Any thread may call any
/// method.
///
/// If several hold, the one told is the first in the order of [Reason]: what lasts longest stands first. Each one's
/// begin and end is a line in the log, and the seconds in between are a metric.
public final class IngestState {
    private static final Logger LOG = LoggerFactory.getLogger(IngestState.class);

    /// Changed under the lock.
    private final AtomicLong reasons = new AtomicLong();

    private final LongSupplier nanoTime;
    private final ReentrantLock lock = new ReentrantLock();

    /// Of those that hold.
    @GuardedBy("lock")
    private final Map<Reason, Long> sinceNs = new EnumMap<>(Reason.class);

    /// Of earlier times.
    @GuardedBy("lock")
    private final Map<Reason, Long> heldNs = new EnumMap<>(Reason.class);

    /// Publishes for each reason a gauge, 1 while it holds, and a counter of the seconds that it held.
    ///
    /// @param nanoTime monotonic time, nanoseconds
    public IngestState(LongSupplier nanoTime, MeterRegistry metrics) {
        this.nanoTime = nanoTime;
        for (Reason reason : Reason.values()) {
            Gauge.builder("sluice.ingest.refusing", () -> has(reason) ? 1 : 0)
                    .description("1 while writes are refused for this reason")
                    .tag("reason", reason.name())
                    .register(metrics);
            FunctionCounter.builder(
                            "sluice.ingest.refusing.seconds",
                            this,
                            state -> state.held(reason).toNanos() / 1e9)
                    .description("Seconds in which writes were refused for this reason")
                    .baseUnit("seconds")
                    .tag("reason", reason.name())
                    .register(metrics);
        }
    }

    /// Refuses writes for a reason from now on; true if it did not hold before.
    public boolean set(Reason reason) {
        boolean isNew = begin(reason);
        if (isNew) {
            LOG.info("writes are refused: {}", reason);
        }
        return isNew;
    }

    /// Refuses writes for a reason from now on; true if it did not hold before.
    ///
    /// @param why what the person on call needs to know; asked only if it did not
    public boolean set(Reason reason, Supplier<String> why) {
        boolean isNew = begin(reason);
        if (isNew) {
            LOG.atWarn().log("writes are refused: {}: {}", reason, why.get());
        }
        return isNew;
    }

    private boolean begin(Reason reason) {
        if (has(reason)) {
            return false;
        }
        lock.lock();
        try {
            if (has(reason)) {
                return false;
            }
            sinceNs.put(reason, nanoTime.getAsLong());
            reasons.set(reasons.get() | bit(reason));
            return true;
        } finally {
            lock.unlock();
        }
    }

    /// The reason holds no more; true if it did before.
    public boolean clear(Reason reason) {
        if (!has(reason)) {
            return false;
        }
        Duration lasted;
        Set<Reason> left;
        lock.lock();
        try {
            Long since = sinceNs.remove(reason);
            if (since == null) {
                return false;
            }
            reasons.set(reasons.get() & ~bit(reason));
            lasted = Duration.ofNanos(nanoTime.getAsLong() - since);
            heldNs.merge(reason, lasted.toNanos(), Long::sum);
            left = all();
        } finally {
            lock.unlock();
        }
        LOG.atInfo().log(
                "{} held for {} ms and holds no more; {}",
                reason,
                lasted.toMillis(),
                left.isEmpty() ? "writes are taken" : "writes are still refused: " + left);
        return true;
    }

    public boolean has(Reason reason) {
        return (reasons.get() & bit(reason)) != 0;
    }

    /// For how long a reason has held, all times together, this one included.
    public Duration held(Reason reason) {
        lock.lock();
        try {
            long held = heldNs.getOrDefault(reason, 0L);
            Long since = sinceNs.get(reason);
            return Duration.ofNanos(since == null ? held : held + nanoTime.getAsLong() - since);
        } finally {
            lock.unlock();
        }
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
