package io.sluice.persist.parquet;

import io.sluice.model.ColumnSchema;
import org.apache.parquet.column.statistics.Statistics;

/// The least and the greatest of some numbers, for the statistics of a page.
final class NumberBounds {
    private static final long NEGATIVE_ZERO = Double.doubleToRawLongBits(-0.0);

    private NumberBounds() {}

    /// Adds the values `[from, to)`, of which there is one.
    static void add(ColumnSchema schema, long[] values, int from, int to, Statistics<?> statistics) {
        switch (schema.type()) {
            case I64 -> addSigned(values, from, to, 0, statistics);
            case U64 -> addSigned(values, from, to, Long.MIN_VALUE, statistics);
            case F64 -> addFloats(values, from, to, statistics);
            case BOOL -> addBooleans(values, from, to, statistics);
            case STRING -> throw new IllegalArgumentException("'%s' is a string".formatted(schema.name()));
        }
    }

    /// @param flip added to each for the comparison: the highest bit, and numbers are compared as unsigned
    ///     ones
    private static void addSigned(long[] values, int from, int to, long flip, Statistics<?> statistics) {
        long least = Long.MAX_VALUE;
        long greatest = Long.MIN_VALUE;
        for (int i = from; i < to; i++) {
            long value = values[i] ^ flip;
            least = Math.min(least, value);
            greatest = Math.max(greatest, value);
        }
        statistics.updateStats(least ^ flip);
        statistics.updateStats(greatest ^ flip);
    }

    private static void addBooleans(long[] values, int from, int to, Statistics<?> statistics) {
        long any = 0;
        long all = 1;
        for (int i = from; i < to; i++) {
            any |= values[i];
            all &= values[i];
        }
        statistics.updateStats(all != 0);
        statistics.updateStats(any != 0);
    }

    /// Zeros count as -0.0 below and +0.0 above, whatever they are; NaNs are counted.
    private static void addFloats(long[] values, int from, int to, Statistics<?> statistics) {
        double least = Double.POSITIVE_INFINITY;
        double greatest = Double.NEGATIVE_INFINITY;
        int nans = 0;
        for (int i = from; i < to; i++) {
            double value = Double.longBitsToDouble(values[i]);
            if (Double.isNaN(value)) {
                nans++;
            } else {
                least = Math.min(least, value);
                greatest = Math.max(greatest, value);
            }
        }
        if (nans < to - from) {
            statistics.updateStats(least == 0 ? Double.longBitsToDouble(NEGATIVE_ZERO) : least);
            statistics.updateStats(greatest == 0 ? 0.0 : greatest);
        }
        statistics.incrementNanCount(nans);
    }
}
