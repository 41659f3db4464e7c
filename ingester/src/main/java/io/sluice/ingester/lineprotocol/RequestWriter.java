package io.sluice.ingester.lineprotocol;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.WireFormat;
import io.sluice.model.ColumnKind;
import io.sluice.model.NamespaceName;
import io.sluice.proto.v1.Column.Kind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// Writes tables as the bytes of a `sluice.v1.WriteRequest`, straight from the columns' arrays: sizes first, then one
/// pass.
final class RequestWriter {
    private RequestWriter() {}

    static byte[] write(NamespaceName namespace, List<TableBuilder> tables) {
        byte[] name = namespace.value().getBytes(StandardCharsets.UTF_8);
        List<Table> sized = tables.stream().map(Table::of).toList();
        long size = delimited(name.length);
        for (Table table : sized) {
            size += delimited(table.sizeBytes());
        }
        ByteBuffer out = ByteBuffer.allocate(Math.toIntExact(size)).order(ByteOrder.LITTLE_ENDIAN);
        putBytes(out, 1, name, 0, name.length);
        for (Table table : sized) {
            putHeader(out, 2, table.sizeBytes());
            table.write(out);
        }
        return out.array();
    }

    /// A table and its size without its own header.
    private record Table(byte[] name, int rowCount, List<Column> columns, int sizeBytes) {
        static Table of(TableBuilder table) {
            byte[] name = table.name.value().getBytes(StandardCharsets.UTF_8);
            List<Column> columns = table.finish().stream()
                    .map(column -> Column.of(column, table.rowCount()))
                    .toList();
            int size = delimited(name.length) + 1 + CodedOutputStream.computeUInt32SizeNoTag(table.rowCount());
            for (Column column : columns) {
                size = Math.addExact(size, delimited(column.sizeBytes()));
            }
            return new Table(name, table.rowCount(), columns, size);
        }

        void write(ByteBuffer out) {
            putBytes(out, 1, name, 0, name.length);
            putVarint(out, 2 << 3 | WireFormat.WIRETYPE_VARINT);
            putVarint(out, rowCount);
            for (Column column : columns) {
                putHeader(out, 3, column.sizeBytes());
                column.write(out);
            }
        }
    }

    /// A column, the size of its `oneof` message or bytes, and its size without its own header.
    private record Column(ColumnBuilder column, byte[] name, int rowCount, int valuesBytes, int sizeBytes) {
        static Column of(ColumnBuilder column, int rowCount) {
            byte[] name = column.schema.name().value().getBytes(StandardCharsets.UTF_8);
            int values = valuesBytes(column, rowCount);
            int size = delimited(name.length) + 2 + delimited(values);
            if (column.hasNulls()) {
                size = Math.addExact(size, delimited(bitmapBytes(rowCount)));
            }
            return new Column(column, name, rowCount, values, size);
        }

        private static int valuesBytes(ColumnBuilder column, int rowCount) {
            return switch (column.schema.type()) {
                case I64, U64, F64 -> delimited(Math.multiplyExact(rowCount, Long.BYTES));
                case BOOL -> bitmapBytes(rowCount);
                case STRING -> {
                    if (!column.isTag()) {
                        int offsets = Math.multiplyExact(rowCount + 1, Integer.BYTES);
                        yield Math.addExact(delimited(column.ends()[rowCount - 1]), delimited(offsets));
                    }
                    int size = delimited(Math.multiplyExact(rowCount, Integer.BYTES));
                    ByteSlices dictionary = column.dictionary();
                    for (int i = 0; i < dictionary.size(); i++) {
                        size = Math.addExact(size, delimited(dictionary.end(i) - dictionary.start(i)));
                    }
                    yield size;
                }
            };
        }

        void write(ByteBuffer out) {
            putBytes(out, 1, name, 0, name.length);
            putVarint(out, 2 << 3 | WireFormat.WIRETYPE_VARINT);
            putVarint(out, kind(column.schema.kind()).getNumber());
            if (column.hasNulls()) {
                putBytes(out, 3, column.validity(), 0, bitmapBytes(rowCount));
            }
            switch (column.schema.type()) {
                case I64 -> putLongs(out, 4);
                case U64 -> putLongs(out, 5);
                case F64 -> putLongs(out, 6);
                case BOOL -> putBools(out);
                case STRING -> {
                    if (column.isTag()) {
                        putDictionary(out);
                    } else {
                        putStrings(out);
                    }
                }
            }
        }

        private void putLongs(ByteBuffer out, int field) {
            putHeader(out, field, valuesBytes);
            putHeader(out, 1, rowCount * Long.BYTES);
            out.asLongBuffer().put(column.numbers(), 0, rowCount);
            out.position(out.position() + rowCount * Long.BYTES);
        }

        private void putBools(ByteBuffer out) {
            putHeader(out, 7, valuesBytes);
            byte[] bits = new byte[valuesBytes];
            for (int row = 0; row < rowCount; row++) {
                if (column.numbers()[row] != 0) {
                    bits[row >> 3] |= (byte) (1 << (row & 7));
                }
            }
            out.put(bits);
        }

        private void putStrings(ByteBuffer out) {
            putHeader(out, 8, valuesBytes);
            putBytes(out, 1, column.text(), 0, column.ends()[rowCount - 1]);
            putHeader(out, 2, (rowCount + 1) * Integer.BYTES);
            out.putInt(0);
            putInts(out, column.ends());
        }

        private void putDictionary(ByteBuffer out) {
            putHeader(out, 9, valuesBytes);
            ByteSlices dictionary = column.dictionary();
            for (int i = 0; i < dictionary.size(); i++) {
                putBytes(out, 1, dictionary.bytes(), dictionary.start(i), dictionary.end(i) - dictionary.start(i));
            }
            putHeader(out, 2, rowCount * Integer.BYTES);
            putInts(out, column.codes());
        }

        private void putInts(ByteBuffer out, int[] values) {
            out.asIntBuffer().put(values, 0, rowCount);
            out.position(out.position() + rowCount * Integer.BYTES);
        }
    }

    private static Kind kind(ColumnKind kind) {
        return switch (kind) {
            case TAG -> Kind.TAG;
            case FIELD -> Kind.FIELD;
            case TIME -> Kind.TIME;
        };
    }

    private static int bitmapBytes(int rows) {
        return (rows + 7) / 8;
    }

    /// Size of a length-delimited field of a number below 16.
    private static int delimited(int lengthBytes) {
        return Math.addExact(1 + CodedOutputStream.computeUInt32SizeNoTag(lengthBytes), lengthBytes);
    }

    private static void putHeader(ByteBuffer out, int field, int lengthBytes) {
        putVarint(out, field << 3 | WireFormat.WIRETYPE_LENGTH_DELIMITED);
        putVarint(out, lengthBytes);
    }

    private static void putBytes(ByteBuffer out, int field, byte[] bytes, int from, int length) {
        putHeader(out, field, length);
        out.put(bytes, from, length);
    }

    private static void putVarint(ByteBuffer out, int value) {
        int rest = value;
        while ((rest & ~0x7f) != 0) {
            out.put((byte) ((rest & 0x7f) | 0x80));
            rest >>>= 7;
        }
        out.put((byte) rest);
    }
}
