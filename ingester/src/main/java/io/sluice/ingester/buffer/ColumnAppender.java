package io.sluice.ingester.buffer;

import io.sluice.ingester.door.ByteHash;
import io.sluice.ingester.door.ShapedRows;
import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnSchema;
import io.sluice.rows.RowColumn;
import io.sluice.rows.TagIndex;
import io.sluice.rows.TagIndexes;
import io.sluice.rows.TagNumbers;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.util.MemoryUtil;
import org.apache.arrow.vector.BaseFixedWidthVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.ipc.message.ArrowFieldNode;

/// One column of an [OpenChunk]: appends rows of other columns of the same schema. Guarded by the chunk's owner.
///
/// Memory is taken by [#create] and [#reserve] alone. If it runs out, the column shows what it showed before; what has
/// grown until then stays, and is used by whoever comes next.
abstract sealed class ColumnAppender implements AutoCloseable {
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    final ColumnSchema schema;
    final BufferAllocator allocator;
    private final GrowingBuffer validity;
    /// Rows that are present, and whose bits are not set yet.
    private int presentFrom;

    private int presentTo;

    private ColumnAppender(ColumnSchema schema, BufferAllocator allocator) {
        this.schema = schema;
        this.allocator = allocator;
        this.validity = new GrowingBuffer(allocator);
    }

    /// An appender of a column whose rows so far are null. Call [#ensure] before anything else.
    static ColumnAppender create(ColumnSchema schema, TagIndexes indexes, BufferAllocator allocator) {
        if (schema.kind() == ColumnKind.TAG) {
            return new Tag(schema, indexes.of(schema.name()), allocator);
        }
        return switch (schema.type()) {
            case I64, U64, F64 -> new FixedWidth(schema, allocator);
            case BOOL -> new Bits(schema, allocator);
            case STRING -> new Strings(schema, allocator);
        };
    }

    /// Makes room for the column's first `rows` rows; those not appended are null.
    void ensure(int rows) {
        validity.ensureZero((rows + 7L) / 8);
    }

    /// For how many rows there is room.
    long roomRows() {
        return validity.capacityBytes() * 8;
    }

    /// Makes room for what the rows of `source` need besides a place each. Followed by [#append] of the same rows, or
    /// by nothing.
    void reserve(RowColumn source, int rowCount) {}

    /// Copies all rows of `source` to the rows from `at` on. Takes no memory: room was made by [#ensure] and
    /// [#reserve].
    void append(RowColumn source, int rowCount, int at) {
        FieldVector values = source.values();
        if (values.getNullCount() == 0) {
            markPresent(at, at + rowCount);
        } else {
            for (int row = 0; row < rowCount; row++) {
                if (!values.isNull(row)) {
                    markPresent(at + row, at + row + 1);
                }
            }
        }
        appendValues(source, rowCount, at);
    }

    abstract void appendValues(RowColumn source, int rowCount, int at);

    /// As [#reserve(RowColumn, int)], for a column of a request.
    void reserve(ShapedRows source, int column) {}

    /// As [#append(RowColumn, int, int)], for a column of a request.
    void append(ShapedRows source, int column, int at) {
        int rowCount = source.rowCount();
        if (source.isWithoutNulls(column)) {
            markPresent(at, at + rowCount);
        } else {
            for (int row = 0; row < rowCount; row++) {
                if (source.isPresent(column, row)) {
                    markPresent(at + row, at + row + 1);
                }
            }
        }
        appendValues(source, column, at);
    }

    abstract void appendValues(ShapedRows source, int column, int at);

    /// Neighbours are put together: their bits are set when somebody looks.
    private void markPresent(int from, int to) {
        if (from != presentTo) {
            setPresent();
            presentFrom = from;
        }
        presentTo = to;
    }

    private void setPresent() {
        validity.setBits(presentFrom, presentTo);
        presentFrom = presentTo;
    }

    /// The first `rows` rows, over the same memory. The caller closes it.
    abstract RowColumn share(int rows);

    long memoryBytes() {
        return validity.capacityBytes();
    }

    @Override
    public void close() {
        validity.close();
    }

    final void load(FieldVector vector, int rows, ArrowBuf... values) {
        setPresent();
        ArrowBuf bits = validity.memory();
        int present = 0;
        int counted = 0;
        for (; counted + Long.SIZE <= rows; counted += Long.SIZE) {
            present += Long.bitCount(bits.getLong(counted >> 3));
        }
        for (; counted < rows; counted += Byte.SIZE) {
            int mask = (1 << Math.min(Byte.SIZE, rows - counted)) - 1;
            present += Integer.bitCount(bits.getByte(counted >> 3) & mask);
        }
        List<ArrowBuf> buffers = values.length == 1 ? List.of(bits, values[0]) : List.of(bits, values[0], values[1]);
        vector.loadFieldBuffers(new ArrowFieldNode(rows, rows - present), buffers);
    }

