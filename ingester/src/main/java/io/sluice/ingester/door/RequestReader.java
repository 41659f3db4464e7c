package io.sluice.ingester.door;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import io.sluice.ingester.door.RawColumn.Text;
import io.sluice.ingester.door.RawWrite.RawTable;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.Dictionary;
import io.sluice.proto.v1.Int64s;
import io.sluice.proto.v1.Strings;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/// Walks the fields of one `WriteRequest` and notes where everything lies. It follows the rules of protobuf for what
/// encoders may do: fields in any order, the last of several scalars wins, several messages of one kind of values are
/// merged, repeated scalars come packed, in pieces or one by one, and unknown fields (or known ones of another wire
/// type) are skipped.
///
/// What it allocates is in proportion to the request's length, and bounded by the limits of [WriteDecoder].
final class RequestReader {
    private final byte[] request;
    private final CodedInputStream in;
    private int columnCount;
    private int dictionaryValueCount;

    RequestReader(byte[] request) {
        this.request = request;
        this.in = CodedInputStream.newInstance(request);
    }

    /// Reads the whole request. Once for each reader.
    ///
    /// @throws InvalidWriteException if the request is no protobuf, or above a limit
    RawWrite read() throws InvalidWriteException {
        try {
            return readWrite();
        } catch (IOException e) {
            throw new InvalidWriteException("request is no sluice.v1.WriteRequest: at byte %d of %d: %s"
                    .formatted(in.getTotalBytesRead(), request.length, e.getMessage()));
        }
    }

