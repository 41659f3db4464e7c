package io.sluice.ingester.schema;

import io.sluice.ingester.door.DecodedColumn;
import io.sluice.ingester.door.DecodedColumn.Values;
import io.sluice.ingester.schema.PartitionSplitter.RowSelection;
import io.sluice.rows.RowColumn;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.ipc.message.ArrowFieldNode;

/// Copies selected rows of one decoded column from the wire's form into Arrow memory; a run of rows at a time.
final class ColumnCopier {
    private ColumnCopier() {}

    /// The caller closes the column.
    ///
    /// @param isPart whether the column has other rows besides
    static RowColumn copy(DecodedColumn column, RowSelection rows, boolean isPart, BufferAllocator allocator) {
        if (column.values() instanceof Values.Dictionary(List<String> values, ByteBuffer codes)) {
            return isPart
                    ? copyPartOfTag(column, values, codes, rows, allocator)
                    : tag(column, values, rows, allocator, fixedWidth(codes, Integer.BYTES, rows, allocator));
        }
        FieldVector vector = RowColumn.newVector(column.schema(), allocator);
        boolean done = false;
        try {
            switch (column.values()) {
                case Values.Int64s(ByteBuffer data) ->
                    load(vector, column, rows, allocator, fixedWidth(data, Long.BYTES, rows, allocator));
                case Values.UInt64s(ByteBuffer data) ->
                    load(vector, column, rows, allocator, fixedWidth(data, Long.BYTES, rows, allocator));
                case Values.Float64s(ByteBuffer data) ->
                    load(vector, column, rows, allocator, fixedWidth(data, Double.BYTES, rows, allocator));
                case Values.Bools(ByteBuffer bits) ->
                    load(vector, column, rows, allocator, bits(bits, rows, allocator));
                case Values.Strings(ByteBuffer data, ByteBuffer offsets) ->
                    loadStrings(vector, column, rows, allocator, data, offsets);
                case Values.Dictionary _ -> throw new IllegalStateException("a dictionary is a tag");
            }
            done = true;
            return new RowColumn.Plain(column.schema(), vector);
        } finally {
            if (!done) {
                vector.close();
            }
        }
    }

    /// With only the values that the rows use: otherwise each partition of a write would have them all.
    private static RowColumn copyPartOfTag(
            DecodedColumn column, List<String> values, ByteBuffer codes, RowSelection rows, BufferAllocator allocator) {
        ByteBuffer from = codes.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        int[] used = usedCodes(column, from, rows);
        List<String> usedValues = new ArrayList<>(used.length);
        for (int code : used) {
            usedValues.add(values.get(code));
        }
        ArrowBuf target = allocator.buffer((long) rows.rowCount() * Integer.BYTES);
        long row = 0;
        for (int run = 0; run < rows.runs(); run++) {
            for (int i = rows.start(run); i < rows.end(run); i++, row++) {
                int code = column.isPresent(i) ? Arrays.binarySearch(used, from.getInt(i * Integer.BYTES)) : 0;
                target.setInt(row * Integer.BYTES, code);
            }
        }
        return tag(column, usedValues, rows, allocator, target);
    }

    /// Each code that a row has, once, in ascending order.
    private static int[] usedCodes(DecodedColumn column, ByteBuffer codes, RowSelection rows) {
        int[] used = new int[rows.rowCount()];
        int count = 0;
        for (int run = 0; run < rows.runs(); run++) {
            for (int i = rows.start(run); i < rows.end(run); i++) {
                if (column.isPresent(i)) {
                    used[count++] = codes.getInt(i * Integer.BYTES);
                }
            }
        }
        Arrays.sort(used, 0, count);
        int distinct = 0;
        for (int i = 0; i < count; i++) {
            if (i == 0 || used[i] != used[i - 1]) {
                used[distinct++] = used[i];
            }
        }
        return Arrays.copyOf(used, distinct);
    }

    /// Takes the codes over.
    private static RowColumn tag(
            DecodedColumn column, List<String> values, RowSelection rows, BufferAllocator allocator, ArrowBuf codes) {
        String name = column.schema().name().value();
        IntVector codeVector = new IntVector(name, allocator);
        VarCharVector dictionary = new VarCharVector(name, allocator);
        boolean done = false;
        try {
            load(codeVector, column, rows, allocator, codes);
            fill(dictionary, values);
            done = true;
            return new RowColumn.Tag(column.schema(), codeVector, dictionary);
        } finally {
            if (!done) {
                codeVector.close();
                dictionary.close();
            }
        }
    }

