package io.sluice.ingester.door;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import io.sluice.ingester.door.DecodedWrite.DecodedTable;
import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import io.sluice.proto.v1.Column.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Reads a `sluice.v1.WriteRequest` and checks everything that can be checked without the catalog. Any thread may call.
///
/// The fields are walked by hand over protobuf's own [CodedInputStream], so that a packed column becomes a view of the
/// request's bytes: nothing is copied but names and dictionary values, and nothing is allocated in proportion to a
/// number that the request claims. What every protobuf encoder may write is read: fields in any order, the last of a
/// repeated scalar, unknown fields (skipped), values packed in several pieces or not at all (joined, at the price of
/// a copy).
public final class WriteDecoder {
    /// Rows of one table in one request.
    static final int MAX_ROWS = 1 << 24;
    /// Columns of one table, `time` included.
    static final int MAX_COLUMNS = 1_000;
    /// Tables in one request.
    static final int MAX_TABLES = 10_000;

    private WriteDecoder() {}

    /// Decodes and checks a request.
    ///
    /// @param request must not be changed as long as the result is in use
    /// @throws InvalidWriteException if anything is wrong; the message names what, where, expected and found
    public static DecodedWrite decode(byte[] request) throws InvalidWriteException {
        WireReader reader = new WireReader(request);
        try {
            return write(reader);
        } catch (IOException e) {
            throw new InvalidWriteException("request is no sluice.v1.WriteRequest: " + e.getMessage());
        }
    }

