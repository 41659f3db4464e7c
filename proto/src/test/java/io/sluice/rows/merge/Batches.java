package io.sluice.rows.merge;

import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnSchema;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.TimeStampNanoTZVector;
import org.apache.arrow.vector.UInt8Vector;
import org.apache.arrow.vector.VarCharVector;

/// Batches from rows that are maps: column name to value, a null being absent. Times and I64 are `Long`, U64 is
/// `BigInteger`, F64 is `Double`, BOOL is `Boolean`, tags and STRING are `String`.
public final class Batches {
    private Batches() {}

    /// A batch of these columns, whether a row has a value in them or not. Dictionaries are as unhelpful as allowed:
    /// in any order, with values that no row uses and values that stand twice.
    ///
    /// @param random decides on the dictionaries
    public static RowBatch batch(
            BufferAllocator allocator, List<ColumnSchema> columns, List<Map<String, Object>> rows, Random random) {
        List<RowColumn> made = new ArrayList<>();
        for (ColumnSchema column : columns) {
            made.add(
                    column.kind() == ColumnKind.TAG
                            ? tag(allocator, column, rows, random)
                            : plain(allocator, column, rows));
        }
        long min =
                rows.stream().mapToLong(row -> (Long) value(row, "time")).min().orElse(0);
        long max =
                rows.stream().mapToLong(row -> (Long) value(row, "time")).max().orElse(0);
        return new RowBatch(made, rows.size(), min, max);
    }

    private static Object value(Map<String, Object> row, String column) {
        Object value = row.get(column);
        if (value == null) {
            throw new IllegalArgumentException("no " + column + " in " + row);
        }
        return value;
    }

    private static RowColumn tag(
            BufferAllocator allocator, ColumnSchema column, List<Map<String, Object>> rows, Random random) {
        String name = column.name().value();
        var values = new ArrayList<String>(new TreeSet<>(rows.stream()
                .filter(row -> row.containsKey(name))
                .map(row -> (String) value(row, name))
                .toList()));
        for (int twice = values.isEmpty() ? 0 : random.nextInt(3); twice > 0; twice--) {
            values.add(values.get(random.nextInt(values.size())));
        }
        for (int unused = random.nextInt(3); unused > 0; unused--) {
            values.add("unused" + unused);
        }
        Collections.shuffle(values, random);
        var codes = new IntVector(name, allocator);
        var dictionary = new VarCharVector(name, allocator);
        for (int code = 0; code < values.size(); code++) {
            dictionary.setSafe(code, values.get(code).getBytes(StandardCharsets.UTF_8));
        }
        dictionary.setValueCount(values.size());
        for (int i = 0; i < rows.size(); i++) {
            Object value = rows.get(i).get(name);
            if (value == null) {
                codes.setNull(i);
            } else {
                boolean fromTheEnd = random.nextBoolean();
                codes.setSafe(i, fromTheEnd ? values.lastIndexOf(value) : values.indexOf(value));
            }
        }
        codes.setValueCount(rows.size());
        return new RowColumn.Tag(column, codes, dictionary);
    }

    private static RowColumn plain(BufferAllocator allocator, ColumnSchema column, List<Map<String, Object>> rows) {
        FieldVector vector = RowColumn.newVector(column, allocator);
        for (int i = 0; i < rows.size(); i++) {
            Object value = rows.get(i).get(column.name().value());
            if (value == null) {
                vector.setNull(i);
            } else {
                set(vector, i, value);
            }
        }
        vector.setValueCount(rows.size());
        return new RowColumn.Plain(column, vector);
    }

    private static void set(FieldVector vector, int i, Object value) {
        switch (vector) {
            case TimeStampNanoTZVector times -> times.setSafe(i, (Long) value);
            case BigIntVector integers -> integers.setSafe(i, (Long) value);
            case UInt8Vector integers -> integers.setSafe(i, ((BigInteger) value).longValue());
            case Float8Vector floats -> floats.setSafe(i, (Double) value);
            case BitVector bits -> bits.setSafe(i, (Boolean) value ? 1 : 0);
            case VarCharVector strings -> strings.setSafe(i, ((String) value).getBytes(StandardCharsets.UTF_8));
            default -> throw new IllegalArgumentException("no column is a " + vector.getClass());
        }
    }
}