    /// Hands the buffers over to the vector: it holds them from now on, this method's references are released.
    private static void load(
            FieldVector vector,
            DecodedColumn column,
            RowSelection rows,
            BufferAllocator allocator,
            ArrowBuf... values) {
        try {
            int nulls = 0;
            ArrowBuf validity;
            if (column.validity().isPresent()) {
                validity = bits(column.validity().get(), rows, allocator);
                nulls = rows.rowCount() - countBits(validity, rows.rowCount());
            } else {
                validity = allocator.getEmpty();
            }
            try (validity) {
                List<ArrowBuf> buffers =
                        values.length == 1 ? List.of(validity, values[0]) : List.of(validity, values[0], values[1]);
                vector.loadFieldBuffers(new ArrowFieldNode(rows.rowCount(), nulls), buffers);
            }
        } finally {
            for (ArrowBuf buffer : values) {
                buffer.close();
            }
        }
    }

    private static void loadStrings(
            FieldVector vector,
            DecodedColumn column,
            RowSelection rows,
            BufferAllocator allocator,
            ByteBuffer data,
            ByteBuffer offsets) {
        ByteBuffer from = offsets.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        long lengthBytes = 0;
        for (int run = 0; run < rows.runs(); run++) {
            lengthBytes += from.getInt(rows.end(run) * Integer.BYTES) - from.getInt(rows.start(run) * Integer.BYTES);
        }
        ArrowBuf newOffsets = allocator.buffer((rows.rowCount() + 1L) * Integer.BYTES);
        ArrowBuf newData;
        try {
            newData = allocator.buffer(lengthBytes);
        } catch (RuntimeException e) {
            newOffsets.close();
            throw e;
        }
        int position = 0;
        long row = 0;
        newOffsets.setInt(0, 0);
        for (int run = 0; run < rows.runs(); run++) {
            int first = from.getInt(rows.start(run) * Integer.BYTES);
            int last = from.getInt(rows.end(run) * Integer.BYTES);
            copyBytes(data, first, newData, position, last - first);
            for (int i = rows.start(run); i < rows.end(run); i++) {
                row++;
                newOffsets.setInt(row * Integer.BYTES, position + from.getInt((i + 1) * Integer.BYTES) - first);
            }
            position += last - first;
        }
        load(vector, column, rows, allocator, newOffsets, newData);
    }

    private static ArrowBuf fixedWidth(ByteBuffer data, int widthBytes, RowSelection rows, BufferAllocator allocator) {
        ArrowBuf target = allocator.buffer((long) rows.rowCount() * widthBytes);
        long position = 0;
        for (int run = 0; run < rows.runs(); run++) {
            int lengthBytes = (rows.end(run) - rows.start(run)) * widthBytes;
            copyBytes(data, rows.start(run) * widthBytes, target, position, lengthBytes);
            position += lengthBytes;
        }
        return target;
    }

    private static ArrowBuf bits(ByteBuffer source, RowSelection rows, BufferAllocator allocator) {
        int lengthBytes = (rows.rowCount() + 7) / 8;
        ArrowBuf target = allocator.buffer(lengthBytes);
        if (rows.runs() == 1 && (rows.start(0) & 7) == 0) {
            copyBytes(source, rows.start(0) >> 3, target, 0, lengthBytes);
            return target;
        }
        target.setZero(0, lengthBytes);
        int row = 0;
        for (int run = 0; run < rows.runs(); run++) {
            for (int i = rows.start(run); i < rows.end(run); i++, row++) {
                if ((source.get(i >> 3) >> (i & 7) & 1) != 0) {
                    target.setByte(row >> 3, target.getByte(row >> 3) | 1 << (row & 7));
                }
            }
        }
        return target;
    }

    private static int countBits(ArrowBuf bits, int count) {
        int present = 0;
        for (int i = 0; i < count >> 3; i++) {
            present += Integer.bitCount(bits.getByte(i) & 0xff);
        }
        if ((count & 7) != 0) {
            present += Integer.bitCount(bits.getByte(count >> 3) & ((1 << (count & 7)) - 1));
        }
        return present;
    }

    private static void fill(VarCharVector dictionary, List<String> values) {
        byte[][] encoded = new byte[values.size()][];
        long lengthBytes = 0;
        for (int i = 0; i < encoded.length; i++) {
            encoded[i] = values.get(i).getBytes(StandardCharsets.UTF_8);
            lengthBytes += encoded[i].length;
        }
        // Told no length, Arrow takes 32 KiB for each tag of each write, however small.
        dictionary.allocateNew(lengthBytes, encoded.length);
        for (int i = 0; i < encoded.length; i++) {
            dictionary.set(i, encoded[i]);
        }
        dictionary.setValueCount(encoded.length);
    }

    @SuppressWarnings("restricted") // the address and length are those of the buffer itself
    private static void copyBytes(ByteBuffer source, int from, ArrowBuf target, long to, int lengthBytes) {
        if (lengthBytes > 0) {
            // ByteBuffer views of the request are read-only, which Arrow would copy a word at a time.
            MemorySegment memory =
                    MemorySegment.ofAddress(target.memoryAddress()).reinterpret(target.capacity());
            MemorySegment.copy(MemorySegment.ofBuffer(source.duplicate().rewind()), from, memory, to, lengthBytes);
        }
    }
}
