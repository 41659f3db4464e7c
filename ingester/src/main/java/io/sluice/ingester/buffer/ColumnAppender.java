package io.sluice.ingester.buffer;

import io.sluice.ingester.door.DecodedColumn;
import io.sluice.ingester.door.DecodedColumn.Values;
import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnSchema;
import io.sluice.rows.RowColumn;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
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
    final ColumnSchema schema;
    final BufferAllocator allocator;
    private final GrowingBuffer validity;

    private ColumnAppender(ColumnSchema schema, BufferAllocator allocator) {
        this.schema = schema;
        this.allocator = allocator;
        this.validity = new GrowingBuffer(allocator);
    }

    /// An appender of a column whose rows so far are null. Call [#ensure] before anything else.
    static ColumnAppender create(ColumnSchema schema, BufferAllocator allocator) {
        if (schema.kind() == ColumnKind.TAG) {
            return new Tag(schema, allocator);
        }
        return switch (schema.type()) {
            case I64, U64, F64 -> new FixedWidth(schema, allocator);
            case BOOL -> new Bits(schema, allocator);
            case STRING -> new Strings(schema, allocator);
        };
    }

    /// Makes room for the column's first `rows` rows; those not appended are null.
    void ensure(int rows) {
        validity.ensure((rows + 7L) / 8);
    }

    /// Makes room for what the rows of `source` need besides a place each. Followed by [#append] of the same rows, or
    /// by nothing.
    void reserve(RowColumn source, int rowCount) {}

    /// Copies all rows of `source` to the rows from `at` on. Takes no memory: room was made by [#ensure] and
    /// [#reserve].
    void append(RowColumn source, int rowCount, int at) {
        FieldVector values = source.values();
        if (values.getNullCount() == 0) {
            validity.setBits(at, at + rowCount);
        } else {
            for (int row = 0; row < rowCount; row++) {
                if (!values.isNull(row)) {
                    validity.setBits(at + row, at + row + 1);
                }
            }
        }
        appendValues(source, rowCount, at);
    }

    abstract void appendValues(RowColumn source, int rowCount, int at);

    /// As [#reserve(RowColumn, int)], for a column of a write.
    void reserve(DecodedColumn source, int rowCount) {}

    /// As [#append(RowColumn, int, int)], for a column of a write.
    void append(DecodedColumn source, int rowCount, int at) {
        if (source.validity().isEmpty()) {
            validity.setBits(at, at + rowCount);
        } else {
            for (int row = 0; row < rowCount; row++) {
                if (source.isPresent(row)) {
                    validity.setBits(at + row, at + row + 1);
                }
            }
        }
        appendValues(source, rowCount, at);
    }

    abstract void appendValues(DecodedColumn source, int rowCount, int at);

    static IllegalStateException unexpected(DecodedColumn source) {
        return new IllegalStateException("column '%s' has values that are none of its type"
                .formatted(source.schema().name()));
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
        ArrowBuf bits = validity.memory();
        int present = 0;
        for (int i = 0; i < rows >> 3; i++) {
            present += Integer.bitCount(bits.getByte(i) & 0xff);
        }
        if ((rows & 7) != 0) {
            present += Integer.bitCount(bits.getByte(rows >> 3) & ((1 << (rows & 7)) - 1));
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
        void appendValues(RowColumn source, int rowCount, int at) {
            ArrowBuf from = ((BaseFixedWidthVector) source.values()).getDataBuffer();
            data.memory().setBytes((long) at * Long.BYTES, from, 0, (long) rowCount * Long.BYTES);
        }

        @Override
        void appendValues(DecodedColumn source, int rowCount, int at) {
            ByteBuffer from = switch (source.values()) {
                case Values.Int64s(ByteBuffer values) -> values;
                case Values.UInt64s(ByteBuffer values) -> values;
                case Values.Float64s(ByteBuffer values) -> values;
                case Values.Bools _, Values.Strings _, Values.Dictionary _ -> throw unexpected(source);
            };
            data.write((long) at * Long.BYTES, from, 0, rowCount * Long.BYTES);
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
            data.ensure((rows + 7L) / 8);
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
        void appendValues(DecodedColumn source, int rowCount, int at) {
            if (!(source.values() instanceof Values.Bools(ByteBuffer bits))) {
                throw unexpected(source);
            }
            for (int row = 0; row < rowCount; row++) {
                if (source.isPresent(row) && (bits.get(row >> 3) >> (row & 7) & 1) != 0) {
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
        }

        @Override
        void reserve(RowColumn source, int rowCount) {
            data.ensure(dataBytes + lengthBytes((VarCharVector) source.values(), rowCount));
        }

        @Override
        void reserve(DecodedColumn source, int rowCount) {
            if (!(source.values() instanceof Values.Strings(ByteBuffer _, ByteBuffer ends))) {
                throw unexpected(source);
            }
            data.ensure(dataBytes + ends.getInt(rowCount * Integer.BYTES));
        }

        @Override
        void appendValues(DecodedColumn source, int rowCount, int at) {
            if (!(source.values() instanceof Values.Strings(ByteBuffer bytes, ByteBuffer ends))) {
                throw unexpected(source);
            }
            fillTo(at);
            int lengthBytes = ends.getInt(rowCount * Integer.BYTES);
            data.write(dataBytes, bytes, 0, lengthBytes);
            for (int row = 0; row < rowCount; row++) {
                int end = (int) dataBytes + ends.getInt((row + 1) * Integer.BYTES);
                offsets.memory().setInt((at + row + 1L) * Integer.BYTES, end);
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
            data.memory().setBytes(dataBytes, from.getDataBuffer(), first, lengthBytes);
            for (int row = 0; row < rowCount; row++) {
                int end = (int) dataBytes + from.getEndOffset(row) - first;
                offsets.memory().setInt((at + row + 1L) * Integer.BYTES, end);
            }
            rows = at + rowCount;
            dataBytes += lengthBytes;
        }

        /// Rows that nobody appended are empty: their end is where the one before them ends.
        private void fillTo(int to) {
            for (; rows < to; rows++) {
                offsets.memory().setInt((rows + 1L) * Integer.BYTES, (int) dataBytes);
            }
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
        private final Map<String, Integer> codeOf = new HashMap<>();
        /// The codes here of the codes of the rows that were reserved last.
        private int[] translated = {};

        private long dataBytes;

        Tag(ColumnSchema schema, BufferAllocator allocator) {
            super(schema, allocator);
            this.codes = new GrowingBuffer(allocator);
            this.offsets = new GrowingBuffer(allocator);
            this.data = new GrowingBuffer(allocator);
        }

        @Override
        void ensure(int rows) {
            super.ensure(rows);
            codes.ensure((long) rows * Integer.BYTES);
        }

        /// Takes the values into the dictionary: one that no row uses does no harm.
        @Override
        void reserve(RowColumn source, int rowCount) {
            RowColumn.Tag tag = (RowColumn.Tag) source;
            translate(tag.dictionary().getValueCount());
            for (int row = 0; row < rowCount; row++) {
                if (!tag.codes().isNull(row)) {
                    int code = tag.codes().get(row);
                    if (translated[code] < 0) {
                        translated[code] = intern(new String(tag.dictionary().get(code), StandardCharsets.UTF_8));
                    }
                }
            }
        }

        @Override
        void appendValues(RowColumn source, int rowCount, int at) {
            RowColumn.Tag tag = (RowColumn.Tag) source;
            ArrowBuf to = codes.memory();
            for (int row = 0; row < rowCount; row++) {
                if (!tag.codes().isNull(row)) {
                    to.setInt(
                            (long) (at + row) * Integer.BYTES,
                            translated[tag.codes().get(row)]);
                }
            }
        }

        @Override
        void reserve(DecodedColumn source, int rowCount) {
            if (!(source.values() instanceof Values.Dictionary(List<String> values, ByteBuffer from))) {
                throw unexpected(source);
            }
            translate(values.size());
            for (int row = 0; row < rowCount; row++) {
                if (source.isPresent(row)) {
                    int code = from.getInt(row * Integer.BYTES);
                    if (translated[code] < 0) {
                        translated[code] = intern(values.get(code));
                    }
                }
            }
        }

        @Override
        void appendValues(DecodedColumn source, int rowCount, int at) {
            if (!(source.values() instanceof Values.Dictionary(List<String> _, ByteBuffer from))) {
                throw unexpected(source);
            }
            ArrowBuf to = codes.memory();
            for (int row = 0; row < rowCount; row++) {
                if (source.isPresent(row)) {
                    to.setInt((long) (at + row) * Integer.BYTES, translated[from.getInt(row * Integer.BYTES)]);
                }
            }
        }

        /// Forgets what was translated, and makes room for so many codes.
        private void translate(int count) {
            if (translated.length < count) {
                translated = new int[Math.max(count, 2 * translated.length)];
            }
            Arrays.fill(translated, 0, count, -1);
        }

        private int intern(String value) {
            Integer known = codeOf.get(value);
            if (known != null) {
                return known;
            }
            byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
            int code = codeOf.size();
            // Both before anything is written: a value is there in whole or not at all.
            data.ensure(dataBytes + bytes.length);
            offsets.ensure((code + 2L) * Integer.BYTES);
            data.memory().setBytes(dataBytes, bytes);
            dataBytes += bytes.length;
            offsets.memory().setInt((code + 1L) * Integer.BYTES, (int) dataBytes);
            codeOf.put(value, code);
            return code;
        }

        @Override
        RowColumn share(int rows) {
            IntVector codeVector = new IntVector(schema.name().value(), allocator);
            VarCharVector dictionary = new VarCharVector(schema.name().value(), allocator);
            boolean done = false;
            try {
                load(codeVector, rows, codes.memory());
                dictionary.loadFieldBuffers(
                        new ArrowFieldNode(codeOf.size(), 0),
                        List.of(allocator.getEmpty(), offsets.memory(), data.memory()));
                done = true;
                return new RowColumn.Tag(schema, codeVector, dictionary);
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
            codes.close();
            offsets.close();
            data.close();
        }
    }
}
