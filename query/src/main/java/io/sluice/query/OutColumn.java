package io.sluice.query;

import io.sluice.model.ColumnName;
import io.sluice.rows.RowColumn;
import java.util.List;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.util.MemoryUtil;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.BitVectorHelper;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;

/// One column of the batches of a stream: takes values of chunks into its vector, which begins empty and all null, or
/// lets it stand on the chunk's own memory. For one thread.
abstract sealed class OutColumn {
    /// The first room that is made: small answers are many.
    private static final int MIN_ROOM_ROWS = 64;

    private final ColumnName name;

    private OutColumn(ColumnName name) {
        this.name = name;
    }

    final ColumnName name() {
        return name;
    }

    abstract FieldVector vector();

    /// Makes room for rows up to `rowCount`.
    final void reserve(int rowCount) {
        FieldVector vector = vector();
        int room = vector.getValueCapacity();
        if (room == 0) {
            vector.setInitialCapacity(Math.max(rowCount, MIN_ROOM_ROWS));
            vector.allocateNew();
            room = vector.getValueCapacity();
        }
        while (room < rowCount) {
            vector.reAlloc();
            room = vector.getValueCapacity();
        }
    }

    /// Copies rows of a chunk to the rows from `at` on. There is room for them.
    ///
    /// @param from the first place among those selected
    final void copy(Source source, Selection rows, int from, int count, int at) {
        if (count == 0) {
            return;
        }
        FieldVector values = source.column().values();
        boolean hasNulls = source.nullCount() > 0;
        if (!hasNulls && rows instanceof Selection.All && copyRange(source, from, count, at)) {
            return;
        }
        if (!hasNulls && rows instanceof Selection.Some some && copySome(source, some.rows(), from, count, at)) {
            return;
        }
        for (int i = 0; i < count; i++) {
            int row = rows.row(from + i);
            if (!hasNulls || !values.isNull(row)) {
                copyOne(source, row, at + i);
            }
        }
    }

    /// Copies a value that is not null. There is room for it.
    abstract void copyOne(Source source, int row, int at);

    /// Copies rows that are next to one another and have no nulls; false if that is not quicker.
    boolean copyRange(Source source, int from, int count, int at) {
        return false;
    }

    /// Copies rows that have no nulls; false if that is not quicker.
    boolean copySome(Source source, int[] rows, int from, int count, int at) {
        return false;
    }

    /// Adds rows that are next to one another to a batch that stands on chunks' memory.
    final void refer(Source source, int from, int count, ColumnPieces into) {
        FieldVector values = source.column().values();
        if (values.getValueCount() < from + count) {
            throw new IllegalStateException(
                    "column '%s' has %d rows: expected %d".formatted(name, values.getValueCount(), from + count));
        }
        referValues(source, from, count, into);
        if (source.nullCount() == 0) {
            into.present(count);
        } else {
            into.presentAs(values.getValidityBuffer().memoryAddress(), from, count);
        }
    }

    abstract void referValues(Source source, int from, int count, ColumnPieces into);

    /// Adds rows of a chunk that lacks the column to such a batch.
    final void referNulls(int count, ColumnPieces into) {
        addZeros(count, into);
        into.absent(count);
    }

    abstract void addZeros(int count, ColumnPieces into);

    /// Puts the buffers of a batch that stands on chunks' memory behind those of other columns.
    void gather(ColumnPieces from, List<Pieces> into) {
        into.add(from.validity());
        into.add(from.values());
    }

    /// Puts the buffers of a batch of copied rows behind those of other columns; returns how many rows are null.
    final int gatherCopied(int rowCount, List<Pieces> into, List<Runnable> releases) {
        FieldVector vector = vector();
        int nulls = rowCount == 0 ? 0 : vector.getNullCount();
        Pieces validity = new Pieces();
        if (nulls > 0) {
            share(vector.getValidityBuffer(), (rowCount + 7) / 8, validity, releases);
        }
        into.add(validity);
        gatherCopiedValues(rowCount, into, releases);
        return nulls;
    }

