package io.sluice.ingester.door;

import io.sluice.ingester.door.DecodedWrite.DecodedTable;
import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnSchema;
import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import io.sluice.proto.v1.Column;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// What the writes of one table, with the same columns in the same order, have in common on the wire. Made of a write
/// that was decoded, so that names, kinds and types are known to be right wherever these bytes stand again.
public final class WriteShape {
    private static final int VARINT = 0;
    private static final int LENGTH_DELIMITED = 2;

    private final int index;
    private final NamespaceName namespace;
    private final TableName table;
    private final List<ColumnSchema> columns;
    private final byte[] namespaceBytes;
    private final byte[] tableBytes;
    private final byte[][] heads;
    private final int timeColumn;

    /// @param index the shape's number among those of its [ShapedReader]
    WriteShape(int index, NamespaceName namespace, DecodedTable decoded) {
        this.index = index;
        this.namespace = namespace;
        this.table = decoded.table();
        this.columns = decoded.columns().stream().map(DecodedColumn::schema).toList();
        this.namespaceBytes = utf8(namespace.value());
        this.tableBytes = utf8(table.value());
        this.heads = new byte[columns.size()][];
        int time = -1;
        for (int i = 0; i < heads.length; i++) {
            heads[i] = head(columns.get(i));
            if (columns.get(i).kind() == ColumnKind.TIME) {
                time = i;
            }
        }
        this.timeColumn = time;
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /// A column's first fields, as every encoder writes them: its name and kind, by which it begins.
    private static byte[] head(ColumnSchema column) {
        byte[] name = utf8(column.name().value());
        ByteArrayOutputStream head = new ByteArrayOutputStream();
        head.write(Column.NAME_FIELD_NUMBER << 3 | LENGTH_DELIMITED);
        int left = name.length;
        for (; left > 0x7F; left >>>= 7) {
            head.write(left | 0x80);
        }
        head.write(left);
        head.writeBytes(name);
        head.write(Column.KIND_FIELD_NUMBER << 3 | VARINT);
        head.write(
                switch (column.kind()) {
                    case TAG -> Column.Kind.TAG_VALUE;
                    case FIELD -> Column.Kind.FIELD_VALUE;
                    case TIME -> Column.Kind.TIME_VALUE;
                });
        return head.toByteArray();
    }

    /// A small number of its own among the shapes of one reader.
    public int index() {
        return index;
    }

    public NamespaceName namespace() {
        return namespace;
    }

    public TableName table() {
        return table;
    }

    /// In the order in which they stand in the writes; `time` is among them.
    public List<ColumnSchema> columns() {
        return columns;
    }

    /// The place of `time` among the columns.
    public int timeColumn() {
        return timeColumn;
    }

    byte[] namespaceBytes() {
        return namespaceBytes;
    }

    byte[] tableBytes() {
        return tableBytes;
    }

    /// The bytes by which a column begins.
    byte[] head(int column) {
        return heads[column];
    }
}
