package io.sluice.ingester.door;

import io.sluice.ingester.door.DecodedWrite.DecodedTable;
import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnSchema;
import io.sluice.model.PartitionTemplate;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.Dictionary;
import io.sluice.proto.v1.Int64s;
import io.sluice.proto.v1.Strings;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Reads requests that look like ones before: the same tables and columns, in the same order, each field once and
/// packed, as encoders write them. What is found there is compared with the bytes of the [WriteShape] and not taken
/// apart again, and no object is made. All that [WriteDecoder] checks of values is checked here too.
///
/// A request that it does not read may be good or bad: [WriteDecoder] tells. One that it reads is one that
/// [WriteDecoder] takes, with the same rows. For one thread; bounded.
public final class ShapedReader {
    /// Rows of a table beyond these: its objects cost little then.
    public static final int MAX_ROWS = 1 << 16;

    /// Shapes kept. Who has more tables than that forgets them all now and then, and learns anew.
    static final int MAX_SHAPES = 1_024;

    /// Requests with more tables have some rows in each, or are rare.
    private static final int MAX_TABLES = 32;

    /// Shapes kept of one table; another one takes the place of one of them.
    private static final int MAX_TABLE_SHAPES = 16;

    private static final int LENGTH_DELIMITED = 2;
    private static final int NO_VALUE = -1;

    /// Open addressing by the names' hash, at most half full; shapes of one table stand one behind the other.
    private final @Nullable WriteShape[] shapes = new WriteShape[2 * MAX_SHAPES];
    /// How many were ever learned: their indexes go on when they are forgotten, until [#forget].
    private int shapeCount;

    private final List<ShapedRows> tables = new ArrayList<>();
    private int tableCount;
    private byte[] request = {};
    /// Where reading is, and where what is being read ends.
    private int position;

    private int end;

    /// Reads a request, if it looks like ones that were learned before.
    ///
    /// @param bytes not changed as long as the rows are looked at
    /// @return whether it did; then [#tables] has its rows
    public boolean tryRead(byte[] bytes) {
        request = bytes;
        position = 0;
        end = bytes.length;
        tableCount = 0;
        int namespaceBytes = enter(WriteRequest.NAMESPACE_FIELD_NUMBER);
        if (namespaceBytes < 1) {
            return false;
        }
        int namespaceAt = position;
        position += namespaceBytes;
        int hash = ByteHash.of(bytes, namespaceAt, namespaceBytes);
        while (position < bytes.length) {
            end = bytes.length;
            int lengthBytes = enter(WriteRequest.TABLES_FIELD_NUMBER);
            if (lengthBytes < 1 || tableCount == MAX_TABLES) {
                return false;
            }
            end = position + lengthBytes;
            if (!readTable(namespaceAt, namespaceBytes, hash)) {
                return false;
            }
        }
        return tableCount > 0 && areDistinct();
    }

    /// The tables of the request that was read last, each once, good until the next is read.
    public List<ShapedRows> tables() {
        return tables.size() == tableCount ? tables : tables.subList(0, tableCount);
    }

    /// As [#tables], which then has none of them: they stay as they are whatever is read next, and any thread may read
    /// them once they were handed over.
    public List<ShapedRows> take() {
        List<ShapedRows> taken = List.copyOf(tables());
        tables.subList(0, tableCount).clear();
        tableCount = 0;
        return taken;
    }

    /// Remembers what a write looks like.
    ///
    /// @return whether all of its tables are there to be recognised; if not, it has more of them than are
    ///     looked at
    public boolean learn(DecodedWrite write) {
        if (write.tables().size() > MAX_TABLES) {
            return false;
        }
        for (DecodedTable table : write.tables()) {
            add(new WriteShape(shapeCount, write.namespace(), table));
        }
        return true;
    }

    /// Whether there is no room for the shapes of another write: then [#forget] is due.
    public boolean isFull() {
        return shapeCount + MAX_TABLES > MAX_SHAPES;
    }

    /// Forgets all shapes; their indexes are given out again.
    public void forget() {
        Arrays.fill(shapes, null);
        shapeCount = 0;
    }

    private void add(WriteShape shape) {
        byte[] namespace = shape.namespaceBytes();
        byte[] table = shape.tableBytes();
        int slot = slot(ByteHash.of(namespace, 0, namespace.length), table, 0, table.length);
        int ofTable = 0;
        int replaceable = slot;
        for (WriteShape known = shapes[slot]; known != null; known = shapes[slot]) {
            if (known.namespace().equals(shape.namespace()) && known.table().equals(shape.table())) {
                if (known.columns().equals(shape.columns())) {
                    return;
                }
                if (ofTable++ == shape.index() % MAX_TABLE_SHAPES) {
                    replaceable = slot;
                }
            }
            slot = next(slot);
        }
        if (ofTable >= MAX_TABLE_SHAPES) {
            slot = replaceable;
        }
        if (shapeCount == MAX_SHAPES) {
            throw new IllegalStateException("there are %d shapes already".formatted(MAX_SHAPES));
        }
        shapes[slot] = shape;
        shapeCount++;
    }

