package io.sluice.rows.merge;

import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.util.Arrays;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VarCharVector;

/// The values of a string field for the rows of a [RowWindow]: where they lie in the batches. Memory that is used again
/// for other columns, 12 bytes for each row of the largest window. For one thread.
public final class TextColumn {
    private static final ByteBuffer NO_TEXTS = ByteBuffer.allocate(0);
    private static final int ABSENT = -1;

    /// Number of the batch above, where the text begins in it below.
    private long[] starts = new long[0];
    /// Bytes of the text; -1 where there is no value.
    private int[] lengths = new int[0];

    private ByteBuffer[] texts = new ByteBuffer[0];
    private int size;

    public int size() {
        return size;
    }

    public boolean isPresent(int row) {
        return lengths[row] != ABSENT;
    }

    /// How many bytes the value of a row has that has one.
    public int length(int row) {
        return lengths[row];
    }

    /// Copies the value of a row that has one.
    public void copy(int row, byte[] into, int at) {
        long start = starts[row];
        texts[(int) (start >>> Integer.SIZE)].get((int) start, into, at, lengths[row]);
    }

    /// Makes room; no row has a value then.
    void reset(int rows, int batches) {
        size = rows;
        if (starts.length < rows) {
            starts = new long[rows];
            lengths = new int[rows];
        }
        Arrays.fill(lengths, 0, rows, ABSENT);
        texts = new ByteBuffer[batches];
        Arrays.fill(texts, NO_TEXTS);
    }

    /// Takes values from a vector.
    ///
    /// @param moves from `begin` to `end`: arrival number above, row below
    /// @param start arrival number of the vector's first value
    void fill(int batch, FieldVector vector, int rows, long[] moves, int begin, int end, int start) {
        VarCharVector strings = (VarCharVector) vector;
        IntBuffer offsets = Vectors.offsets(strings, rows);
        texts[batch] = Vectors.texts(strings, offsets.get(rows));
        boolean hasNulls = vector.getNullCount() > 0;
        ByteBuffer validity = hasNulls ? Vectors.validity(vector, rows) : NO_TEXTS;
        long ofBatch = (long) batch << Integer.SIZE;
        for (int i = begin; i < end; i++) {
            int arrived = (int) (moves[i] >>> Integer.SIZE) - start;
            if (!hasNulls || Vectors.bit(validity, arrived) != 0) {
                int row = (int) moves[i];
                int textStart = offsets.get(arrived);
                starts[row] = ofBatch | textStart;
                lengths[row] = offsets.get(arrived + 1) - textStart;
            }
        }
    }
}
