package io.sluice.ingester.door;

import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.Int64s;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Reads of a request where its rows belong: the names of its tables and their timestamps. All other columns are passed
/// over, whatever is in them. It knows only the form in which encoders write, each field once and in the order of their
/// numbers; where it finds another, or a name or timestamp that is none, it says nothing, and [WriteDecoder] has to
/// look.
///
/// Stateless; any thread may call.
public final class OutlineReader {
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final byte[] TIME = {Column.NAME_FIELD_NUMBER << 3 | 2, 4, 't', 'i', 'm', 'e'};
    private static final byte[] TIME_KIND = {Column.KIND_FIELD_NUMBER << 3, Column.Kind.TIME_VALUE};

    private final byte[] request;
    private int position;
    private int end;

    private OutlineReader(byte[] request) {
        this.request = request;
        this.end = request.length;
    }

    /// Where the rows of one table belong.
    ///
    /// @param request the bytes in which the timestamps lie
    /// @param timesAt where they do, 8 bytes for each row
    public record TableOutline(TableName table, byte[] request, int timesAt, int rowCount) {
        /// Nanoseconds since the epoch.
        public long timeNs(int row) {
            return (long) LONG.get(request, timesAt + row * Long.BYTES);
        }
    }

    /// Where the rows of a request belong.
    public record Outline(NamespaceName namespace, List<TableOutline> tables) {
        public Outline {
            tables = List.copyOf(tables);
        }
    }

    /// The outline of a request; empty if it does not have the usual form.
    public static Optional<Outline> read(byte[] request) {
        try {
            return new OutlineReader(request).readWrite();
        } catch (IllegalArgumentException e) {
            return Optional.empty(); // no name
        }
    }

    private Optional<Outline> readWrite() {
        int namespaceBytes = enter(WriteRequest.NAMESPACE_FIELD_NUMBER);
        if (namespaceBytes < 1) {
            return Optional.empty();
        }
        NamespaceName namespace = new NamespaceName(text(namespaceBytes));
        List<TableOutline> tables = new ArrayList<>(1);
        while (position < request.length) {
            end = request.length;
            int lengthBytes = enter(WriteRequest.TABLES_FIELD_NUMBER);
            if (lengthBytes < 1) {
                return Optional.empty();
            }
            end = position + lengthBytes;
            Optional<TableOutline> table = readTable();
            if (table.isEmpty()) {
                return Optional.empty();
            }
            tables.add(table.get());
        }
        return tables.isEmpty() ? Optional.empty() : Optional.of(new Outline(namespace, tables));
    }

    /// Reads the fields up to `end`.
    private Optional<TableOutline> readTable() {
        int nameBytes = enter(TableBatch.TABLE_FIELD_NUMBER);
        if (nameBytes < 1) {
            return Optional.empty();
        }
        TableName name = new TableName(text(nameBytes));
        if (position == end || request[position++] != TableBatch.ROW_COUNT_FIELD_NUMBER << 3) {
            return Optional.empty();
        }
        int rowCount = varint();
        if (rowCount < 1 || rowCount > WriteDecoder.MAX_ROWS) {
            return Optional.empty();
        }
        int tableEnd = end;
        int timesAt = -1;
        while (position < tableEnd) {
            end = tableEnd;
            int lengthBytes = enter(TableBatch.COLUMNS_FIELD_NUMBER);
            if (lengthBytes < 1) {
                return Optional.empty();
            }
            end = position + lengthBytes;
            if (lengthBytes > TIME.length && ByteHash.isSame(TIME, 0, request, position, TIME.length)) {
                if (timesAt >= 0 || !readTime(rowCount)) {
                    return Optional.empty();
                }
                timesAt = position;
            }
            position = end;
        }
        return timesAt < 0 ? Optional.empty() : Optional.of(new TableOutline(name, request, timesAt, rowCount));
    }

    /// Moves to the timestamps, if the column up to `end` has one for each row and nothing else.
    private boolean readTime(int rowCount) {
        position += TIME.length;
        if (end - position <= TIME_KIND.length || !ByteHash.isSame(TIME_KIND, 0, request, position, TIME_KIND.length)) {
            return false;
        }
        position += TIME_KIND.length;
        return enter(Column.I64_FIELD_NUMBER) == end - position
                && enter(Int64s.VALUES_FIELD_NUMBER) == end - position
                && end - position == (long) rowCount * Long.BYTES;
    }

    private String text(int lengthBytes) {
        if (!Utf8.isValid(request, position, position + lengthBytes)) {
            throw new IllegalArgumentException("a name is not UTF-8");
        }
        position += lengthBytes;
        return new String(request, position - lengthBytes, lengthBytes, StandardCharsets.UTF_8);
    }

    /// Enters a length-delimited field; returns its length, which lies before `end`, or -1 if there is none.
    private int enter(int field) {
        if (position >= end || request[position] != (byte) (field << 3 | 2)) {
            return -1;
        }
        position++;
        int lengthBytes = varint();
        return lengthBytes <= end - position ? lengthBytes : -1;
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
        return -1;
    }
}