    private int next(int slot) {
        return (slot + 1) & (shapes.length - 1);
    }

    private int slot(int namespaceHash, byte[] bytes, int tableAt, int tableBytes) {
        return (31 * namespaceHash + ByteHash.of(bytes, tableAt, tableBytes)) & (shapes.length - 1);
    }

    private boolean areDistinct() {
        for (int i = 1; i < tableCount; i++) {
            for (int j = 0; j < i; j++) {
                if (tables.get(i).shape.table().equals(tables.get(j).shape.table())) {
                    return false;
                }
            }
        }
        return true;
    }

    /// Reads the fields up to `end`.
    private boolean readTable(int namespaceAt, int namespaceBytes, int namespaceHash) {
        int tableBytes = enter(TableBatch.TABLE_FIELD_NUMBER);
        if (tableBytes < 1) {
            return false;
        }
        int tableAt = position;
        position += tableBytes;
        int slot = slot(namespaceHash, request, tableAt, tableBytes);
        if (position >= end || request[position++] != TableBatch.ROW_COUNT_FIELD_NUMBER << 3) {
            return false;
        }
        int rowCount = varint();
        if (rowCount < 1 || rowCount > MAX_ROWS) {
            return false;
        }
        int columnsAt = position;
        int columnsEnd = end;
        for (WriteShape shape = shapes[slot]; shape != null; shape = shapes[slot]) {
            if (isSame(shape.namespaceBytes(), namespaceAt, namespaceBytes)
                    && isSame(shape.tableBytes(), tableAt, tableBytes)) {
                position = columnsAt;
                end = columnsEnd;
                if (readColumns(shape, rowCount)) {
                    tableCount++;
                    return true;
                }
            }
            slot = next(slot);
        }
        return false;
    }

    private boolean isSame(byte[] name, int at, int lengthBytes) {
        return name.length == lengthBytes && ByteHash.isSame(name, 0, request, at, lengthBytes);
    }

    private boolean readColumns(WriteShape shape, int rowCount) {
        if (tables.size() == tableCount) {
            tables.add(new ShapedRows(shape));
        }
        ShapedRows rows = tables.get(tableCount);
        rows.begin(request, shape, rowCount);
        int tableEnd = end;
        List<ColumnSchema> columns = shape.columns();
        for (int i = 0; i < columns.size(); i++) {
            end = tableEnd;
            int lengthBytes = enter(TableBatch.COLUMNS_FIELD_NUMBER);
            byte[] head = shape.head(i);
            if (lengthBytes <= head.length || !ByteHash.isSame(head, 0, request, position, head.length)) {
                return false;
            }
            end = position + lengthBytes;
            position += head.length;
            if (!readColumn(rows, i, columns.get(i)) || position != end) {
                return false;
            }
        }
        return position == tableEnd;
    }

    /// Reads what stands behind a column's kind.
    private boolean readColumn(ShapedRows rows, int index, ColumnSchema column) {
        int bitmapBytes = (rows.rowCount + 7) >> 3;
        int validity = NO_VALUE;
        if (request[position] == tag(Column.VALIDITY_FIELD_NUMBER)) {
            if (enter(Column.VALIDITY_FIELD_NUMBER) != bitmapBytes) {
                return false;
            }
            validity = isAllSet(position, rows.rowCount) ? NO_VALUE : position;
            position += bitmapBytes;
        }
        if (column.kind() == ColumnKind.TIME) {
            return validity == NO_VALUE
                    && readNumbers(rows, index, NO_VALUE, Column.I64_FIELD_NUMBER)
                    && readTimes(rows);
        }
        return switch (column.type()) {
            case I64 -> readNumbers(rows, index, validity, Column.I64_FIELD_NUMBER);
            case U64 -> readNumbers(rows, index, validity, Column.U64_FIELD_NUMBER);
            case F64 -> readNumbers(rows, index, validity, Column.F64_FIELD_NUMBER);
            case BOOL -> {
                boolean found = enter(Column.BOOLS_FIELD_NUMBER) == bitmapBytes;
                rows.setColumn(index, validity, position);
                position += found ? bitmapBytes : 0;
                yield found;
            }
            case STRING ->
                column.kind() == ColumnKind.TAG
                        ? readDictionary(rows, index, validity)
                        : readStrings(rows, index, validity);
        };
    }

    private boolean isAllSet(int at, int bits) {
        int whole = bits >> 3;
        for (int i = 0; i < whole; i++) {
            if (request[at + i] != -1) {
                return false;
            }
        }
        int mask = (1 << (bits & 7)) - 1;
        return mask == 0 || (request[at + whole] & mask) == mask;
    }

    private boolean readNumbers(ShapedRows rows, int index, int validity, int field) {
        int valuesBytes = rows.rowCount * Long.BYTES;
        if (!enterLast(field) || enter(Int64s.VALUES_FIELD_NUMBER) != valuesBytes) {
            return false;
        }
        rows.setColumn(index, validity, position);
        position += valuesBytes;
        return true;
    }

