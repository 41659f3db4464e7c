package io.sluice.rows.merge;

import java.util.List;

/// Puts rows in the order of their timestamps, those of one timestamp in the order in which they arrived.
public final class TimeOrder {
    private TimeOrder() {}

    /// The rows' numbers in that order. Takes as much memory again as `times`, for as long as it runs.
    ///
    /// @param times of the rows in the order in which they arrived, nanoseconds since the epoch
    public static int[] of(long[] times) {
        return RowOrder.of(List.of(), times).rows();
    }
}