    /// 8 bytes for each row.
    private static final class FixedWidth extends ColumnAppender {
        private final GrowingBuffer data;

        FixedWidth(ColumnSchema schema, BufferAllocator allocator) {
            super(schema, allocator);
            this.data = new GrowingBuffer(allocator);
        }

        @Override
        void ensure(int rows) {
            super.ensure(rows);
            data.ensure((long) rows * Long.BYTES);
        }

        @Override
        long roomRows() {
            return Math.min(super.roomRows(), data.capacityBytes() / Long.BYTES);
        }

        @Override
        void appendValues(RowColumn source, int rowCount, int at) {
            ArrowBuf from = ((BaseFixedWidthVector) source.values()).getDataBuffer();
            long start = (long) at * Long.BYTES;
            long lengthBytes = (long) rowCount * Long.BYTES;
            data.memory(start, lengthBytes).setBytes(start, from, 0, lengthBytes);
        }

        @Override
        void appendValues(ShapedRows source, int column, int at) {
            data.write(
                    (long) at * Long.BYTES, source.request(), source.numbersAt(column), source.rowCount() * Long.BYTES);
        }

        @Override
        RowColumn share(int rows) {
            data.define((long) rows * Long.BYTES);
            FieldVector vector = RowColumn.newVector(schema, allocator);
            load(vector, rows, data.memory());
            return new RowColumn.Plain(schema, vector);
        }

        @Override
        long memoryBytes() {
            return super.memoryBytes() + data.capacityBytes();
        }

        @Override
        public void close() {
            super.close();
            data.close();
        }
    }

    /// One bit for each row.
    private static final class Bits extends ColumnAppender {
        private final GrowingBuffer data;

        Bits(ColumnSchema schema, BufferAllocator allocator) {
            super(schema, allocator);
            this.data = new GrowingBuffer(allocator);
        }

        @Override
        void ensure(int rows) {
            super.ensure(rows);
            data.ensureZero((rows + 7L) / 8);
        }

        @Override
        long roomRows() {
            return Math.min(super.roomRows(), data.capacityBytes() * 8);
        }

        @Override
        void appendValues(RowColumn source, int rowCount, int at) {
            BitVector from = (BitVector) source.values();
            ArrowBuf to = data.memory();
            for (int row = 0; row < rowCount; row++) {
                if (!from.isNull(row) && from.get(row) != 0) {
                    int bit = at + row;
                    to.setByte(bit >> 3, to.getByte(bit >> 3) | 1 << (bit & 7));
                }
            }
        }

        @Override
        void appendValues(ShapedRows source, int column, int at) {
            for (int row = 0; row < source.rowCount(); row++) {
                if (source.isTrue(column, row) && source.isPresent(column, row)) {
                    data.setBits(at + row, at + row + 1);
                }
            }
        }

        @Override
        RowColumn share(int rows) {
            FieldVector vector = RowColumn.newVector(schema, allocator);
            load(vector, rows, data.memory());
            return new RowColumn.Plain(schema, vector);
        }

        @Override
        long memoryBytes() {
            return super.memoryBytes() + data.capacityBytes();
        }

        @Override
        public void close() {
            super.close();
            data.close();
        }
    }

    /// Bytes, and where each row's end.
    private static final class Strings extends ColumnAppender {
        private final GrowingBuffer offsets;
        private final GrowingBuffer data;
        /// How many rows have their end written; at most those of the chunk, so no reader sees them change.
        private int rows;

        private long dataBytes;

        Strings(ColumnSchema schema, BufferAllocator allocator) {
            super(schema, allocator);
            this.offsets = new GrowingBuffer(allocator);
            this.data = new GrowingBuffer(allocator);
        }

        @Override
        void ensure(int rowCount) {
            super.ensure(rowCount);
            offsets.ensure((rowCount + 1L) * Integer.BYTES);
            offsets.define(Integer.BYTES);
        }

        @Override
        long roomRows() {
            return Math.min(super.roomRows(), offsets.capacityBytes() / Integer.BYTES - 1);
        }

        @Override
        void reserve(RowColumn source, int rowCount) {
            data.ensure(dataBytes + lengthBytes((VarCharVector) source.values(), rowCount));
        }

