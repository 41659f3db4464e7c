package io.sluice.ingester.door;

import io.sluice.ingester.door.DecodedWrite.DecodedTable;
import io.sluice.ingester.door.RawColumn.Text;
import io.sluice.ingester.door.RawWrite.RawTable;
import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// Turns the bytes of a `sluice.v1.WriteRequest` into columns, and checks all that can be checked without the catalog.
///
/// Packed values are not copied: the decoded buffers are views of the request. There is no object for a row, and no
/// allocation in proportion to a number that the request only claims. It accepts what any protobuf encoder may write;
/// where that is not one packed piece, the pieces are joined in a copy. One thing is stricter than protobuf: a column
/// with two different kinds of values is refused, though for protobuf the last one would win.
///
/// Stateless; any thread may call.
public final class WriteDecoder {
    /// Most tables in one request.
    public static final int MAX_TABLES = 10_000;

    /// Most columns of a table, `time` included.
    public static final int MAX_COLUMNS = 1_000;

    /// Most rows of a table in one request.
    public static final int MAX_ROWS = 1 << 24;

    /// Most columns of all tables in one request together. A small column takes some 500 bytes of objects, many times
    /// what it takes in the request.
    public static final int MAX_REQUEST_COLUMNS = 1 << 18;

    /// Most dictionary values of all columns in one request together. A short value takes some 60 bytes as an object.
    public static final int MAX_DICTIONARY_VALUES = 1 << 22;

    private WriteDecoder() {}

    /// Decodes a request.
    ///
    /// @param request not changed by anybody as long as the result lives
    /// @throws InvalidWriteException if the request is wrong in itself, saying what is wrong, and where
    public static DecodedWrite decode(byte[] request) throws InvalidWriteException {
        RawWrite raw = new RequestReader(request).read();
        NamespaceName namespace = namespace(request, raw);
        if (raw.tables.isEmpty()) {
            throw new InvalidWriteException(
                    "namespace '%s': request has no tables: expected 1 to %,d".formatted(namespace, MAX_TABLES));
        }
        List<DecodedTable> tables = new ArrayList<>(raw.tables.size());
        Set<TableName> names = HashSet.newHashSet(raw.tables.size());
        for (int i = 0; i < raw.tables.size(); i++) {
            RawTable table = raw.tables.get(i);
            TableName name = tableName(request, namespace, table, i);
            if (!names.add(name)) {
                throw new InvalidWriteException("namespace '%s', table '%s': stands twice in the request: expected once"
                        .formatted(namespace, name));
            }
            tables.add(table(request, namespace, name, table));
        }
        return new DecodedWrite(namespace, tables);
    }

    private static NamespaceName namespace(byte[] request, RawWrite raw) throws InvalidWriteException {
        if (raw.namespace.lengthBytes() == 0) {
            throw new InvalidWriteException("namespace is missing: expected 1 to 255 bytes of UTF-8");
        }
        try {
            return new NamespaceName(text(request, raw.namespace));
        } catch (IllegalArgumentException e) {
            throw new InvalidWriteException(String.valueOf(e.getMessage()));
        }
    }

    private static TableName tableName(byte[] request, NamespaceName namespace, RawTable table, int index)
            throws InvalidWriteException {
        if (table.table.lengthBytes() == 0) {
            throw new InvalidWriteException(
                    "namespace '%s', table #%d: name is missing: expected 1 to 255 bytes of UTF-8"
                            .formatted(namespace, index + 1));
        }
        try {
            return new TableName(text(request, table.table));
        } catch (IllegalArgumentException e) {
            throw new InvalidWriteException(
                    "namespace '%s', table #%d: %s".formatted(namespace, index + 1, e.getMessage()));
        }
    }

    private static DecodedTable table(byte[] request, NamespaceName namespace, TableName name, RawTable raw)
            throws InvalidWriteException {
        if (Integer.compareUnsigned(raw.rowCount, MAX_ROWS) > 0 || raw.rowCount == 0) {
            throw new InvalidWriteException("namespace '%s', table '%s': row_count is %s: expected 1 to %,d"
                    .formatted(namespace, name, Integer.toUnsignedString(raw.rowCount), MAX_ROWS));
        }
        List<DecodedColumn> columns = new ArrayList<>(raw.columns.size());
        Set<ColumnName> names = HashSet.newHashSet(raw.columns.size());
        for (int i = 0; i < raw.columns.size(); i++) {
            ColumnName column = columnName(request, namespace, name, raw.columns.get(i), i);
            if (!names.add(column)) {
                throw new InvalidWriteException(
                        "namespace '%s', table '%s', column '%s': stands twice in the table: expected once"
                                .formatted(namespace, name, column));
            }
            columns.add(new ColumnDecoder(request, namespace, name, column, raw.rowCount).decode(raw.columns.get(i)));
        }
        if (!names.contains(ColumnSchema.TIME_NAME)) {
            throw new InvalidWriteException(
                    "namespace '%s', table '%s': column 'time' is missing: expected one of kind TIME with i64 values"
                            .formatted(namespace, name));
        }
        return new DecodedTable(name, raw.rowCount, columns);
    }

    private static ColumnName columnName(
            byte[] request, NamespaceName namespace, TableName table, RawColumn column, int index)
            throws InvalidWriteException {
        try {
            return new ColumnName(text(request, column.name));
        } catch (IllegalArgumentException e) {
            throw new InvalidWriteException("namespace '%s', table '%s', column #%d: %s"
                    .formatted(namespace, table, index + 1, e.getMessage()));
        }
    }

    private static String text(byte[] request, Text text) {
        if (!Utf8.isValid(request, text.from(), text.from() + text.lengthBytes())) {
            throw new IllegalArgumentException("name of %d bytes at byte %d of the request is not UTF-8"
                    .formatted(text.lengthBytes(), text.from()));
        }
        return new String(request, text.from(), text.lengthBytes(), StandardCharsets.UTF_8);
    }
}
