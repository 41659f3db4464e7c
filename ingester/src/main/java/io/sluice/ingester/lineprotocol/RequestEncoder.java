package io.sluice.ingester.lineprotocol;

import io.sluice.model.NamespaceName;
import io.sluice.proto.v1.Dictionary;
import io.sluice.proto.v1.Int64s;
import io.sluice.proto.v1.Strings;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// Writes the columns of a parse as one `WriteRequest`: first all lengths, then all bytes into an array of exactly the
/// right size.
final class RequestEncoder {
    private static final byte[] TIME = "time".getBytes(StandardCharsets.UTF_8);
    private static final int LENGTH_DELIMITED = 2;

    private byte[] out = {};
    private int position;

    /// The request of all tables that have rows.
    byte[] encode(NamespaceName namespace, List<Table> tables) {
        byte[] name = utf8(namespace.value());
        var sized = new ArrayList<SizedTable>(tables.size());
        int requestBytes = fieldBytes(name.length);
        for (Table table : tables) {
            if (table.rows() > 0) {
                SizedTable next = size(table);
                requestBytes += fieldBytes(next.lengthBytes);
                sized.add(next);
            }
        }
        out = new byte[requestBytes];
        position = 0;
        putBytes(WriteRequest.NAMESPACE_FIELD_NUMBER, name, name.length);
        for (SizedTable table : sized) {
            putHeader(WriteRequest.TABLES_FIELD_NUMBER, table.lengthBytes);
            put(table);
        }
        if (position != requestBytes) {
            throw new IllegalStateException("wrote %d bytes: computed %d".formatted(position, requestBytes));
        }
        return out;
    }

    /// A table with the lengths of its messages.
    private record SizedTable(Table table, int lengthBytes, List<SizedColumn> columns) {}

    /// A column with the lengths of its messages.
    private record SizedColumn(Column column, int lengthBytes, int valuesBytes) {}

    private static SizedTable size(Table table) {
        int rows = table.rows();
        byte[] name = utf8(table.name().value());
        int lengthBytes = fieldBytes(name.length) + 1 + varintBytes(rows) + fieldBytes(timeColumnBytes(rows));
        var columns = new ArrayList<SizedColumn>(table.columns().size());
        for (Column column : table.columns()) {
            SizedColumn next = size(column, rows);
            lengthBytes += fieldBytes(next.lengthBytes);
            columns.add(next);
        }
        return new SizedTable(table, lengthBytes, columns);
    }

    private static int timeColumnBytes(int rows) {
        return fieldBytes(TIME.length) + 2 + fieldBytes(fieldBytes(rows * Long.BYTES));
    }

    private static SizedColumn size(Column column, int rows) {
        byte[] name = utf8(column.name().value());
        int valuesBytes = switch (column) {
            case Column.Tag tag -> dictionaryBytes(tag.dictionary()) + fieldBytes(rows * Integer.BYTES);
            case Column.Field field ->
                switch (field.type()) {
                    case I64, U64, F64 -> fieldBytes(field.valueBytes(rows));
                    case BOOL -> field.valueBytes(rows);
                    case STRING -> fieldBytes(field.stringData().lengthBytes()) + fieldBytes(field.valueBytes(rows));
                };
        };
        int bitmapBytes = column.presence().bitmapBytes(rows);
        int lengthBytes = fieldBytes(name.length)
                + 2
                + (bitmapBytes == 0 ? 0 : fieldBytes(bitmapBytes))
                + fieldBytes(valuesBytes);
        return new SizedColumn(column, lengthBytes, valuesBytes);
    }

    private static int dictionaryBytes(ByteInterner dictionary) {
        int lengthBytes = 0;
        for (int id = 0; id < dictionary.size(); id++) {
            lengthBytes += fieldBytes(dictionary.end(id) - dictionary.start(id));
        }
        return lengthBytes;
    }

    private void put(SizedTable sized) {
        Table table = sized.table;
        int rows = table.rows();
        putName(TableBatch.TABLE_FIELD_NUMBER, table.name().value());
        putVarintField(TableBatch.ROW_COUNT_FIELD_NUMBER, rows);
        putHeader(TableBatch.COLUMNS_FIELD_NUMBER, timeColumnBytes(rows));
        putBytes(io.sluice.proto.v1.Column.NAME_FIELD_NUMBER, TIME, TIME.length);
        putVarintField(io.sluice.proto.v1.Column.KIND_FIELD_NUMBER, io.sluice.proto.v1.Column.Kind.TIME_VALUE);
        putHeader(io.sluice.proto.v1.Column.I64_FIELD_NUMBER, fieldBytes(rows * Long.BYTES));
        putBytes(Int64s.VALUES_FIELD_NUMBER, table.times(), rows * Long.BYTES);
        for (SizedColumn column : sized.columns) {
            putHeader(TableBatch.COLUMNS_FIELD_NUMBER, column.lengthBytes);
            put(column, rows);
        }
    }