    private boolean readTimes(ShapedRows rows) {
        long min = Long.MAX_VALUE;
        long max = Long.MIN_VALUE;
        for (int row = 0; row < rows.rowCount; row++) {
            long timeNs = rows.timeNs(row);
            min = Math.min(min, timeNs);
            max = Math.max(max, timeNs);
        }
        rows.minTimeNs = min;
        rows.maxTimeNs = max;
        return PartitionTemplate.isInRange(min) && PartitionTemplate.isInRange(max);
    }

    private boolean readDictionary(ShapedRows rows, int index, int validity) {
        if (!enterLast(Column.DICTIONARY_FIELD_NUMBER)) {
            return false;
        }
        rows.beginDictionary(index);
        while (position < end && request[position] == tag(Dictionary.VALUES_FIELD_NUMBER)) {
            int textBytes = enter(Dictionary.VALUES_FIELD_NUMBER);
            if (textBytes < 0 || !readText(rows, textBytes)) {
                return false;
            }
            position += textBytes;
        }
        rows.endDictionary(index);
        int codesBytes = rows.rowCount * Integer.BYTES;
        if (enter(Dictionary.CODES_FIELD_NUMBER) != codesBytes) {
            return false;
        }
        rows.setColumn(index, validity, position);
        position += codesBytes;
        int size = rows.dictionarySize(index);
        for (int row = 0; row < rows.rowCount; row++) {
            if (Integer.compareUnsigned(rows.code(index, row), size) >= 0 && rows.isPresent(index, row)) {
                return false;
            }
        }
        return true;
    }

    /// Looks at each byte once: for its hash, and whether it is ASCII.
    private boolean readText(ShapedRows rows, int textBytes) {
        long hash = textBytes;
        long seen = 0;
        int i = 0;
        for (; i + Long.BYTES <= textBytes; i += Long.BYTES) {
            long word = rows.longAt(position + i);
            seen |= word;
            hash = ByteHash.mix(hash, word);
        }
        if (i < textBytes) {
            long word = ByteHash.tail(request, position + i, textBytes - i);
            seen |= word;
            hash = ByteHash.mix(hash, word);
        }
        if ((seen & Utf8.HIGH_BITS) != 0 && !Utf8.isValid(request, position, position + textBytes)) {
            return false;
        }
        rows.addText(position, textBytes, ByteHash.fold(hash));
        return true;
    }

    private boolean readStrings(ShapedRows rows, int index, int validity) {
        if (!enterLast(Column.STRINGS_FIELD_NUMBER)) {
            return false;
        }
        int dataAt = position;
        int dataBytes = 0;
        if (position < end && request[position] == tag(Strings.DATA_FIELD_NUMBER)) {
            dataBytes = enter(Strings.DATA_FIELD_NUMBER);
            if (dataBytes < 0) {
                return false;
            }
            dataAt = position;
            position += dataBytes;
        }
        int offsetsBytes = (rows.rowCount + 1) * Integer.BYTES;
        if (enter(Strings.OFFSETS_FIELD_NUMBER) != offsetsBytes) {
            return false;
        }
        rows.setColumn(index, validity, position);
        rows.setStringData(index, dataAt);
        position += offsetsBytes;
        return areStrings(rows, index, dataAt, dataBytes);
    }

    /// Whether offsets never go back nor beyond the data, and all data that they cover is UTF-8, cut between
    /// characters. Where only a null row's is not, [WriteDecoder] has to see it.
    private boolean areStrings(ShapedRows rows, int index, int dataAt, int dataBytes) {
        int previous = 0;
        for (int row = 0; row <= rows.rowCount; row++) {
            int offset = rows.stringOffset(index, row);
            if (offset < previous || offset > dataBytes || (row == 0 && offset != 0)) {
                return false;
            }
            previous = offset;
        }
        int usedEnd = dataAt + previous;
        if (Utf8.skipAscii(request, dataAt, usedEnd) == usedEnd) {
            return true;
        }
        if (!Utf8.isValid(request, dataAt, usedEnd)) {
            return false;
        }
        for (int row = 1; row < rows.rowCount; row++) {
            int at = dataAt + rows.stringOffset(index, row);
            if (at < usedEnd && Utf8.isContinuation(request[at])) {
                return false;
            }
        }
        return true;
    }

    private static int tag(int field) {
        return field << 3 | LENGTH_DELIMITED;
    }

    /// Enters a length-delimited field; returns its length, which lies before `end`, or -1 if there is none.
    private int enter(int field) {
        if (position >= end || request[position] != tag(field)) {
            return NO_VALUE;
        }
        position++;
        int lengthBytes = varint();
        return lengthBytes <= end - position ? lengthBytes : NO_VALUE;
    }

    /// Enters a length-delimited field that goes on to `end`.
    private boolean enterLast(int field) {
        return enter(field) == end - position;
    }

    /// Reads a number of up to 28 bits; returns -1 if there is none.
    private int varint() {
        int value = 0;
        for (int shift = 0; shift < 28 && position < end; shift += 7) {
            byte next = request[position++];
            value |= (next & 0x7F) << shift;
            if (next >= 0) {
                return value;
            }
        }
        return NO_VALUE;
    }
}
