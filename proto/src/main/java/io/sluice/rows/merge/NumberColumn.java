package io.sluice.rows.merge;

import java.nio.ByteBuffer;
import java.nio.LongBuffer;
import java.util.Arrays;
import org.apache.arrow.vector.FieldVector;

/// The values of a column that is no string, for the rows of a [RowWindow]; memory that is used again for other
/// columns. 8 bytes and a bit for each row of the largest window. For one thread.
public final class NumberColumn {
    private long[] values = new long[0];
    private long[] present = new long[0];
    private int size;
    private boolean isComplete;

    /// The values by row; what stands where there is none is any number. Perhaps longer than the window.
    public long[] values() {
        return values;
    }

    public int size() {
        return size;
    }

    /// Whether all rows have a value.
    public boolean isComplete() {
        return isComplete;
    }

    public boolean isPresent(int row) {
        return isComplete || (present[row >>> 6] >>> row & 1) != 0;
    }

    /// Eight bits that tell which of the rows from this one on have a value, the first row's lowest; not to be asked
    /// of a complete column.
    public int presentByte(int row) {
        int word = row >>> 6;
        int shift = row & 63;
        long bits = present[word] >>> shift;
        if (shift > 56 && word + 1 < present.length) {
            bits |= present[word + 1] << 64 - shift;
        }
        return (int) bits & 0xFF;
    }

    /// How many of the rows `[from, to)` have a value.
    public int count(int from, int to) {
        if (isComplete) {
            return to - from;
        }
        int count = 0;
        int row = from;
        while (row < to && (row & 63) != 0) {
            count += isPresent(row++) ? 1 : 0;
        }
        for (; row <= to - 64; row += 64) {
            count += Long.bitCount(present[row >>> 6]);
        }
        while (row < to) {
            count += isPresent(row++) ? 1 : 0;
        }
        return count;
    }

    /// Moves the values that are there to the front of [#values], in their order; which rows have one is still known.
    ///
    /// @return how many they are
    public int compact() {
        if (isComplete) {
            return size;
        }
        int count = 0;
        for (int word = 0; word < Math.ceilDiv(size, 64); word++) {
            for (long bits = present[word]; bits != 0; bits &= bits - 1) {
                values[count++] = values[(word << 6) + Long.numberOfTrailingZeros(bits)];
            }
        }
        return count;
    }

    /// Makes room; no row has a value then.
    void reset(int rows) {
        size = rows;
        isComplete = false;
        if (values.length < rows) {
            values = new long[rows];
            present = new long[Math.ceilDiv(rows, 64)];
        }
        Arrays.fill(present, 0, Math.ceilDiv(rows, 64), 0);
    }

    /// Says that each row has a value.
    void setComplete() {
        isComplete = true;
    }

    /// Takes values from a vector.
    ///
    /// @param moves from `begin` to `end`: arrival number above, row below
    /// @param start arrival number of the vector's first value
    /// @param isKnownComplete whether nobody will ask which rows have a value
    void fill(
            FieldVector vector,
            int rows,
            boolean areBits,
            long[] moves,
            int begin,
            int end,
            int start,
            boolean isKnownComplete) {
        boolean hasNulls = vector.getNullCount() > 0;
        if (hasNulls) {
            fillPresent(vector, rows, areBits, moves, begin, end, start);
            return;
        }
        if (areBits) {
            ByteBuffer bits = Vectors.bits(vector, rows);
            for (int i = begin; i < end; i++) {
                values[(int) moves[i]] = Vectors.bit(bits, (int) (moves[i] >>> Integer.SIZE) - start);
            }
        } else {
            LongBuffer from = Vectors.longs(vector, rows);
            for (int i = begin; i < end; i++) {
                long move = moves[i];
                values[(int) move] = from.get((int) (move >>> Integer.SIZE) - start);
            }
        }
        if (!isKnownComplete) {
            for (int i = begin; i < end; i++) {
                int row = (int) moves[i];
                present[row >>> 6] |= 1L << row;
            }
        }
    }

    private void fillPresent(
            FieldVector vector, int rows, boolean areBits, long[] moves, int begin, int end, int start) {
        ByteBuffer validity = Vectors.validity(vector, rows);
        ByteBuffer bits = areBits ? Vectors.bits(vector, rows) : ByteBuffer.allocate(0);
        LongBuffer from = areBits ? LongBuffer.allocate(0) : Vectors.longs(vector, rows);
        for (int i = begin; i < end; i++) {
            int arrived = (int) (moves[i] >>> Integer.SIZE) - start;
            if (Vectors.bit(validity, arrived) != 0) {
                int row = (int) moves[i];
                values[row] = areBits ? Vectors.bit(bits, arrived) : from.get(arrived);
                present[row >>> 6] |= 1L << row;
            }
        }
    }
}
