package io.sluice.ingester.door;

import static io.sluice.ingester.door.RawColumn.valuesName;

import io.sluice.ingester.door.DecodedColumn.Values;
import io.sluice.ingester.door.RawColumn.Text;
import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.TableName;
import io.sluice.proto.v1.Column;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Optional;

/// Checks one column in full and makes views of it. The checks that look at every row are plain loops over the request.
final class ColumnDecoder {
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private final byte[] request;
    private final NamespaceName namespace;
    private final TableName table;
    private final ColumnName name;
    private final int rows;
    private final int bitmapBytes;

    ColumnDecoder(byte[] request, NamespaceName namespace, TableName table, ColumnName name, int rows) {
        this.request = request;
        this.namespace = namespace;
        this.table = table;
        this.name = name;
        this.rows = rows;
        this.bitmapBytes = (rows + 7) >> 3;
    }

    DecodedColumn decode(RawColumn raw) throws InvalidWriteException {
        if (raw.valuesField == RawColumn.NO_VALUES) {
            throw invalid("has no values: expected one kind of values for %,d rows".formatted(rows));
        }
        if (raw.otherValuesField != RawColumn.NO_VALUES) {
            throw invalid("has two kinds of values, %s and %s: expected one"
                    .formatted(valuesName(raw.valuesField), valuesName(raw.otherValuesField)));
        }
        ColumnSchema schema = schema(raw);
        int nulls = countNulls(raw);
        if (schema.kind() == ColumnKind.TIME && nulls > 0) {
            throw invalid("is null in row %d: expected a timestamp in every row".formatted(firstNull(raw.validity)));
        }
        Text validity = nulls == 0 ? Text.EMPTY : raw.validity;
        Values values = values(raw, schema, validity);
        return new DecodedColumn(
                schema,
                nulls == 0 ? Optional.empty() : Optional.of(PackedValues.view(request, validity.from(), bitmapBytes)),
                values);
    }

    private ColumnSchema schema(RawColumn raw) throws InvalidWriteException {
        int field = raw.valuesField;
        ColumnKind kind = switch (raw.kind) {
            case Column.Kind.TAG_VALUE -> ColumnKind.TAG;
            case Column.Kind.FIELD_VALUE -> ColumnKind.FIELD;
            case Column.Kind.TIME_VALUE -> ColumnKind.TIME;
            case Column.Kind.KIND_UNSPECIFIED_VALUE -> throw invalid("kind is not set: expected TAG, FIELD or TIME");
            default -> throw invalid("kind is %d: expected TAG (1), FIELD (2) or TIME (3)".formatted(raw.kind));
        };
        String expected = switch (kind) {
            case TAG -> field == Column.DICTIONARY_FIELD_NUMBER ? "" : "dictionary";
            case FIELD -> field == Column.DICTIONARY_FIELD_NUMBER ? "i64, u64, f64, bools or strings" : "";
            case TIME -> field == Column.I64_FIELD_NUMBER ? "" : "i64";
        };
        if (!expected.isEmpty()) {
            throw invalid("of kind %s has values of kind %s: expected %s".formatted(kind, valuesName(field), expected));
        }
        ColumnType type = switch (field) {
            case Column.I64_FIELD_NUMBER -> ColumnType.I64;
            case Column.U64_FIELD_NUMBER -> ColumnType.U64;
            case Column.F64_FIELD_NUMBER -> ColumnType.F64;
            case Column.BOOLS_FIELD_NUMBER -> ColumnType.BOOL;
            default -> ColumnType.STRING;
        };
        try {
            return new ColumnSchema(name, kind, type);
        } catch (IllegalArgumentException e) {
            throw invalid(String.valueOf(e.getMessage()));
        }
    }

    /// Checks the length of the validity bitmap, and counts the rows that it says are null.
    private int countNulls(RawColumn raw) throws InvalidWriteException {
        Text validity = raw.validity;
        if (validity.lengthBytes() == 0) {
            return 0;
        }
        if (validity.lengthBytes() < bitmapBytes) {
            throw invalid("validity is %,d bytes long: expected %,d for %,d rows, or none"
                    .formatted(validity.lengthBytes(), bitmapBytes, rows));
        }
        int present = 0;
        int i = 0;
        int wholeBytes = rows >> 3;
        for (; i <= wholeBytes - Long.BYTES; i += Long.BYTES) {
            present += Long.bitCount((long) LONG.get(request, validity.from() + i));
        }
        for (; i < wholeBytes; i++) {
            present += Integer.bitCount(request[validity.from() + i] & 0xFF);
        }
        if ((rows & 7) != 0) {
            present += Integer.bitCount(request[validity.from() + i] & ((1 << (rows & 7)) - 1));
        }
        return rows - present;
    }

    private int firstNull(Text validity) {
        int row = 0;
        while (isPresent(validity, row)) {
            row++;
        }
        return row;
    }

    private boolean isPresent(Text validity, int row) {
        return validity.lengthBytes() == 0 || (request[validity.from() + (row >> 3)] >> (row & 7) & 1) != 0;
    }