        @Override
        void reserve(ShapedRows source, int column) {
            data.ensure(dataBytes + source.stringOffset(column, source.rowCount()));
        }

        @Override
        void appendValues(ShapedRows source, int column, int at) {
            fillTo(at);
            int rowCount = source.rowCount();
            int lengthBytes = source.stringOffset(column, rowCount);
            data.write(dataBytes, source.request(), source.stringDataAt(column), lengthBytes);
            ArrowBuf ends = ends(at, rowCount);
            for (int row = 0; row < rowCount; row++) {
                int end = (int) dataBytes + source.stringOffset(column, row + 1);
                ends.setInt((at + row + 1L) * Integer.BYTES, end);
            }
            rows = at + rowCount;
            dataBytes += lengthBytes;
        }

        private static int lengthBytes(VarCharVector vector, int rowCount) {
            return vector.getEndOffset(rowCount - 1) - vector.getStartOffset(0);
        }

        @Override
        void appendValues(RowColumn source, int rowCount, int at) {
            VarCharVector from = (VarCharVector) source.values();
            int lengthBytes = lengthBytes(from, rowCount);
            fillTo(at);
            int first = from.getStartOffset(0);
            data.memory(dataBytes, lengthBytes).setBytes(dataBytes, from.getDataBuffer(), first, lengthBytes);
            ArrowBuf ends = ends(at, rowCount);
            for (int row = 0; row < rowCount; row++) {
                int end = (int) dataBytes + from.getEndOffset(row) - first;
                ends.setInt((at + row + 1L) * Integer.BYTES, end);
            }
            rows = at + rowCount;
            dataBytes += lengthBytes;
        }

        /// Rows that nobody appended are empty: their end is where the one before them ends.
        private void fillTo(int to) {
            if (rows < to) {
                ArrowBuf ends = ends(rows, to - rows);
                for (; rows < to; rows++) {
                    ends.setInt((rows + 1L) * Integer.BYTES, (int) dataBytes);
                }
            }
        }

        /// For writing where some rows end.
        private ArrowBuf ends(int from, int count) {
            return offsets.memory((from + 1L) * Integer.BYTES, (long) count * Integer.BYTES);
        }

        @Override
        RowColumn share(int shared) {
            fillTo(shared);
            FieldVector vector = RowColumn.newVector(schema, allocator);
            load(vector, shared, offsets.memory(), data.memory());
            return new RowColumn.Plain(schema, vector);
        }

        @Override
        long memoryBytes() {
            return super.memoryBytes() + offsets.capacityBytes() + data.capacityBytes();
        }

        @Override
        public void close() {
            super.close();
            offsets.close();
            data.close();
        }
    }

    /// Codes into a dictionary of the chunk's own.
    private static final class Tag extends ColumnAppender {
        private final GrowingBuffer codes;
        private final GrowingBuffer offsets;
        private final GrowingBuffer data;
        private final TagValues values = new TagValues();
        private final TagNumbers numbers;
        /// The codes here of the codes of the rows that were reserved last.
        private int[] translated = {};
        private byte[] copied = {};

        private long dataBytes;

        Tag(ColumnSchema schema, TagIndex index, BufferAllocator allocator) {
            super(schema, allocator);
            this.numbers = TagNumbers.growing(index);
            this.codes = new GrowingBuffer(allocator);
            this.offsets = new GrowingBuffer(allocator);
            this.data = new GrowingBuffer(allocator);
        }

        @Override
        void ensure(int rows) {
            super.ensure(rows);
            codes.ensure((long) rows * Integer.BYTES);
        }

        @Override
        long roomRows() {
            return Math.min(super.roomRows(), codes.capacityBytes() / Integer.BYTES);
        }

        /// Takes the values into the dictionary: one that no row uses does no harm.
        @Override
        void reserve(RowColumn source, int rowCount) {
            RowColumn.Tag tag = (RowColumn.Tag) source;
            translate(tag.dictionary().getValueCount());
            boolean hasNulls = tag.codes().getNullCount() > 0;
            long from = address(tag.codes().getDataBuffer(), 0, rowCount);
            for (int row = 0; row < rowCount; row++) {
                int code = MemoryUtil.getInt(from + (long) row * Integer.BYTES);
                if ((!hasNulls || !tag.codes().isNull(row)) && translated[code] < 0) {
                    byte[] value = tag.dictionary().get(code);
                    translated[code] = intern(value, 0, value.length, ByteHash.of(value, 0, value.length));
                }
            }
        }

