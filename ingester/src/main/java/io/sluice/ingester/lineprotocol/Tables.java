package io.sluice.ingester.lineprotocol;

import io.sluice.ingester.door.WriteDecoder;
import io.sluice.model.ColumnType;
import io.sluice.model.TableName;
import java.util.ArrayList;
import java.util.List;

/// The tables of one parse, and what they are charged for their memory: no less than what they take in the request. One
/// thread.
final class Tables {
    /// What a table is charged, apart from its rows and columns: objects, and framing in the request.
    static final long TABLE_BITS = 8L * 2_048;

    /// What a column is charged, apart from its rows. With the highest limit, it keeps a request below
    /// [WriteDecoder#MAX_REQUEST_COLUMNS].
    static final long COLUMN_BITS = 8L * 1_024;

    /// What a dictionary value is charged, apart from its bytes. With the highest limit, it keeps a request below
    /// [WriteDecoder#MAX_DICTIONARY_VALUES].
    static final long DICTIONARY_VALUE_BITS = 8L * 64;

    private final ParseOptions options;
    private final long hashSeed;
    private final Buffers buffers;
    private final ByteInterner names;
    private final List<Table> tables = new ArrayList<>();
    private long chargedBits;
    private int current = -1;
    private int keptTables;

    /// @param buffers lend arrays until the parse has ended
    Tables(ParseOptions options, long hashSeed, Buffers buffers) {
        this.options = options;
        this.hashSeed = hashSeed;
        this.buffers = buffers;
        this.names = new ByteInterner(hashSeed, buffers);
    }

    List<Table> all() {
        return tables;
    }

    /// The table of this name; it stays only if the point is good.
    ///
    /// @throws BadLine if the name breaks the rules, or is that of one table too many
    Table open(byte[] bytes, int from, int lengthBytes) throws BadLine {
        if (current >= 0 && names.isAt(current, bytes, from, lengthBytes)) {
            return tables.get(current);
        }
        int hash = names.hash(bytes, from, lengthBytes);
        int id = names.find(hash, bytes, from, lengthBytes);
        if (id == ByteInterner.NOT_FOUND) {
            var name = new TableName(CheckedName.of("table", bytes, from, lengthBytes));
            if (tables.size() == WriteDecoder.MAX_TABLES) {
                throw new BadLine(() -> "table '%s' is one too many: expected at most %,d in a request"
                        .formatted(name, WriteDecoder.MAX_TABLES));
            }
            tables.add(new Table(name, options.known().find(name), hashSeed, buffers));
            id = names.add(hash, bytes, from, lengthBytes);
        }
        current = id;
        return tables.get(id);
    }

    /// The number of the table that was opened last.
    int current() {
        return current;
    }

    /// The table of a number; it has rows.
    Table open(int id) {
        current = id;
        return tables.get(id);
    }

    /// Takes a point as a table's next row.
    ///
    /// @throws BadLine if it contradicts a column's type, or would exceed a limit
    void append(Table table, Point point, byte[] body, byte[] scratch) throws BadLine {
        table.checkTypes(point);
        if (table.rows() == WriteDecoder.MAX_ROWS) {
            throw new BadLine(() -> "table '%s' has %,d rows in this request: expected at most %,d"
                    .formatted(table.name(), table.rows(), WriteDecoder.MAX_ROWS));
        }
        long bits = chargedBits + table.addedBits() + textBits(point);
        if (table.rows() == 0) {
            bits += TABLE_BITS;
        }
        if (bits > 8L * options.maxRequestBytes()) {
            long neededBytes = bits / 8;
            throw new BadLine(() -> "row would bring the request's columns to %,d bytes: expected at most %,d"
                    .formatted(neededBytes, options.maxRequestBytes()));
        }
        chargedBits = bits;
        table.append(point, body, scratch);
        keptTables = tables.size();
    }

    private static long textBits(Point point) {
        long bits = 0;
        for (int i = 0; i < point.tagCount; i++) {
            if (point.tagCodes[i] == ByteInterner.NOT_FOUND) {
                bits += DICTIONARY_VALUE_BITS + 8L * Text.lengthBytes(point.tagTexts[i]);
            }
        }
        for (int i = 0; i < point.fieldCount; i++) {
            if (point.fieldTypes[i] == ColumnType.STRING) {
                bits += 8L * Text.lengthBytes(point.fieldBits[i]);
            }
        }
        return bits;
    }

    /// Forgets what a bad point added.
    void rollBack() {
        if (tables.size() > keptTables) {
            names.truncate(keptTables);
            tables.removeLast();
            current = -1;
        } else if (current >= 0) {
            tables.get(current).rollBack();
        }
    }
}
