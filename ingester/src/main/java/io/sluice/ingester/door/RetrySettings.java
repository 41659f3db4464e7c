package io.sluice.ingester.door;

import java.time.Duration;

/// How clients are told when to come back.
///
/// @param min the shortest delay, before it is spread
/// @param max the longest delay, before it is spread
public record RetrySettings(Mode mode, Duration min, Duration max) {
    /// Adaptive, 1 to 30 s.
    public static final RetrySettings DEFAULT =
            new RetrySettings(Mode.ADAPTIVE, Duration.ofSeconds(1), Duration.ofSeconds(30));

    /// What a delay follows from.
    public enum Mode {
        /// From how long what is under way will take.
        ADAPTIVE,
        /// From nothing: always the same, 5 s.
        CONSTANT
    }

    /// @throws IllegalArgumentException unless 0 < min <= max
    public RetrySettings {
        if (!min.isPositive() || max.compareTo(min) < 0) {
            throw new IllegalArgumentException(
                    "delays must be positive, and the shortest not above the longest: %s, %s".formatted(min, max));
        }
    }
}
