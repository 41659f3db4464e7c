package io.sluice.persist.parquet;

import io.sluice.model.ColumnSchema;
import io.sluice.rows.merge.MergedRows;
import java.util.stream.IntStream;
import org.apache.parquet.column.ColumnWriter;
import org.apache.parquet.io.api.Binary;

/// The values of one column of merged rows, as Parquet's column writer wants them: a call for each value, with its
/// definition level (1 = there is one, 0 = null; for `time`, which is required, always 0).
abstract sealed class ColumnSource {
    private final ColumnSchema schema;

    private ColumnSource(ColumnSchema schema) {
        this.schema = schema;
    }

    static ColumnSource of(ColumnSchema schema, MergedRows rows) {
        return switch (schema.kind()) {
            case TIME -> new Time(schema, rows);
            case TAG -> new Tag(schema, rows);
            case FIELD ->
                switch (schema.type()) {
                    case I64, U64, F64, BOOL -> new Numbers(schema, rows);
                    case STRING -> new Strings(schema, rows);
                };
        };
    }

    final ColumnSchema schema() {
        return schema;
    }

    /// Writes the values of rows `[from, to)`.
    abstract void write(ColumnWriter writer, int from, int to);

    /// Whether a row in `[from, to)` has a value.
    abstract boolean hasValue(int from, int to);

    private static final class Time extends ColumnSource {
        private final MergedRows rows;

        Time(ColumnSchema schema, MergedRows rows) {
            super(schema);
            this.rows = rows;
        }

        @Override
        boolean hasValue(int from, int to) {
            return from < to;
        }

        @Override
        void write(ColumnWriter writer, int from, int to) {
            for (int row = from; row < to; row++) {
                writer.write(rows.timeNs(row), 0, 0);
            }
        }
    }

    private static final class Tag extends ColumnSource {
        private final Binary[] values;
        private final int[] places;

        Tag(ColumnSchema schema, MergedRows rows) {
            super(schema);
            byte[][] bytes = rows.tagValues(schema.name());
            this.values = new Binary[bytes.length];
            for (int i = 0; i < bytes.length; i++) {
                values[i] = Binary.fromConstantByteArray(bytes[i]);
            }
            this.places = rows.tagPlaces(schema.name());
        }

        @Override
        boolean hasValue(int from, int to) {
            return IntStream.range(from, to).anyMatch(row -> places[row] >= 0);
        }

        @Override
        void write(ColumnWriter writer, int from, int to) {
            for (int row = from; row < to; row++) {
                if (places[row] < 0) {
                    writer.writeNull(0, 0);
                } else {
                    writer.write(values[places[row]], 0, 1);
                }
            }
        }
    }

    /// Numbers and booleans.
    private static final class Numbers extends ColumnSource {
        private final MergedRows.Numbers numbers;
        private final boolean noNulls;

        Numbers(ColumnSchema schema, MergedRows rows) {
            super(schema);
            this.numbers = rows.numbers(schema);
            this.noNulls = numbers.present().cardinality() == rows.rowCount();
        }

        @Override
        boolean hasValue(int from, int to) {
            int next = numbers.present().nextSetBit(from);
            return next >= 0 && next < to;
        }

        @Override
        void write(ColumnWriter writer, int from, int to) {
            long[] values = numbers.values();
            for (int row = from; row < to; row++) {
                if (!noNulls && !numbers.present().get(row)) {
                    writer.writeNull(0, 0);
                    continue;
                }
                switch (schema().type()) {
                    case F64 -> writer.write(Double.longBitsToDouble(values[row]), 0, 1);
                    case BOOL -> writer.write(values[row] != 0, 0, 1);
                    case I64, U64, STRING -> writer.write(values[row], 0, 1);
                }
            }
        }
    }

    private static final class Strings extends ColumnSource {
        private final MergedRows.Strings strings;

        Strings(ColumnSchema schema, MergedRows rows) {
            super(schema);
            this.strings = rows.strings(schema);
        }

        @Override
        boolean hasValue(int from, int to) {
            return IntStream.range(from, to).anyMatch(strings::isPresent);
        }

        @Override
        void write(ColumnWriter writer, int from, int to) {
            for (int row = from; row < to; row++) {
                if (strings.isPresent(row)) {
                    writer.write(Binary.fromConstantByteArray(strings.get(row)), 0, 1);
                } else {
                    writer.writeNull(0, 0);
                }
            }
        }
    }
}
