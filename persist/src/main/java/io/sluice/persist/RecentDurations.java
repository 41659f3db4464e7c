package io.sluice.persist;

import java.util.Arrays;
import java.util.OptionalLong;

/// The last [#WINDOW] durations, and their median. One thread at a time.
final class RecentDurations {
    /// How many are remembered.
    static final int WINDOW = 64;

    private final long[] nanos = new long[WINDOW];
    private long count;
    private OptionalLong median = OptionalLong.empty();

    void add(long lengthNanos) {
        nanos[(int) (count % WINDOW)] = lengthNanos;
        count++;
        long[] sorted = Arrays.copyOf(nanos, (int) Math.min(count, WINDOW));
        Arrays.sort(sorted);
        median = OptionalLong.of(sorted[sorted.length / 2]);
    }

    /// The one in the middle, or the longer of the two there, nanoseconds; empty if there is none.
    OptionalLong medianNanos() {
        return median;
    }
}