    abstract void gatherCopiedValues(int rowCount, List<Pieces> into, List<Runnable> releases);

    /// Takes a reference of its own to a buffer's first bytes.
    static void share(ArrowBuf buffer, long bytes, Pieces into, List<Runnable> releases) {
        if (bytes > 0) {
            buffer.getReferenceManager().retain();
            releases.add(() -> buffer.getReferenceManager().release());
            into.add(buffer.memoryAddress(), bytes);
        }
    }

    private static void shareOne(ArrowBuf buffer, long bytes, List<Pieces> into, List<Runnable> releases) {
        Pieces pieces = new Pieces();
        share(buffer, bytes, pieces, releases);
        into.add(pieces);
    }

    /// Bytes of text in rows of a chunk; 0 if this is no text.
    long textBytes(Source source, int row, int count) {
        return 0;
    }

    /// Values of 8 bytes: the time, integers and floats.
    static final class Fixed extends OutColumn {
        private final FieldVector vector;

        Fixed(ColumnName name, FieldVector vector) {
            super(name);
            this.vector = vector;
        }

        @Override
        FieldVector vector() {
            return vector;
        }

        @Override
        void copyOne(Source source, int row, int at) {
            long value = source.column().values().getDataBuffer().getLong((long) row * Long.BYTES);
            vector.getDataBuffer().setLong((long) at * Long.BYTES, value);
            BitVectorHelper.setBit(vector.getValidityBuffer(), at);
        }

        @Override
        boolean copyRange(Source source, int from, int count, int at) {
            vector.getDataBuffer()
                    .setBytes(
                            (long) at * Long.BYTES,
                            source.column().values().getDataBuffer(),
                            (long) from * Long.BYTES,
                            (long) count * Long.BYTES);
            setBits(vector.getValidityBuffer(), at, count);
            return true;
        }

        @Override
        boolean copySome(Source source, int[] rows, int from, int count, int at) {
            ArrowBuf values = source.column().values().getDataBuffer();
            // Rows ascend, so that the last tells for all whether they are there.
            values.checkBytes(0, (rows[from + count - 1] + 1L) * Long.BYTES);
            vector.getDataBuffer().checkBytes((long) at * Long.BYTES, ((long) at + count) * Long.BYTES);
            long address = values.memoryAddress();
            long target = vector.getDataBuffer().memoryAddress() + (long) at * Long.BYTES;
            for (int i = 0; i < count; i++) {
                long value = MemoryUtil.getLong(address + (long) rows[from + i] * Long.BYTES);
                MemoryUtil.putLong(target + (long) i * Long.BYTES, value);
            }
            setBits(vector.getValidityBuffer(), at, count);
            return true;
        }

        @Override
        void referValues(Source source, int from, int count, ColumnPieces into) {
            into.refer(
                    source.column().values().getDataBuffer().memoryAddress() + (long) from * Long.BYTES,
                    (long) count * Long.BYTES);
        }

        @Override
        void addZeros(int count, ColumnPieces into) {
            into.zeros((long) count * Long.BYTES);
        }

        @Override
        void gatherCopiedValues(int rowCount, List<Pieces> into, List<Runnable> releases) {
            shareOne(vector.getDataBuffer(), (long) rowCount * Long.BYTES, into, releases);
        }
    }

    private static void setBits(ArrowBuf validity, int from, int count) {
        int row = from;
        while (row < from + count && row % 8 != 0) {
            BitVectorHelper.setBit(validity, row++);
        }
        int whole = (from + count - row) / 8;
        if (whole > 0) {
            validity.setOne(row / 8L, (long) whole);
            row += 8 * whole;
        }
        while (row < from + count) {
            BitVectorHelper.setBit(validity, row++);
        }
    }

    /// Booleans.
    static final class Bits extends OutColumn {
        private final BitVector vector;

        Bits(ColumnName name, BitVector vector) {
            super(name);
            this.vector = vector;
        }

        @Override
        FieldVector vector() {
            return vector;
        }

        @Override
        void copyOne(Source source, int row, int at) {
            vector.set(at, ((BitVector) source.column().values()).get(row));
        }

