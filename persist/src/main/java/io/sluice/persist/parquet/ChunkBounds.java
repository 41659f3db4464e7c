package io.sluice.persist.parquet;

import java.util.Arrays;
import org.apache.parquet.column.statistics.DoubleStatistics;
import org.apache.parquet.format.Statistics;

/// What the footer may say about the least and the greatest value of a column in a row group.
///
/// | values                                | bounds                                                              |
/// |---------------------------------------|---------------------------------------------------------------------|
/// | integers, booleans, times             | the values, marked exact                                            |
/// | strings up to the length of a bound   | the values, marked exact                                            |
/// | longer strings                        | a shorter one below the least and above the greatest, marked inexact |
/// | longer strings without such a one     | none                                                                |
/// | floats                                | the values, and zeros as -0.0 below and +0.0 above, not marked      |
/// | floats with a NaN among them          | none                                                                |
///
/// Parquet allows bounds of the numbers beside a NaN, and a count of the NaNs tells of them. Readers older than that
/// count cannot know: for one that takes NaN as greater than all numbers, or concludes from equal bounds that no value
/// differs, the bounds would be wrong.
final class ChunkBounds {
    private ChunkBounds() {}

    /// Corrects the statistics of one column in one row group.
    ///
    /// @param found as they stand in the footer
    /// @param known of the values as they were written, nothing cut
    /// @param maxBytes length at which Parquet cuts strings
    static void settle(Statistics found, org.apache.parquet.column.statistics.Statistics<?> known, int maxBytes) {
        byte[] min = found.getMin_value();
        byte[] max = found.getMax_value();
        if (min == null || max == null) {
            return;
        }
        if (known instanceof DoubleStatistics) {
            if (known.getNanCount() > 0) {
                drop(found);
            }
            return;
        }
        if (Math.max(min.length, max.length) > maxBytes) {
            drop(found);
            return;
        }
        found.setIs_min_value_exact(Arrays.equals(min, known.getMinBytes()));
        found.setIs_max_value_exact(Arrays.equals(max, known.getMaxBytes()));
    }

    private static void drop(Statistics found) {
        found.unsetMin();
        found.unsetMax();
        found.unsetMin_value();
        found.unsetMax_value();
    }
}
