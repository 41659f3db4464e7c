package io.sluice.rows.merge;

import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.util.Arrays;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VarCharVector;

/// The values of a string field for the rows of a [RowWindow]: where they lie in the batches. Memory that is used again
/// for other columns, 8 bytes for each row of the largest window. For one thread.
public final class TextColumn {
    private static final ByteBuffer NO_TEXTS = ByteBuffer.allocate(0);
    private static final IntBuffer NO_OFFSETS = IntBuffer.allocate(0);

    /// Number of the batch above, place in it below; -1 where there is no value.
    private long[] origins = new long[0];

    private IntBuffer[] offsets = new IntBuffer[0];
    private ByteBuffer[] texts = new ByteBuffer[0];
    private int size;

    public int size() {
        return size;
    }

    public boolean isPresent(int row) {
        return origins[row] >= 0;
    }

    /// How many bytes the value of a row has that has one.
    public int length(int row) {
        IntBuffer from = offsets[batch(row)];
        int place = (int) origins[row];
        return from.get(place + 1) - from.get(place);
    }

    /// Copies the value of a row that has one.
    public void copy(int row, byte[] into, int at) {
        int batch = batch(row);
        int place = (int) origins[row];
        int start = offsets[batch].get(place);
        texts[batch].get(start, into, at, offsets[batch].get(place + 1) - start);
    }

    private int batch(int row) {
        return (int) (origins[row] >>> Integer.SIZE);
    }

    /// Makes room; no row has a value then.
    void reset(int rows, int batches) {
        size = rows;
        if (origins.length < rows) {
            origins = new long[rows];
        }
        Arrays.fill(origins, 0, rows, -1);
        offsets = new IntBuffer[batches];
        texts = new ByteBuffer[batches];
        Arrays.fill(offsets, NO_OFFSETS);
        Arrays.fill(texts, NO_TEXTS);
    }

    /// Takes values from a vector.
    ///
    /// @param moves from `begin` to `end`: arrival number above, row below
    /// @param start arrival number of the vector's first value
    void fill(int batch, FieldVector vector, int rows, long[] moves, int begin, int end, int start) {
        VarCharVector strings = (VarCharVector) vector;
        offsets[batch] = Vectors.offsets(strings, rows);
        texts[batch] = Vectors.texts(strings, offsets[batch].get(rows));
        boolean hasNulls = vector.getNullCount() > 0;
        ByteBuffer validity = hasNulls ? Vectors.validity(vector, rows) : NO_TEXTS;
        long ofBatch = (long) batch << Integer.SIZE;
        for (int i = begin; i < end; i++) {
            int arrived = (int) (moves[i] >>> Integer.SIZE) - start;
            if (!hasNulls || Vectors.bit(validity, arrived) != 0) {
                origins[(int) moves[i]] = ofBatch | arrived;
            }
        }
    }
}
