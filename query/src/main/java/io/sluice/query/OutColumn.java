package io.sluice.query;

import io.sluice.model.ColumnName;
import io.sluice.rows.RowColumn;
import java.util.List;
import java.util.Optional;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.util.MemoryUtil;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.BitVectorHelper;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.ipc.message.ArrowFieldNode;

/// One column of the batches of a stream: takes values of chunks into its vector, which begins empty and all null, or
/// lets it stand on the chunk's own memory. For one thread.
abstract sealed class OutColumn {
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
        while (vector.getValueCapacity() < rowCount) {
            vector.reAlloc();
        }
    }

    /// Copies rows of a chunk to the rows from `at` on. There is room for them.
    ///
    /// @param from the first place among those selected
    final void copy(Source source, Selection rows, int from, int count, int at) {
        FieldVector values = source.column().values();
        boolean hasNulls = values.getNullCount() > 0;
        if (!hasNulls && rows instanceof Selection.All && copyRange(source, from, count, at)) {
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

    /// Lets the vector stand on a chunk's memory, which stays alive as long as the vector needs it.
    ///
    /// @param from a multiple of 8
    abstract void slice(Source source, int from, int count);

    /// Bytes of text in rows of a chunk; 0 if this is no text.
    long textBytes(Source source, int row, int count) {
        return 0;
    }

    /// A chunk's column, and what the stream makes of its codes if it is a tag.
    ///
    /// @param codes for each code of the chunk the stream's; empty if the column is no tag
    /// @param isSame whether the stream's codes are the chunk's
    record Source(RowColumn column, int[] codes, boolean isSame) {
        static Source of(RowColumn column) {
            return new Source(column, new int[0], true);
        }

        /// @param before the same column of the chunk before, whose codes are taken if the dictionaries are
        ///     equal
        static Source of(RowColumn.Tag tag, StreamDictionary dictionary, Optional<Source> before) {
            if (before.isPresent()
                    && before.get().column() instanceof RowColumn.Tag known
                    && StreamDictionary.areEqual(known.dictionary(), tag.dictionary())) {
                return new Source(tag, before.get().codes(), before.get().isSame());
            }
            int[] codes = dictionary.translate(tag);
            boolean isSame = true;
            for (int code = 0; code < codes.length; code++) {
                isSame &= codes[code] == code;
            }
            return new Source(tag, codes, isSame);
        }
    }

    private static ArrowFieldNode node(FieldVector values, int from, int count) {
        // A chunk without nulls has none in a part of it; else a count other than 0 and all has the bits looked at.
        if (values.getNullCount() == 0) {
            return new ArrowFieldNode(count, 0);
        }
        int nulls = 0;
        for (int row = from; row < from + count; row++) {
            nulls += values.isNull(row) ? 1 : 0;
        }
        return new ArrowFieldNode(count, nulls);
    }

    private static ArrowBuf bits(ArrowBuf buffer, int from, int count) {
        return buffer.slice(from / 8, (count + 7) / 8);
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
        void slice(Source source, int from, int count) {
            FieldVector values = source.column().values();
            vector.loadFieldBuffers(
                    node(values, from, count),
                    List.of(
                            bits(values.getValidityBuffer(), from, count),
                            values.getDataBuffer().slice((long) from * Long.BYTES, (long) count * Long.BYTES)));
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
        void slice(Source source, int from, int count) {
            FieldVector values = source.column().values();
            vector.loadFieldBuffers(
                    node(values, from, count),
                    List.of(bits(values.getValidityBuffer(), from, count), bits(values.getDataBuffer(), from, count)));
        }
    }

    /// Strings.
    static final class Text extends OutColumn {
        private final VarCharVector vector;

        Text(ColumnName name, VarCharVector vector) {
            super(name);
            this.vector = vector;
        }

        @Override
        FieldVector vector() {
            return vector;
        }

        @Override
        void copyOne(Source source, int row, int at) {
            VarCharVector values = (VarCharVector) source.column().values();
            int start = values.getStartOffset(row);
            vector.setSafe(at, start, values.getEndOffset(row) - start, values.getDataBuffer());
        }

        @Override
        void slice(Source source, int from, int count) {
            VarCharVector values = (VarCharVector) source.column().values();
            int start = values.getStartOffset(from);
            int end = values.getEndOffset(from + count - 1);
            // Offsets count from the first byte that is sent, so those of a later part are written anew.
            try (ArrowBuf offsets = vector.getAllocator().buffer((count + 1L) * Integer.BYTES)) {
                for (int i = 0; i < count; i++) {
                    offsets.setInt((long) i * Integer.BYTES, values.getStartOffset(from + i) - start);
                }
                offsets.setInt((long) count * Integer.BYTES, end - start);
                vector.loadFieldBuffers(
                        node(values, from, count),
                        List.of(
                                bits(values.getValidityBuffer(), from, count),
                                offsets,
                                values.getDataBuffer().slice(start, (long) end - start)));
            }
        }

        @Override
        long textBytes(Source source, int row, int count) {
            VarCharVector values = (VarCharVector) source.column().values();
            return (long) values.getEndOffset(row + count - 1) - values.getStartOffset(row);
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
            vector.set(
                    at,
                    translate(source, source.column().values().getDataBuffer().getInt((long) row * Integer.BYTES)));
        }

        private int translate(Source source, int code) {
            int translated = source.codes()[code];
            if (translated < 0) {
                throw unknownValue();
            }
            return translated;
        }

        private IllegalStateException unknownValue() {
            return new IllegalStateException(
                    "tag '%s' has a value that was not there when the query started".formatted(name()));
        }

        @Override
        boolean copyRange(Source source, int from, int count, int at) {
            ArrowBuf codes = source.column().values().getDataBuffer();
            ArrowBuf target = vector.getDataBuffer();
            // Bounds are checked once, here: for queries of all rows this loop is most of the work.
            codes.checkBytes((long) from * Integer.BYTES, ((long) from + count) * Integer.BYTES);
            target.checkBytes((long) at * Integer.BYTES, ((long) at + count) * Integer.BYTES);
            long next = codes.memoryAddress() + (long) from * Integer.BYTES;
            long into = target.memoryAddress() + (long) at * Integer.BYTES;
            int[] translated = source.codes();
            int lowest = 0;
            for (int i = 0; i < count; i++) {
                int code = translated[MemoryUtil.getInt(next + (long) i * Integer.BYTES)];
                lowest |= code;
                MemoryUtil.putInt(into + (long) i * Integer.BYTES, code);
            }
            if (lowest < 0) {
                throw unknownValue();
            }
            setBits(vector.getValidityBuffer(), at, count);
            return true;
        }

        @Override
        void slice(Source source, int from, int count) {
            FieldVector values = source.column().values();
            if (!source.isSame()) {
                reserve(count);
                copy(source, new Selection.All(values.getValueCount()), from, count, 0);
                return;
            }
            vector.loadFieldBuffers(
                    node(values, from, count),
                    List.of(
                            bits(values.getValidityBuffer(), from, count),
                            values.getDataBuffer().slice((long) from * Integer.BYTES, (long) count * Integer.BYTES)));
        }
    }
}