    private static DecodedWrite write(WireReader reader) throws IOException, InvalidWriteException {
        Optional<String> namespace = Optional.empty();
        List<DecodedTable> tables = new ArrayList<>();
        Set<TableName> names = new HashSet<>();
        CodedInputStream in = reader.stream();
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            switch (tag) {
                case (1 << 3) | WireFormat.WIRETYPE_LENGTH_DELIMITED ->
                    namespace = Optional.of(reader.string("namespace"));
                case (2 << 3) | WireFormat.WIRETYPE_LENGTH_DELIMITED -> {
                    if (tables.size() == MAX_TABLES) {
                        throw new InvalidWriteException(
                                "request has more than %d tables: split it".formatted(MAX_TABLES));
                    }
                    int end = reader.pushLength();
                    DecodedTable table = table(reader, tables.size());
                    reader.popLength(end);
                    if (!names.add(table.table())) {
                        throw new InvalidWriteException(
                                "table '%s' stands twice in the request: expected once".formatted(table.table()));
                    }
                    tables.add(table);
                }
                default -> reader.skip(tag);
            }
        }
        if (namespace.isEmpty()) {
            throw new InvalidWriteException("namespace is missing");
        }
        if (tables.isEmpty()) {
            throw new InvalidWriteException("request has no tables: expected at least one");
        }
        return new DecodedWrite(namespaceName(namespace.get()), tables);
    }

    private static NamespaceName namespaceName(String text) throws InvalidWriteException {
        try {
            return new NamespaceName(text);
        } catch (IllegalArgumentException e) {
            throw new InvalidWriteException(String.valueOf(e.getMessage()));
        }
    }

    private static DecodedTable table(WireReader reader, int index) throws IOException, InvalidWriteException {
        Optional<String> name = Optional.empty();
        long rowCount = 0;
        List<RawColumn> columns = new ArrayList<>();
        CodedInputStream in = reader.stream();
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            switch (tag) {
                case (1 << 3) | WireFormat.WIRETYPE_LENGTH_DELIMITED -> name = Optional.of(reader.string("table"));
                case (2 << 3) | WireFormat.WIRETYPE_VARINT -> rowCount = in.readUInt32() & 0xffff_ffffL;
                case (3 << 3) | WireFormat.WIRETYPE_LENGTH_DELIMITED -> {
                    if (columns.size() == MAX_COLUMNS) {
                        throw new InvalidWriteException(
                                "%s has more than %d columns".formatted(describe(name, index), MAX_COLUMNS));
                    }
                    int end = reader.pushLength();
                    columns.add(RawColumn.read(reader));
                    reader.popLength(end);
                }
                default -> reader.skip(tag);
            }
        }
        if (name.isEmpty()) {
            throw new InvalidWriteException("table %d of the request has no name".formatted(index));
        }
        TableName table;
        try {
            table = new TableName(name.get());
        } catch (IllegalArgumentException e) {
            throw new InvalidWriteException("table %d of the request: %s".formatted(index, e.getMessage()));
        }
        if (rowCount < 1 || rowCount > MAX_ROWS) {
            throw new InvalidWriteException(
                    "table '%s': row_count is %d: expected 1 to %d".formatted(table, rowCount, MAX_ROWS));
        }
        return new DecodedTable(table, (int) rowCount, columns(table, (int) rowCount, columns));
    }

    private static String describe(Optional<String> name, int index) {
        return name.map("table '%s'"::formatted).orElseGet(() -> "table %d of the request".formatted(index));
    }

    private static List<DecodedColumn> columns(TableName table, int rowCount, List<RawColumn> raw)
            throws InvalidWriteException {
        List<DecodedColumn> columns = new ArrayList<>(raw.size());
        Set<ColumnName> names = new HashSet<>();
        boolean hasTime = false;
        for (int i = 0; i < raw.size(); i++) {
            DecodedColumn column = column(table, rowCount, raw.get(i), i);
            if (!names.add(column.schema().name())) {
                throw new InvalidWriteException("table '%s': column '%s' stands twice: expected once"
                        .formatted(table, column.schema().name()));
            }
            hasTime |= column.schema().kind() == ColumnKind.TIME;
            columns.add(column);
        }
        if (!hasTime) {
            throw new InvalidWriteException("table '%s': column 'time' of kind TIME is missing".formatted(table));
        }
        return columns;
    }

    private static DecodedColumn column(TableName table, int rowCount, RawColumn raw, int index)
            throws InvalidWriteException {
        if (raw.name().isEmpty()) {
            throw new InvalidWriteException("table '%s': column %d has no name".formatted(table, index));
        }
        String where = "table '%s', column '%s'".formatted(table, raw.name().get());
        ColumnName name;
        try {
            name = new ColumnName(raw.name().get());
        } catch (IllegalArgumentException e) {
            throw new InvalidWriteException("table '%s', column %d: %s".formatted(table, index, e.getMessage()));
        }
        ColumnKind kind = kind(where, raw.kind());
        ColumnChecks checks = new ColumnChecks(where, rowCount, kind);
        Optional<ByteBuffer> validity = checks.validity(raw.validity());
        if (raw.valueKinds() != 1) {
            throw new InvalidWriteException("%s: expected one kind of values, found %s"
                    .formatted(where, raw.valueKinds() == 0 ? "none" : "several"));
        }
        DecodedColumn.Values values = checks.values(raw, validity);
        ColumnType type = type(values);
        if (kind == ColumnKind.TAG != values instanceof DecodedColumn.Values.Dictionary) {
            throw new InvalidWriteException(
                    kind == ColumnKind.TAG
                            ? "%s: a TAG has dictionary values: found %s".formatted(where, type)
                            : "%s: a %s has plain values: found a dictionary".formatted(where, kind));
        }
        ColumnSchema schema;
        try {
            schema = new ColumnSchema(name, kind, type);
        } catch (IllegalArgumentException e) {
            throw new InvalidWriteException("%s: %s".formatted(where, e.getMessage()));
        }
        if (kind == ColumnKind.TIME) {
            checks.times(values, validity);
        }
        return new DecodedColumn(schema, validity, values);
    }

    private static ColumnKind kind(String where, int number) throws InvalidWriteException {
        return switch (Kind.forNumber(number)) {
            case TAG -> ColumnKind.TAG;
            case FIELD -> ColumnKind.FIELD;
            case TIME -> ColumnKind.TIME;
            case null, default ->
                throw new InvalidWriteException(
                        "%s: kind is %d: expected TAG (1), FIELD (2) or TIME (3)".formatted(where, number));
        };
    }

    private static ColumnType type(DecodedColumn.Values values) {
        return switch (values) {
            case DecodedColumn.Values.Int64s _ -> ColumnType.I64;
            case DecodedColumn.Values.UInt64s _ -> ColumnType.U64;
            case DecodedColumn.Values.Float64s _ -> ColumnType.F64;
            case DecodedColumn.Values.Bools _ -> ColumnType.BOOL;
            case DecodedColumn.Values.Strings _, DecodedColumn.Values.Dictionary _ -> ColumnType.STRING;
        };
    }
}
