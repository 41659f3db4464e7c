package io.sluice.ingester.lineprotocol;

import io.sluice.ingester.door.WriteDecoder;
import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// The rows of one table. A point may add columns; they stay only if the point is good. One thread.
final class Table {
    private static final int MAX_HINTS = WriteDecoder.MAX_COLUMNS;
    private static final int TIME_BITS = 64;

    private final TableName name;
    private final Optional<TableSchema> known;
    private final long hashSeed;
    private final Buffers buffers;
    private final ByteInterner names;
    private final List<Column> columns = new ArrayList<>();
    private final Bytes times;

    // The column at each position of the point before this one: most points of a table look alike.
    private int[] hints = new int[8];
    private int keptColumns;
    private int keptRowBits = TIME_BITS;
    private int columnsOfTable; // those that the catalog knows included
    private int keptColumnsOfTable;
    private int rows;

    Table(TableName name, Optional<TableSchema> known, long hashSeed, Buffers buffers) {
        this.name = name;
        this.known = known;
        this.hashSeed = hashSeed;
        this.buffers = buffers;
        this.times = new Bytes(buffers);
        this.names = new ByteInterner(hashSeed, buffers);
        this.columnsOfTable = known.map(schema -> schema.columns().size()).orElse(1);
        this.keptColumnsOfTable = columnsOfTable;
        Arrays.fill(hints, Integer.MAX_VALUE);
    }

    TableName name() {
        return name;
    }

    int rows() {
        return rows;
    }

    List<Column> columns() {
        return columns;
    }

    /// The timestamps of all rows.
    byte[] times() {
        times.resize(rows * Long.BYTES);
        return times.array();
    }

    /// The column that stood at a position of the point before, if its key stands at `body[from]` again, and an equals
    /// sign behind it: then nobody has to look for the key's end.
    ///
    /// @param position how many columns stand before it in the point
    /// @return its number, or [ByteInterner#NOT_FOUND]
    int findExpected(int position, byte[] body, int from, int end) {
        if (position >= hints.length || hints[position] >= columns.size()) {
            return ByteInterner.NOT_FOUND;
        }
        int hint = hints[position];
        int lengthBytes = nameBytes(hint);
        return lengthBytes < end - from && body[from + lengthBytes] == '=' && names.isAt(hint, body, from, lengthBytes)
                ? hint
                : ByteInterner.NOT_FOUND;
    }

    /// How long a column's name is.
    int nameBytes(int id) {
        return names.end(id) - names.start(id);
    }

    /// The column of this name, if the table has it in this parse.
    ///
    /// @return its number, or [ByteInterner#NOT_FOUND]
    int find(byte[] bytes, int from, int lengthBytes) {
        return names.find(names.hash(bytes, from, lengthBytes), bytes, from, lengthBytes);
    }

    /// The column stands at this position, its key is written without backslashes, and so it may in the next point.
    void expect(int position, int id) {
        if (position < MAX_HINTS) {
            if (position >= hints.length) {
                int before = hints.length;
                hints = Arrays.copyOf(hints, Math.max(position + 1, before << 1));
                Arrays.fill(hints, before, hints.length, Integer.MAX_VALUE);
            }
            hints[position] = id;
        }
    }

    Column column(int id) {
        return columns.get(id);
    }

    /// Adds a column of a name that [#find] did not find. A column that the catalog knows keeps its type.
    ///
    /// @return its number
    /// @throws BadLine if the name breaks the rules, the table is full, or the catalog says that it is of
    ///     another kind
    int add(ColumnKind kind, ColumnType type, byte[] bytes, int from, int lengthBytes) throws BadLine {
        var column = new ColumnName(CheckedName.of("column", bytes, from, lengthBytes));
        if (column.equals(ColumnSchema.TIME_NAME)) {
            throw new BadLine(() ->
                    "'time' is a %s: expected another name, 'time' is the column of the timestamps".formatted(kind));
        }
        Optional<ColumnSchema> schema = known.flatMap(table -> table.find(column));
        if (schema.isPresent() && schema.get().kind() != kind) {
            throw conflict(column, kind, type, schema.get());
        }
        if (schema.isEmpty() && columnsOfTable == WriteDecoder.MAX_COLUMNS) {
            throw new BadLine(() -> "column '%s' is new in table '%s', which has %,d columns: expected at most %,d"
                    .formatted(column, name, columnsOfTable, WriteDecoder.MAX_COLUMNS));
        }
        Column added = kind == ColumnKind.TAG
                ? new Column.Tag(column, hashSeed, buffers)
                : new Column.Field(column, schema.map(ColumnSchema::type).orElse(type), schema.isPresent(), buffers);
        columnsOfTable += schema.isPresent() ? 0 : 1;
        columns.add(added);
        return names.add(names.hash(bytes, from, lengthBytes), bytes, from, lengthBytes);
    }

