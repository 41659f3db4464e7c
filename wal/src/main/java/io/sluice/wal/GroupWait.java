package io.sluice.wal;

import java.time.Duration;

/// How long a write waits for others to share its sync.
///
/// @param delay zero: not at all
/// @param siblings how many other writes must be in flight for that
public record GroupWait(Duration delay, int siblings) {
    private static final Duration LONGEST_DELAY = Duration.ofSeconds(1);

    /// @throws IllegalArgumentException if the delay is negative or above a second, or `siblings` negative
    public GroupWait {
        if (delay.isNegative() || delay.compareTo(LONGEST_DELAY) > 0 || siblings < 0) {
            throw new IllegalArgumentException("groupDelay must be 0 to %s and groupSiblings at least 0: %s, %d"
                    .formatted(LONGEST_DELAY, delay, siblings));
        }
    }
}
