package io.sluice.wal;

import java.time.Duration;

/// What shares a sync.
///
/// @param delay how long a write waits for others; zero: not at all
/// @param siblings how many other writes must be in flight for that
/// @param maxBytes the most that is written at once; a longer write is alone
public record GroupLimits(Duration delay, int siblings, long maxBytes) {
    /// As much as is staged in memory.
    public static final long MOST_BYTES = 4 << 20;

    private static final Duration LONGEST_DELAY = Duration.ofSeconds(1);

    /// Without a delay, as many bytes as are staged.
    public static final GroupLimits DEFAULT = new GroupLimits(Duration.ZERO, 5, MOST_BYTES);

    /// @throws IllegalArgumentException if the delay is negative or above a second, `siblings` negative, or
    ///     `maxBytes` not from 1 to [#MOST_BYTES]
    public GroupLimits {
        if (delay.isNegative() || delay.compareTo(LONGEST_DELAY) > 0 || siblings < 0) {
            throw new IllegalArgumentException("a group's delay must be 0 to %s and its siblings at least 0: %s, %d"
                    .formatted(LONGEST_DELAY, delay, siblings));
        }
        if (maxBytes < 1 || maxBytes > MOST_BYTES) {
            throw new IllegalArgumentException("a group's bytes must be 1 to %d: %d".formatted(MOST_BYTES, maxBytes));
        }
    }
}