    private void put(SizedColumn sized, int rows) {
        Column column = sized.column;
        putName(io.sluice.proto.v1.Column.NAME_FIELD_NUMBER, column.name().value());
        putVarintField(
                io.sluice.proto.v1.Column.KIND_FIELD_NUMBER,
                switch (column) {
                    case Column.Tag tag -> io.sluice.proto.v1.Column.Kind.TAG_VALUE;
                    case Column.Field field -> io.sluice.proto.v1.Column.Kind.FIELD_VALUE;
                });
        int bitmapBytes = column.presence().bitmapBytes(rows);
        if (bitmapBytes > 0) {
            putBytes(
                    io.sluice.proto.v1.Column.VALIDITY_FIELD_NUMBER,
                    column.presence().bitmap(rows),
                    bitmapBytes);
        }
        switch (column) {
            case Column.Tag tag -> putTag(tag, rows, sized.valuesBytes);
            case Column.Field field -> putField(field, rows, sized.valuesBytes);
        }
    }

    private void putTag(Column.Tag tag, int rows, int valuesBytes) {
        putHeader(io.sluice.proto.v1.Column.DICTIONARY_FIELD_NUMBER, valuesBytes);
        ByteInterner dictionary = tag.dictionary();
        byte[] content = dictionary.content();
        for (int id = 0; id < dictionary.size(); id++) {
            int start = dictionary.start(id);
            int lengthBytes = dictionary.end(id) - start;
            putHeader(Dictionary.VALUES_FIELD_NUMBER, lengthBytes);
            System.arraycopy(content, start, out, position, lengthBytes);
            position += lengthBytes;
        }
        putBytes(Dictionary.CODES_FIELD_NUMBER, tag.codes(rows), rows * Integer.BYTES);
    }

    private void putField(Column.Field field, int rows, int valuesBytes) {
        int packedBytes = field.valueBytes(rows);
        byte[] packed = field.values(rows);
        switch (field.type()) {
            case I64 -> putNumbers(io.sluice.proto.v1.Column.I64_FIELD_NUMBER, packed, packedBytes, valuesBytes);
            case U64 -> putNumbers(io.sluice.proto.v1.Column.U64_FIELD_NUMBER, packed, packedBytes, valuesBytes);
            case F64 -> putNumbers(io.sluice.proto.v1.Column.F64_FIELD_NUMBER, packed, packedBytes, valuesBytes);
            case BOOL -> putBytes(io.sluice.proto.v1.Column.BOOLS_FIELD_NUMBER, packed, packedBytes);
            case STRING -> {
                putHeader(io.sluice.proto.v1.Column.STRINGS_FIELD_NUMBER, valuesBytes);
                Bytes data = field.stringData();
                putBytes(Strings.DATA_FIELD_NUMBER, data.array(), data.lengthBytes());
                putBytes(Strings.OFFSETS_FIELD_NUMBER, packed, packedBytes);
            }
        }
    }

    private void putNumbers(int field, byte[] packed, int packedBytes, int valuesBytes) {
        putHeader(field, valuesBytes);
        putBytes(Int64s.VALUES_FIELD_NUMBER, packed, packedBytes);
    }

    private void putBytes(int field, byte[] bytes, int lengthBytes) {
        putHeader(field, lengthBytes);
        System.arraycopy(bytes, 0, out, position, lengthBytes);
        position += lengthBytes;
    }

    private void putName(int field, String name) {
        byte[] bytes = utf8(name);
        putBytes(field, bytes, bytes.length);
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private void putHeader(int field, int lengthBytes) {
        out[position++] = (byte) (field << 3 | LENGTH_DELIMITED);
        putVarint(lengthBytes);
    }

    private void putVarintField(int field, int value) {
        out[position++] = (byte) (field << 3);
        putVarint(value);
    }

    private void putVarint(int value) {
        int left = value;
        while (left > 0x7F) {
            out[position++] = (byte) (left | 0x80);
            left >>>= 7;
        }
        out[position++] = (byte) left;
    }

    /// Bytes of a length-delimited field, its header included. All field numbers are below 16, so that a tag is a byte.
    private static int fieldBytes(int lengthBytes) {
        return 1 + varintBytes(lengthBytes) + lengthBytes;
    }

    private static int varintBytes(int value) {
        return Math.max(1, (38 - Integer.numberOfLeadingZeros(value)) / 7);
    }
}
