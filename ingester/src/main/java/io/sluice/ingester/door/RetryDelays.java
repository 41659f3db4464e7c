package io.sluice.ingester.door;

import io.sluice.ingester.door.WriteOutcome.Reason;
import java.time.Duration;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.DoubleSupplier;
import java.util.function.Supplier;

/// Says when to come back. Each delay is spread over once to twice its length, so that those who were refused together
/// do not come back together. Any thread may call any method.
public final class RetryDelays {
    private static final double CONSTANT_SECONDS = 5;
    /// Of states that pass within moments.
    private static final double SOON_SECONDS = 1;
    /// Of states that take a little longer.
    private static final double LATER_SECONDS = 2;
    /// Of a start or a stop: from a second to this.
    private static final double MAX_RESTART_SECONDS = 5;

    private static final double NANOS_PER_SECOND = 1e9;

    private final DoubleSupplier random;
    private final Map<Reason, Supplier<OptionalDouble>> estimates = new ConcurrentHashMap<>();
    private volatile RetrySettings settings;

    /// With the usual settings.
    ///
    /// @param random from 0 (inclusive) to 1 (exclusive), by any thread
    public RetryDelays(DoubleSupplier random) {
        this(RetrySettings.DEFAULT, random);
    }

    /// @param random from 0 (inclusive) to 1 (exclusive), by any thread
    public RetryDelays(RetrySettings settings, DoubleSupplier random) {
        this.settings = settings;
        this.random = random;
    }

    /// Delays follow from other settings from now on.
    public void reconfigure(RetrySettings next) {
        settings = next;
    }

    public RetrySettings settings() {
        return settings;
    }

    /// Delays for this reason follow from an estimate from now on.
    ///
    /// @param seconds until the reason passes; empty if that is not known
    public void estimate(Reason reason, Supplier<OptionalDouble> seconds) {
        estimates.put(reason, seconds);
    }

    /// For what passes within moments: the shortest delay.
    public Duration soon() {
        return after(SOON_SECONDS);
    }

    /// For a state of the server.
    public Duration after(Reason reason) {
        Supplier<OptionalDouble> estimate = estimates.get(reason);
        if (estimate != null) {
            OptionalDouble seconds = estimate.get();
            if (seconds.isPresent()) {
                return after(seconds.getAsDouble());
            }
        }
        return switch (reason) {
            case NOT_READY, GRACEFUL_STOP, WAL_FAILED, FENCED ->
                seconds(1 + random.getAsDouble() * (MAX_RESTART_SECONDS - 1));
            case PERSIST_SATURATED, DISK_FULL, WAL_FULL -> after(CONSTANT_SECONDS);
            case CATALOG_UNAVAILABLE, MEMORY_LIMIT, PARTITION_LIMIT -> after(LATER_SECONDS);
            case ADMISSION_LIMIT, NAMESPACE_LIMIT, INFLIGHT_BYTES -> soon();
        };
    }

    /// For what is known to take so long.
    ///
    /// @param seconds until what is under way will have made room; NaN and what is out of bounds mean a bound
    public Duration after(double seconds) {
        RetrySettings now = settings;
        double expected = now.mode() == RetrySettings.Mode.CONSTANT ? CONSTANT_SECONDS : seconds;
        double max = now.max().toNanos() / NANOS_PER_SECOND;
        double min = now.min().toNanos() / NANOS_PER_SECOND;
        double bounded = expected < max ? Math.max(min, expected) : max;
        return seconds(bounded * (1 + random.getAsDouble()));
    }

    private static Duration seconds(double seconds) {
        return Duration.ofNanos((long) (seconds * NANOS_PER_SECOND));
    }
}
