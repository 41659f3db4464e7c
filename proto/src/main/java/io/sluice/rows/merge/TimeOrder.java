package io.sluice.rows.merge;

/// Puts rows in the order of their timestamps, those of one timestamp in the order in which they arrived.
public final class TimeOrder {
    private TimeOrder() {}

    /// The rows' numbers in that order. Takes up to 24 bytes of heap for each row while it runs.
    ///
    /// @param times of the rows in the order in which they arrived, nanoseconds since the epoch
    public static int[] of(long[] times) {
        return RowOrder.byTime(times);
    }
}