    /// A column is written as another kind or type than it is.
    BadLine conflict(Column column, ColumnKind kind, ColumnType type) {
        ColumnSchema expected = switch (column) {
            case Column.Tag tag -> new ColumnSchema(tag.name(), ColumnKind.TAG, ColumnType.STRING);
            case Column.Field field -> new ColumnSchema(field.name(), ColumnKind.FIELD, field.type());
        };
        return conflict(column.name(), kind, type, expected);
    }

    private BadLine conflict(ColumnName column, ColumnKind kind, ColumnType type, ColumnSchema expected) {
        return new BadLine(() -> "column '%s' is a %s: expected %s, which it is in table '%s'%s"
                .formatted(
                        column,
                        new ColumnSchema(column, kind, type).describe(),
                        expected.describe(),
                        name,
                        known.flatMap(table -> table.find(column)).isPresent()
                                ? ""
                                : " since earlier in this request"));
    }

    /// Checks that the fields of a point are of their columns' types.
    ///
    /// @throws BadLine if one is not
    void checkTypes(Point point) throws BadLine {
        for (int i = 0; i < point.fieldCount; i++) {
            Column.Field field = point.fields[i];
            ColumnType type = point.fieldTypes[i];
            if (field.type() != type) {
                if (!field.isTypeOpen()) {
                    throw conflict(field, ColumnKind.FIELD, type);
                }
                field.changeType(type);
            }
        }
    }

    /// Bits that the table takes more when a point becomes its next row, the values of strings and dictionaries apart.
    long addedBits() {
        long bits = keptRowBits;
        for (int i = keptColumns; i < columns.size(); i++) {
            Column column = columns.get(i);
            bits += Tables.COLUMN_BITS + (rows + 1L) * column.rowBits();
        }
        return bits;
    }

    /// Takes a good point as the next row.
    ///
    /// @param body where the point's text lies, unless it lies in `scratch`
    void append(Point point, byte[] body, byte[] scratch) {
        int row = rows;
        times.setLong(row, point.timestampNs());
        for (int i = 0; i < point.tagCount; i++) {
            Column.Tag tag = point.tags[i];
            int code = point.tagCodes[i];
            if (code == ByteInterner.NOT_FOUND) {
                long text = point.tagTexts[i];
                byte[] bytes = Text.isInScratch(text) ? scratch : body;
                code = tag.dictionary().add(point.tagHashes[i], bytes, Text.from(text), Text.lengthBytes(text));
            }
            tag.append(row, code);
        }
        for (int i = 0; i < point.fieldCount; i++) {
            Column.Field field = point.fields[i];
            long bits = point.fieldBits[i];
            switch (point.fieldTypes[i]) {
                case I64, U64, F64 -> field.appendLong(row, bits);
                case BOOL -> field.appendBoolean(row, bits != 0);
                case STRING -> {
                    byte[] bytes = Text.isInScratch(bits) ? scratch : body;
                    field.appendString(row, bytes, Text.from(bits), Text.lengthBytes(bits));
                }
            }
        }
        rows++;
        for (; keptColumns < columns.size(); keptColumns++) {
            keptRowBits += columns.get(keptColumns).rowBits();
        }
        keptColumnsOfTable = columnsOfTable;
    }

    /// Forgets the columns that a bad point added.
    void rollBack() {
        names.truncate(keptColumns);
        while (columns.size() > keptColumns) {
            columns.removeLast();
        }
        columnsOfTable = keptColumnsOfTable;
    }
}
