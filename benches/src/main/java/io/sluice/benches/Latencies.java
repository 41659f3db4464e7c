package io.sluice.benches;

import java.util.Arrays;
import java.util.List;

/// Durations in nanoseconds, every one of them kept. One thread at a time.
final class Latencies {
    private long[] nanos = new long[1 << 12];
    private int count;

    void add(long lengthNanos) {
        if (count == nanos.length) {
            nanos = Arrays.copyOf(nanos, 2 * count);
        }
        nanos[count++] = lengthNanos;
    }

    int count() {
        return count;
    }

    /// All of several, the shortest first.
    static long[] sorted(List<Latencies> all) {
        long[] merged = new long[all.stream().mapToInt(Latencies::count).sum()];
        int at = 0;
        for (Latencies one : all) {
            System.arraycopy(one.nanos, 0, merged, at, one.count);
            at += one.count;
        }
        Arrays.sort(merged);
        return merged;
    }

    /// The shortest duration that a share of all does not exceed.
    ///
    /// @param sorted not empty
    /// @param share above 0, at most 1
    static long percentile(long[] sorted, double share) {
        return sorted[(int) Math.ceil(share * sorted.length) - 1];
    }
}