        @Override
        void referValues(Source source, int from, int count, ColumnPieces into) {
            into.bits(source.column().values().getDataBuffer().memoryAddress(), from, count);
        }

        @Override
        void addZeros(int count, ColumnPieces into) {
            into.needBits();
        }

        @Override
        void gather(ColumnPieces from, List<Pieces> into) {
            into.add(from.validity());
            into.add(from.bits());
        }

        @Override
        void gatherCopiedValues(int rowCount, List<Pieces> into, List<Runnable> releases) {
            shareOne(vector.getDataBuffer(), (rowCount + 7) / 8, into, releases);
        }
    }

    /// Strings, of whatever they are made.
    abstract static sealed class Strings extends OutColumn {
        final VarCharVector vector;

        Strings(ColumnName name, VarCharVector vector) {
            super(name);
            this.vector = vector;
        }

        @Override
        FieldVector vector() {
            return vector;
        }

        @Override
        void addZeros(int count, ColumnPieces into) {
            into.noText(count);
        }

        @Override
        void gather(ColumnPieces from, List<Pieces> into) {
            into.add(from.validity());
            into.add(from.offsets());
            into.add(from.values());
        }

        @Override
        void gatherCopiedValues(int rowCount, List<Pieces> into, List<Runnable> releases) {
            shareOne(vector.getOffsetBuffer(), rowCount == 0 ? 0 : (rowCount + 1L) * Integer.BYTES, into, releases);
            shareOne(vector.getDataBuffer(), rowCount == 0 ? 0 : vector.getEndOffset(rowCount - 1), into, releases);
        }
    }

    /// Strings.
    static final class Text extends Strings {
        Text(ColumnName name, VarCharVector vector) {
            super(name, vector);
        }

        @Override
        void copyOne(Source source, int row, int at) {
            VarCharVector values = (VarCharVector) source.column().values();
            int start = values.getStartOffset(row);
            vector.setSafe(at, start, values.getEndOffset(row) - start, values.getDataBuffer());
        }

        @Override
        void referValues(Source source, int from, int count, ColumnPieces into) {
            VarCharVector values = (VarCharVector) source.column().values();
            into.text(
                    values.getOffsetBuffer().memoryAddress() + (long) from * Integer.BYTES,
                    values.getDataBuffer().memoryAddress(),
                    count);
        }

        @Override
        long textBytes(Source source, int row, int count) {
            VarCharVector values = (VarCharVector) source.column().values();
            return (long) values.getEndOffset(row + count - 1) - values.getStartOffset(row);
        }
    }

    /// Tags that are plain in the stream: the values that rows of a chunk have in its own dictionary.
    static final class PlainTag extends Strings {
        PlainTag(ColumnName name, VarCharVector vector) {
            super(name, vector);
        }

        @Override
        void copyOne(Source source, int row, int at) {
            VarCharVector values = source.tag().dictionary();
            int code = source.tag().codes().getDataBuffer().getInt((long) row * Integer.BYTES);
            int start = values.getStartOffset(code);
            vector.setSafe(at, start, values.getEndOffset(code) - start, values.getDataBuffer());
        }

        @Override
        void referValues(Source source, int from, int count, ColumnPieces into) {
            into.textByCode(source.tag(), source.nullCount() > 0, from, count);
        }

        @Override
        long textBytes(Source source, int row, int count) {
            return textBytes(source.tag(), source.nullCount() > 0, row, count);
        }

        /// Bytes of the values in rows of a chunk.
        static long textBytes(RowColumn.Tag tag, boolean hasNulls, int from, int count) {
            ArrowBuf codes = tag.codes().getDataBuffer();
            // Bounds of codes are checked once, here; where a row is null, its code can be anything.
            codes.checkBytes((long) from * Integer.BYTES, ((long) from + count) * Integer.BYTES);
            long address = codes.memoryAddress();
            long total = 0;
            for (int row = from; row < from + count; row++) {
                if (!hasNulls || !tag.codes().isNull(row)) {
                    int code = MemoryUtil.getInt(address + (long) row * Integer.BYTES);
                    total += (long) tag.dictionary().getEndOffset(code)
                            - tag.dictionary().getStartOffset(code);
                }
            }
            return total;
        }
    }