    private RawWrite readWrite() throws IOException, InvalidWriteException {
        var write = new RawWrite();
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            if (tag == bytesTag(WriteRequest.NAMESPACE_FIELD_NUMBER)) {
                write.namespace = readText();
            } else if (tag == bytesTag(WriteRequest.TABLES_FIELD_NUMBER)) {
                if (write.tables.size() == WriteDecoder.MAX_TABLES) {
                    throw new InvalidWriteException("request has more than %,d tables: expected at most %,d"
                            .formatted(WriteDecoder.MAX_TABLES, WriteDecoder.MAX_TABLES));
                }
                int outer = enter();
                write.tables.add(readTable(write.tables.size()));
                in.popLimit(outer);
            } else {
                skip(tag);
            }
        }
        return write;
    }

    private RawTable readTable(int index) throws IOException, InvalidWriteException {
        var table = new RawTable();
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            if (tag == bytesTag(TableBatch.TABLE_FIELD_NUMBER)) {
                table.table = readText();
            } else if (tag == tag(TableBatch.ROW_COUNT_FIELD_NUMBER, WireFormat.WIRETYPE_VARINT)) {
                table.rowCount = in.readUInt32();
            } else if (tag == bytesTag(TableBatch.COLUMNS_FIELD_NUMBER)) {
                if (table.columns.size() == WriteDecoder.MAX_COLUMNS) {
                    throw new InvalidWriteException("table #%d%s has more than %,d columns: expected at most %,d"
                            .formatted(index + 1, named(table), WriteDecoder.MAX_COLUMNS, WriteDecoder.MAX_COLUMNS));
                }
                if (++columnCount > WriteDecoder.MAX_REQUEST_COLUMNS) {
                    throw new InvalidWriteException("request has more than %,d columns in all: expected at most %,d"
                            .formatted(WriteDecoder.MAX_REQUEST_COLUMNS, WriteDecoder.MAX_REQUEST_COLUMNS));
                }
                int outer = enter();
                table.columns.add(readColumn());
                in.popLimit(outer);
            } else {
                skip(tag);
            }
        }
        return table;
    }

    private String named(RawTable table) {
        Text text = table.table;
        return text.lengthBytes() == 0 || !Utf8.isValid(request, text.from(), text.from() + text.lengthBytes())
                ? ""
                : " ('%s')".formatted(text(text));
    }

    private RawColumn readColumn() throws IOException, InvalidWriteException {
        var column = new RawColumn();
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            int field = WireFormat.getTagFieldNumber(tag);
            if (tag == tag(Column.KIND_FIELD_NUMBER, WireFormat.WIRETYPE_VARINT)) {
                column.kind = in.readEnum();
            } else if (tag != bytesTag(field)) {
                skip(tag);
            } else {
                readColumnField(column, tag, field);
            }
        }
        return column;
    }

    /// Reads one length-delimited field of a column.
    private void readColumnField(RawColumn column, int tag, int field) throws IOException, InvalidWriteException {
        switch (field) {
            case Column.NAME_FIELD_NUMBER -> column.name = readText();
            case Column.VALIDITY_FIELD_NUMBER -> column.validity = readText();
            case Column.BOOLS_FIELD_NUMBER -> {
                column.foundValues(field);
                column.bools = readText();
            }
            case Column.I64_FIELD_NUMBER,
                    Column.U64_FIELD_NUMBER,
                    Column.F64_FIELD_NUMBER,
                    Column.STRINGS_FIELD_NUMBER,
                    Column.DICTIONARY_FIELD_NUMBER -> {
                column.foundValues(field);
                int outer = enter();
                switch (field) {
                    case Column.STRINGS_FIELD_NUMBER -> readStrings(column);
                    case Column.DICTIONARY_FIELD_NUMBER -> readDictionary(column);
                    default -> readInt64s(column);
                }
                in.popLimit(outer);
            }
            default -> skip(tag);
        }
    }

    /// Reads `Int64s`, and `UInt64s` and `Float64s`, which look alike on the wire.
    private void readInt64s(RawColumn column) throws IOException {
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            if (!readFixed(column.fixed, tag, Int64s.VALUES_FIELD_NUMBER, Long.BYTES)) {
                skip(tag);
            }
        }
    }

    private void readStrings(RawColumn column) throws IOException {
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            if (tag == bytesTag(Strings.DATA_FIELD_NUMBER)) {
                column.stringData = readText();
            } else if (!readFixed(column.fixed, tag, Strings.OFFSETS_FIELD_NUMBER, Integer.BYTES)) {
                skip(tag);
            }
        }
    }

    private void readDictionary(RawColumn column) throws IOException, InvalidWriteException {
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            if (tag == bytesTag(Dictionary.VALUES_FIELD_NUMBER)) {
                if (++dictionaryValueCount > WriteDecoder.MAX_DICTIONARY_VALUES) {
                    throw new InvalidWriteException("request has more than %,d dictionary values: expected at most %,d"
                            .formatted(WriteDecoder.MAX_DICTIONARY_VALUES, WriteDecoder.MAX_DICTIONARY_VALUES));
                }
                Text value = readText();
                if (Utf8.isValid(request, value.from(), value.from() + value.lengthBytes())) {
                    column.dictionary.add(text(value));
                } else {
                    if (column.badDictionaryIndex < 0) {
                        column.badDictionaryIndex = column.dictionary.size();
                    }
                    column.dictionary.add("");
                }
            } else if (!readFixed(column.fixed, tag, Dictionary.CODES_FIELD_NUMBER, Integer.BYTES)) {
                skip(tag);
            }
        }
    }

    /// Reads a piece of a repeated fixed-width field, if that is what the tag announces.
    private boolean readFixed(PackedValues values, int tag, int field, int widthBytes) throws IOException {
        if (tag == bytesTag(field)) {
            Text piece = readText();
            if (piece.lengthBytes() % widthBytes != 0) {
                throw new IOException(
                        "packed values of %d bytes are %d bytes long".formatted(widthBytes, piece.lengthBytes()));
            }
            values.add(request, piece.from(), piece.lengthBytes());
            return true;
        }
        if (tag == tag(field, widthBytes == Long.BYTES ? WireFormat.WIRETYPE_FIXED64 : WireFormat.WIRETYPE_FIXED32)) {
            int from = in.getTotalBytesRead();
            in.skipRawBytes(widthBytes);
            values.add(request, from, widthBytes);
            return true;
        }
        return false;
    }

    private String text(Text text) {
        return new String(request, text.from(), text.lengthBytes(), StandardCharsets.UTF_8);
    }

    private Text readText() throws IOException {
        int lengthBytes = in.readRawVarint32();
        int from = in.getTotalBytesRead();
        in.skipRawBytes(lengthBytes);
        return new Text(from, lengthBytes);
    }

    /// Enters a message; its fields end where it ends. Answers the limit to go back to.
    private int enter() throws IOException {
        return in.pushLimit(in.readRawVarint32());
    }

    private void skip(int tag) throws IOException {
        if (!in.skipField(tag)) {
            throw new IOException("a group ends that did not begin");
        }
    }

    private static int bytesTag(int field) {
        return tag(field, WireFormat.WIRETYPE_LENGTH_DELIMITED);
    }

    private static int tag(int field, int wireType) {
        return field << 3 | wireType;
    }
}
