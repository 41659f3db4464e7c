package io.sluice.ingester.door;

import com.google.protobuf.ByteString;
import io.sluice.ingester.door.DecodedRows.TagValue;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.Column.ValuesCase;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// The rows of a valid request, read with the generated classes.
final class ReferenceRows {
    private ReferenceRows() {}

    static Map<String, List<Map<String, Object>>> of(WriteRequest request) {
        var tables = new TreeMap<String, List<Map<String, Object>>>();
        for (TableBatch table : request.getTablesList()) {
            List<Map<String, Object>> rows = new ArrayList<>();
            for (int row = 0; row < table.getRowCount(); row++) {
                var values = new TreeMap<String, Object>();
                for (Column column : table.getColumnsList()) {
                    if (column.getValidity().isEmpty() || bit(column.getValidity(), row)) {
                        values.put(column.getName(), value(column, row));
                    }
                }
                rows.add(values);
            }
            tables.put(table.getTable(), rows);
        }
        return tables;
    }

    private static Object value(Column column, int row) {
        ValuesCase kind = column.getValuesCase();
        return switch (kind) {
            case I64 -> column.getI64().getValues(row);
            case U64 -> DecodedRows.unsigned(column.getU64().getValues(row));
            case F64 -> column.getF64().getValues(row);
            case BOOLS -> bit(column.getBools(), row);
            case STRINGS -> {
                var strings = column.getStrings();
                yield strings.getData()
                        .substring(strings.getOffsets(row), strings.getOffsets(row + 1))
                        .toStringUtf8();
            }
            case DICTIONARY ->
                new TagValue(
                        column.getDictionary().getValues(column.getDictionary().getCodes(row)));
            case VALUES_NOT_SET -> throw new AssertionError("no values were let through");
        };
    }

    private static boolean bit(ByteString bitmap, int row) {
        return (bitmap.byteAt(row >> 3) >> (row & 7) & 1) != 0;
    }
}