    /// Tags: codes into the stream's dictionary.
    static final class Codes extends OutColumn {
        private final IntVector vector;

        Codes(ColumnName name, IntVector vector) {
            super(name);
            this.vector = vector;
        }

        @Override
        FieldVector vector() {
            return vector;
        }

        @Override
        void copyOne(Source source, int row, int at) {
            vector.set(at, source.code(source.column().values().getDataBuffer().getInt((long) row * Integer.BYTES)));
        }

        @Override
        boolean copyRange(Source source, int from, int count, int at) {
            vector.getDataBuffer().checkBytes((long) at * Integer.BYTES, ((long) at + count) * Integer.BYTES);
            long target = vector.getDataBuffer().memoryAddress() + (long) at * Integer.BYTES;
            translate(source, codes(source, from, count), count, target);
            setBits(vector.getValidityBuffer(), at, count);
            return true;
        }

        @Override
        boolean copySome(Source source, int[] rows, int from, int count, int at) {
            ArrowBuf codes = source.column().values().getDataBuffer();
            // Rows ascend, so that the last tells for all whether they are there.
            codes.checkBytes(0, (rows[from + count - 1] + 1L) * Integer.BYTES);
            vector.getDataBuffer().checkBytes((long) at * Integer.BYTES, ((long) at + count) * Integer.BYTES);
            long address = codes.memoryAddress();
            long target = vector.getDataBuffer().memoryAddress() + (long) at * Integer.BYTES;
            for (int i = 0; i < count; i++) {
                int code = source.code(MemoryUtil.getInt(address + (long) rows[from + i] * Integer.BYTES));
                MemoryUtil.putInt(target + (long) i * Integer.BYTES, code);
            }
            setBits(vector.getValidityBuffer(), at, count);
            return true;
        }

        /// The address of codes. Bounds are checked once, here: for queries of all rows the loops over codes are most
        /// of the work.
        private static long codes(Source source, int from, int count) {
            ArrowBuf codes = source.column().values().getDataBuffer();
            codes.checkBytes((long) from * Integer.BYTES, ((long) from + count) * Integer.BYTES);
            return codes.memoryAddress() + (long) from * Integer.BYTES;
        }

        private static void translate(Source source, long codes, int count, long target) {
            int[] translated = source.codes();
            int lowest = 0;
            for (int i = 0; i < count; i++) {
                int code = translated[MemoryUtil.getInt(codes + (long) i * Integer.BYTES)];
                lowest |= code;
                MemoryUtil.putInt(target + (long) i * Integer.BYTES, code);
            }
            if (lowest < 0) {
                throw source.unknownValue();
            }
        }

        @Override
        void referValues(Source source, int from, int count, ColumnPieces into) {
            long codes = codes(source, from, count);
            long bytes = (long) count * Integer.BYTES;
            if (source.nullCount() == 0 && source.isSame()) {
                into.refer(codes, bytes);
                return;
            }
            long target = into.own(bytes);
            if (source.nullCount() == 0) {
                translate(source, codes, count, target);
                return;
            }
            long validity = source.column().values().getValidityBuffer().memoryAddress();
            for (int i = 0; i < count; i++) {
                // Where a row is null, its code can be anything.
                int code = Bitmap.isSet(validity, from + i)
                        ? source.code(MemoryUtil.getInt(codes + (long) i * Integer.BYTES))
                        : 0;
                MemoryUtil.putInt(target + (long) i * Integer.BYTES, code);
            }
        }

        @Override
        void addZeros(int count, ColumnPieces into) {
            into.zeros((long) count * Integer.BYTES);
        }

        @Override
        void gatherCopiedValues(int rowCount, List<Pieces> into, List<Runnable> releases) {
            shareOne(vector.getDataBuffer(), (long) rowCount * Integer.BYTES, into, releases);
        }
    }
}
