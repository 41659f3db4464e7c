package io.sluice.persist.parquet;

import java.util.Arrays;

/// Parquet's `DELTA_BINARY_PACKED`: differences of neighbours, in blocks of 128, less the least of the block, packed in
/// quarters with as many bits as the greatest of the quarter needs. All arithmetic is modulo 2^64. For one thread.
final class DeltaEncoder {
    private static final int BLOCK = 128;
    private static final int QUARTERS = 4;
    private static final int QUARTER = BLOCK / QUARTERS;

    private final long[] deltas = new long[BLOCK];
    private final int[] widths = new int[QUARTERS];

    /// Writes the values `[from, to)`.
    void write(long[] values, int from, int to, PageBytes out) {
        out.putVarint(BLOCK);
        out.putVarint(QUARTERS);
        out.putVarint((long) to - from);
        out.putZigzag(from < to ? values[from] : 0);
        for (int at = from + 1; at < to; at += BLOCK) {
            int count = Math.min(BLOCK, to - at);
            long least = prepare(values, at, count);
            out.putZigzag(least);
            for (int width : widths) {
                out.put(width);
            }
            for (int quarter = 0; quarter * QUARTER < count; quarter++) {
                out.putPacked(deltas, quarter * QUARTER, QUARTER, widths[quarter]);
            }
        }
    }

    /// Computes a block, and returns what all its differences are less.
    private long prepare(long[] values, int at, int count) {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < count; i++) {
            long delta = values[at + i] - values[at + i - 1];
            deltas[i] = delta;
            least = Math.min(least, delta);
        }
        Arrays.fill(deltas, count, BLOCK, least);
        for (int quarter = 0; quarter < QUARTERS; quarter++) {
            long bits = 0;
            for (int i = quarter * QUARTER; i < (quarter + 1) * QUARTER; i++) {
                deltas[i] -= least;
                bits |= deltas[i];
            }
            widths[quarter] = Long.SIZE - Long.numberOfLeadingZeros(bits);
        }
        return least;
    }

    /// How many bits a value would take, roughly: of some blocks, evenly spread.
    double bitsPerValue(long[] values, int count, int blocks) {
        long bits = 0;
        long seen = 0;
        int step = Math.max(BLOCK, count / blocks);
        for (int at = 1; at < count; at += step) {
            int of = Math.min(BLOCK, count - at);
            prepare(values, at, of);
            bits += Long.SIZE;
            for (int quarter = 0; quarter * QUARTER < of; quarter++) {
                bits += (long) QUARTER * widths[quarter];
            }
            seen += of;
        }
        return seen == 0 ? 0 : (double) bits / seen;
    }
}
