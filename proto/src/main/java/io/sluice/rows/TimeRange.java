package io.sluice.rows;

/// Timestamps from one to another, both inclusive, nanoseconds since the epoch. None if the first is above the last.
public record TimeRange(long firstNs, long lastNs) {
    public static final TimeRange ALL = new TimeRange(Long.MIN_VALUE, Long.MAX_VALUE);
    private static final TimeRange NONE = new TimeRange(Long.MAX_VALUE, Long.MIN_VALUE);

    /// Up to an end that is exclusive.
    public static TimeRange between(long startNs, long endNs) {
        return startNs < endNs ? new TimeRange(startNs, endNs - 1) : NONE;
    }

    public boolean contains(long timeNs) {
        return timeNs >= firstNs && timeNs <= lastNs;
    }

    /// Whether all timestamps from `minNs` to `maxNs` are in here.
    public boolean containsAll(long minNs, long maxNs) {
        return minNs >= firstNs && maxNs <= lastNs;
    }

    /// Whether any timestamp from `minNs` to `maxNs` is in here.
    public boolean overlaps(long minNs, long maxNs) {
        return maxNs >= firstNs && minNs <= lastNs;
    }
}