    private Values values(RawColumn raw, ColumnSchema schema, Text validity) throws InvalidWriteException {
        return switch (schema.type()) {
            case I64 -> {
                checkCount(raw, Long.BYTES, rows);
                if (schema.kind() == ColumnKind.TIME) {
                    checkTimestamps(raw.fixed);
                }
                yield new Values.Int64s(raw.fixed.asBuffer());
            }
            case U64 -> {
                checkCount(raw, Long.BYTES, rows);
                yield new Values.UInt64s(raw.fixed.asBuffer());
            }
            case F64 -> {
                checkCount(raw, Long.BYTES, rows);
                yield new Values.Float64s(raw.fixed.asBuffer());
            }
            case BOOL -> {
                if (raw.bools.lengthBytes() < bitmapBytes) {
                    throw invalid("bools are %,d bytes long: expected %,d for %,d rows"
                            .formatted(raw.bools.lengthBytes(), bitmapBytes, rows));
                }
                yield new Values.Bools(PackedValues.view(request, raw.bools.from(), bitmapBytes));
            }
            case STRING -> schema.kind() == ColumnKind.TAG ? dictionary(raw, validity) : strings(raw, validity);
        };
    }

    private void checkCount(RawColumn raw, int widthBytes, int expected) throws InvalidWriteException {
        int found = raw.fixed.lengthBytes() / widthBytes;
        if (found != expected) {
            String what = switch (raw.valuesField) {
                case Column.STRINGS_FIELD_NUMBER -> "offsets";
                case Column.DICTIONARY_FIELD_NUMBER -> "codes";
                default -> "values";
            };
            throw invalid("has %,d %s: expected %,d for %,d rows".formatted(found, what, expected, rows));
        }
    }

    private void checkTimestamps(PackedValues values) throws InvalidWriteException {
        byte[] array = values.array();
        int at = values.from();
        for (int row = 0; row < rows; row++, at += Long.BYTES) {
            long timestampNs = (long) LONG.get(array, at);
            if (!PartitionTemplate.isInRange(timestampNs)) {
                throw invalid("timestamp of row %d is %d: expected %d to %d (%s to %s)"
                        .formatted(
                                row,
                                timestampNs,
                                PartitionTemplate.MIN_TIMESTAMP_NS,
                                PartitionTemplate.MAX_TIMESTAMP_NS,
                                instant(PartitionTemplate.MIN_TIMESTAMP_NS),
                                instant(PartitionTemplate.MAX_TIMESTAMP_NS)));
            }
        }
    }

    private static Instant instant(long timestampNs) throws DateTimeException {
        return Instant.ofEpochSecond(
                Math.floorDiv(timestampNs, 1_000_000_000L), Math.floorMod(timestampNs, 1_000_000_000L));
    }

    private Values dictionary(RawColumn raw, Text validity) throws InvalidWriteException {
        checkCount(raw, Integer.BYTES, rows);
        if (raw.badDictionaryIndex >= 0) {
            throw invalid("dictionary value #%d is not UTF-8".formatted(raw.badDictionaryIndex));
        }
        int size = raw.dictionary.size();
        byte[] array = raw.fixed.array();
        int at = raw.fixed.from();
        for (int row = 0; row < rows; row++, at += Integer.BYTES) {
            int code = (int) INT.get(array, at);
            if (Integer.compareUnsigned(code, size) >= 0 && isPresent(validity, row)) {
                throw invalid("code of row %d is %s: expected less than %,d, the number of the dictionary's values"
                        .formatted(row, Integer.toUnsignedString(code), size));
            }
        }
        return new Values.Dictionary(raw.dictionary, raw.fixed.asBuffer());
    }

    private Values strings(RawColumn raw, Text validity) throws InvalidWriteException {
        checkCount(raw, Integer.BYTES, rows + 1);
        Text data = raw.stringData;
        byte[] offsets = raw.fixed.array();
        int at = raw.fixed.from();
        int previous = (int) INT.get(offsets, at);
        if (previous != 0) {
            throw invalid("first offset is %s: expected 0".formatted(Integer.toUnsignedString(previous)));
        }
        for (int row = 0; row < rows; row++) {
            at += Integer.BYTES;
            int offset = (int) INT.get(offsets, at);
            if (offset < previous || offset > data.lengthBytes()) {
                throw invalid("row %d ends at offset %s: expected %d, where it starts, to %d, the length of the data"
                        .formatted(row, Integer.toUnsignedString(offset), previous, data.lengthBytes()));
            }
            previous = offset;
        }
        checkUtf8(raw, validity, previous);
        ByteBuffer dataView = PackedValues.view(request, data.from(), data.lengthBytes());
        return new Values.Strings(dataView, raw.fixed.asBuffer());
    }

    /// Each row present must be UTF-8 by itself. If all of the data is, only the cuts between rows are left to look at;
    /// otherwise the fault may lie in a row that is null, where it does not matter.
    private void checkUtf8(RawColumn raw, Text validity, int usedBytes) throws InvalidWriteException {
        int from = raw.stringData.from();
        if (Utf8.skipAscii(request, from, from + usedBytes) == from + usedBytes) {
            return;
        }
        boolean wholeIsValid = Utf8.isValid(request, from, from + usedBytes);
        byte[] offsets = raw.fixed.array();
        int at = raw.fixed.from();
        int start = 0;
        for (int row = 0; row < rows; row++) {
            at += Integer.BYTES;
            int end = (int) INT.get(offsets, at);
            boolean valid = wholeIsValid
                    ? isCut(from, start, usedBytes) && isCut(from, end, usedBytes)
                    : Utf8.isValid(request, from + start, from + end);
            if (!valid && start < end && isPresent(validity, row)) {
                throw invalid("string of row %d is not UTF-8".formatted(row));
            }
            start = end;
        }
    }

    /// Whether an offset into valid UTF-8 lies between two characters.
    private boolean isCut(int from, int offset, int usedBytes) {
        return offset == usedBytes || !Utf8.isContinuation(request[from + offset]);
    }

    private InvalidWriteException invalid(String what) {
        return new InvalidWriteException(
                "namespace '%s', table '%s', column '%s': %s".formatted(namespace, table, name, what));
    }
}