        /// Where codes lie. Bounds are checked once, here: Arrow checks each access.
        private static long address(ArrowBuf codes, int from, int count) {
            codes.checkBytes((long) from * Integer.BYTES, ((long) from + count) * Integer.BYTES);
            return codes.memoryAddress() + (long) from * Integer.BYTES;
        }

        @Override
        void appendValues(RowColumn source, int rowCount, int at) {
            RowColumn.Tag tag = (RowColumn.Tag) source;
            boolean hasNulls = tag.codes().getNullCount() > 0;
            long from = address(tag.codes().getDataBuffer(), 0, rowCount);
            long to = address(codesOf(at, rowCount), at, rowCount);
            for (int row = 0; row < rowCount; row++) {
                boolean isPresent = !hasNulls || !tag.codes().isNull(row);
                int code = isPresent ? translated[MemoryUtil.getInt(from + (long) row * Integer.BYTES)] : 0;
                MemoryUtil.putInt(to + (long) row * Integer.BYTES, code);
            }
        }

        @Override
        void reserve(ShapedRows source, int column) {
            translate(source.dictionarySize(column));
            for (int row = 0; row < source.rowCount(); row++) {
                if (source.isPresent(column, row)) {
                    int code = source.code(column, row);
                    if (translated[code] < 0) {
                        translated[code] = intern(
                                source.request(),
                                source.textAt(column, code),
                                source.textBytes(column, code),
                                source.textHash(column, code));
                    }
                }
            }
        }

        @Override
        void appendValues(ShapedRows source, int column, int at) {
            int rowCount = source.rowCount();
            if (rowCount == 1) {
                if (source.isWithoutNulls(column)) {
                    codesOf(at, 1).setInt((long) at * Integer.BYTES, translated[source.code(column, 0)]);
                }
                return;
            }
            if (copied.length < rowCount * Integer.BYTES) {
                copied = new byte[rowCount * Integer.BYTES];
            }
            // On the heap first, then all at once: Arrow checks each access.
            for (int row = 0; row < rowCount; row++) {
                int code = source.isPresent(column, row) ? translated[source.code(column, row)] : 0;
                INT.set(copied, row * Integer.BYTES, code);
            }
            codesOf(at, rowCount).setBytes((long) at * Integer.BYTES, copied, 0, (long) rowCount * Integer.BYTES);
        }

        /// For writing the codes of some rows.
        private ArrowBuf codesOf(int from, int count) {
            return codes.memory((long) from * Integer.BYTES, (long) count * Integer.BYTES);
        }

        /// Forgets what was translated, and makes room for so many codes.
        private void translate(int count) {
            if (translated.length < count) {
                translated = new int[Math.max(count, 2 * translated.length)];
            }
            Arrays.fill(translated, 0, count, -1);
        }

        private int intern(byte[] source, int from, int lengthBytes, int hash) {
            int known = values.find(source, from, lengthBytes, hash);
            if (known >= 0) {
                return known;
            }
            int code = values.size();
            // Both before anything is written: a value is there in whole or not at all.
            data.ensure(dataBytes + lengthBytes);
            offsets.ensure((code + 2L) * Integer.BYTES);
            data.write(dataBytes, source, from, lengthBytes);
            dataBytes += lengthBytes;
            long end = (code + 1L) * Integer.BYTES;
            offsets.memory(end, Integer.BYTES).setInt(end, (int) dataBytes);
            return values.add(source, from, lengthBytes, hash);
        }

        @Override
        RowColumn share(int rows) {
            codes.define((long) rows * Integer.BYTES);
            IntVector codeVector = new IntVector(schema.name().value(), allocator);
            VarCharVector dictionary = new VarCharVector(schema.name().value(), allocator);
            boolean done = false;
            try {
                load(codeVector, rows, codes.memory());
                dictionary.loadFieldBuffers(
                        new ArrowFieldNode(values.size(), 0),
                        List.of(allocator.getEmpty(), offsets.memory(), data.memory()));
                done = true;
                return new RowColumn.Tag(schema, codeVector, dictionary, numbers);
            } finally {
                if (!done) {
                    codeVector.close();
                    dictionary.close();
                }
            }
        }

        @Override
        long memoryBytes() {
            return super.memoryBytes() + codes.capacityBytes() + offsets.capacityBytes() + data.capacityBytes();
        }

        @Override
        public void close() {
            super.close();
            numbers.settle(); // whoever has shares of the rows has all there will be
            codes.close();
            offsets.close();
            data.close();
        }
    }
}
