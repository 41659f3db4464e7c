package io.sluice.query;

import io.sluice.rows.RowColumn;
import org.apache.arrow.memory.util.MemoryUtil;
import org.apache.arrow.vector.VarCharVector;

/// One column of a batch that is sent from chunks' memory: where its values lie, and which of them are null. For one
/// thread.
final class ColumnPieces {
    private final int maxRows;
    private final Scratch scratch;
    /// Of strings: where each ends, and the bytes; else only the values.
    private final Pieces offsets = new Pieces();

    private final Pieces values = new Pieces();
    private int rowCount;
    private int nullCount;
    /// Bits of the rows that are present; 0 as long as all are.
    private long validity;
    /// Of booleans; 0 before the first.
    private long bits;

    private int textBytes;

    /// @param maxRows the most rows that there will be
    ColumnPieces(int maxRows, Scratch scratch) {
        this.maxRows = maxRows;
        this.scratch = scratch;
    }

    int rowCount() {
        return rowCount;
    }

    int nullCount() {
        return nullCount;
    }

    Pieces values() {
        return values;
    }

    Pieces offsets() {
        return offsets;
    }

    /// The bits of all rows; empty if no row is null.
    Pieces validity() {
        Pieces pieces = new Pieces();
        if (nullCount > 0) {
            pieces.add(validity, (rowCount + 7) / 8);
        }
        return pieces;
    }

    private long takeZeros(long bytes) {
        long address = scratch.take(bytes);
        MemoryUtil.setMemory(address, bytes, (byte) 0);
        return address;
    }

    private long bitmap() {
        return takeZeros((maxRows + 7) / 8);
    }

    private void needValidity() {
        if (validity == 0) {
            validity = bitmap();
            Bitmap.set(validity, 0, rowCount);
        }
    }

    /// Says of the next rows that none is null.
    void present(int count) {
        if (validity != 0) {
            Bitmap.set(validity, rowCount, count);
        }
        rowCount += count;
    }

    /// Says of the next rows which are null.
    ///
    /// @param source the address of their bits
    void presentAs(long source, int from, int count) {
        needValidity();
        nullCount += count - Bitmap.copy(source, from, validity, rowCount, count);
        rowCount += count;
    }

    /// Says of the next rows that all are null.
    void absent(int count) {
        needValidity();
        nullCount += count;
        rowCount += count;
    }

    /// Adds values that lie elsewhere.
    void refer(long address, long bytes) {
        values.add(address, bytes);
    }

    /// Adds values that are put where this says.
    long own(long bytes) {
        long address = scratch.take(bytes);
        values.add(address, bytes);
        return address;
    }

    /// Adds values that are all zero.
    void zeros(long bytes) {
        values.add(takeZeros(bytes), bytes);
    }

    /// Adds booleans. To be called before the rows are counted.
    void bits(long source, int from, int count) {
        needBits();
        Bitmap.copy(source, from, bits, rowCount, count);
    }

    /// Makes room for booleans, all false.
    void needBits() {
        if (bits == 0) {
            bits = bitmap();
        }
    }

    /// The booleans of all rows.
    Pieces bits() {
        Pieces pieces = new Pieces();
        if (bits != 0) {
            pieces.add(bits, (rowCount + 7) / 8);
        }
        return pieces;
    }

    /// Adds strings; their bytes lie behind one another.
    ///
    /// @param ends the address of their first one's start, followed by the end of each
    /// @param data where a start of 0 is
    void text(long ends, long data, int count) {
        int start = MemoryUtil.getInt(ends);
        long target = beginOffsets(count);
        for (int i = 1; i <= count; i++) {
            MemoryUtil.putInt(
                    target + (i - 1L) * Integer.BYTES,
                    MemoryUtil.getInt(ends + (long) i * Integer.BYTES) - start + textBytes);
        }
        int bytes = MemoryUtil.getInt(ends + (long) count * Integer.BYTES) - start;
        textBytes += bytes;
        values.add(data + start, bytes);
    }

    /// Adds copies of the values that rows of a chunk have in its dictionary.
    void textByCode(RowColumn.Tag tag, boolean hasNulls, int from, int count) {
        int bytes = Math.toIntExact(OutColumn.PlainTag.textBytes(tag, hasNulls, from, count));
        long ends = beginOffsets(count);
        long target = bytes == 0 ? 0 : own(bytes);
        VarCharVector values = tag.dictionary();
        long data = values.getDataBuffer().memoryAddress();
        long codes = tag.codes().getDataBuffer().memoryAddress();
        for (int i = 0; i < count; i++) {
            if (!hasNulls || !tag.codes().isNull(from + i)) {
                int code = MemoryUtil.getInt(codes + (from + (long) i) * Integer.BYTES);
                int start = values.getStartOffset(code);
                int length = values.getEndOffset(code) - start;
                MemoryUtil.copyMemory(data + start, target, length);
                target += length;
                textBytes += length;
            }
            MemoryUtil.putInt(ends + (long) i * Integer.BYTES, textBytes);
        }
    }

    /// Adds strings that are empty.
    void noText(int count) {
        long target = beginOffsets(count);
        for (int i = 0; i < count; i++) {
            MemoryUtil.putInt(target + (long) i * Integer.BYTES, textBytes);
        }
    }

    private long beginOffsets(int count) {
        if (offsets.count() == 0) {
            offsets.add(takeZeros(Integer.BYTES), Integer.BYTES);
        }
        long bytes = (long) count * Integer.BYTES;
        long address = scratch.take(bytes);
        offsets.add(address, bytes);
        return address;
    }
}
