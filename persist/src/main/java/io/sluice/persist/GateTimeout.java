package io.sluice.persist;

import java.time.Duration;
import java.util.OptionalLong;

/// How long a job waits for its turn at the [PersistGate] before it looks around and asks again, in its old place.
///
/// @param unmeasured what stands for the median of recent jobs before one has succeeded
/// @param floor no wait is shorter, save that before the first success with [Mode#MEDIAN]
/// @param cap no wait is longer with [Mode#POSITION]
public record GateTimeout(Mode mode, Duration unmeasured, Duration floor, Duration cap) {
    /// What the median is made into.
    public enum Mode {
        /// Twice the median for each round of jobs ahead, one's own included: whoever waits has its turn by then,
        /// as a rule.
        POSITION,
        /// The median itself, whatever the place.
        MEDIAN
    }

    /// The longest of each. In nanoseconds, and times the jobs ahead, it stays far from the range's end.
    public static final int MAX_DAYS = 1;

    // Room for jobs that take longer than the median.
    private static final long SLACK = 2;

    /// By place; 5 s before the first success, 1 s at least, 60 s at most.
    public static final GateTimeout DEFAULT = of(Mode.POSITION);

    /// @throws IllegalArgumentException if a duration is not positive, longer than a day, or the floor is
    ///     above the cap; the message says which
    public GateTimeout {
        check("unmeasured", unmeasured, Duration.ofNanos(1));
        check("floor", floor, Duration.ofNanos(1));
        check("cap", cap, floor);
    }

    /// The defaults, in a mode.
    public static GateTimeout of(Mode mode) {
        return new GateTimeout(mode, Duration.ofSeconds(5), Duration.ofSeconds(1), Duration.ofSeconds(60));
    }

    /// @param medianNanos of recent jobs; empty if none has succeeded
    /// @param ahead jobs that are served before this one, of those that wait
    /// @param slots jobs that may be inside at once
    Duration after(OptionalLong medianNanos, int ahead, int slots) {
        return switch (mode) {
            case MEDIAN ->
                medianNanos.isPresent()
                        ? Duration.ofNanos(Math.max(medianNanos.getAsLong(), floor.toNanos()))
                        : unmeasured;
            case POSITION -> {
                long rounds = Math.ceilDiv(ahead + 1L, slots);
                long median = medianNanos.orElse(unmeasured.toNanos());
                long most = cap.toNanos();
                boolean isBeyond = median > most / (SLACK * rounds);
                yield isBeyond ? cap : Duration.ofNanos(Math.max(median * SLACK * rounds, floor.toNanos()));
            }
        };
    }

    private static void check(String name, Duration value, Duration min) {
        if (value.compareTo(min) < 0 || value.compareTo(Duration.ofDays(MAX_DAYS)) > 0) {
            throw new IllegalArgumentException(
                    "%s is %s: expected %s to %s".formatted(name, value, min, Duration.ofDays(MAX_DAYS)));
        }
    }
}
