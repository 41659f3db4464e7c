package io.sluice.ingester.door;

import io.sluice.ingester.door.DecodedColumn.Values;
import io.sluice.model.ColumnKind;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// A decoded write as plain rows, for comparing. It reads every value that a row has, through the buffers' own checks.
public final class DecodedRows {
    private DecodedRows() {}

    /// A tag's value; another thing than a string field's.
    public record TagValue(String value) {}

    /// The rows of each table in order: a value by its column's name, none for null.
    public static Map<String, List<Map<String, Object>>> of(DecodedWrite write) {
        var tables = new TreeMap<String, List<Map<String, Object>>>();
        for (DecodedWrite.DecodedTable table : write.tables()) {
            List<Map<String, Object>> rows = new ArrayList<>();
            for (int row = 0; row < table.rowCount(); row++) {
                var values = new TreeMap<String, Object>();
                for (DecodedColumn column : table.columns()) {
                    if (column.isPresent(row)) {
                        values.put(column.schema().name().value(), value(column, row));
                    }
                }
                rows.add(values);
            }
            tables.put(table.table().value(), rows);
        }
        return tables;
    }

    private static Object value(DecodedColumn column, int row) {
        return switch (column.values()) {
            case Values.Int64s(ByteBuffer data) -> data.getLong(row * 8);
            case Values.UInt64s(ByteBuffer data) -> unsigned(data.getLong(row * 8));
            case Values.Float64s(ByteBuffer data) -> data.getDouble(row * 8);
            case Values.Bools(ByteBuffer bits) -> (bits.get(row >> 3) >> (row & 7) & 1) != 0;
            case Values.Strings(ByteBuffer data, ByteBuffer offsets) -> {
                int from = offsets.getInt(row * 4);
                yield utf8(data.slice(from, offsets.getInt(row * 4 + 4) - from));
            }
            case Values.Dictionary(List<String> values, ByteBuffer codes) -> {
                if (column.schema().kind() != ColumnKind.TAG) {
                    throw new AssertionError("dictionary in " + column.schema());
                }
                yield new TagValue(values.get(codes.getInt(row * 4)));
            }
        };
    }

    static BigInteger unsigned(long bits) {
        return new BigInteger(Long.toUnsignedString(bits));
    }

    private static String utf8(ByteBuffer bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException e) {
            throw new AssertionError("a row that was let through is no UTF-8", e);
        }
    }
}
