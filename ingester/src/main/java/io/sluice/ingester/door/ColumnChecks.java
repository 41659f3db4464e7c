package io.sluice.ingester.door;

import io.sluice.ingester.door.DecodedColumn.Values;
import io.sluice.model.ColumnKind;
import io.sluice.model.PartitionTemplate;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;

/// Checks the values of one column against the table's row count and against themselves.
///
/// @param where names table and column, for errors
record ColumnChecks(String where, int rowCount, ColumnKind kind) {
    /// Whether a column says which rows are present, and if so, where.
    Optional<ByteBuffer> validity(ByteBuffer bits) throws InvalidWriteException {
        if (bits.limit() == 0) {
            return Optional.empty();
        }
        checkLength("validity", bits.limit(), bitmapBytes());
        return Optional.of(bits);
    }

    private int bitmapBytes() {
        return (rowCount + 7) / 8;
    }

    private void checkLength(String what, int found, long expected) throws InvalidWriteException {
        if (found != expected) {
            throw new InvalidWriteException(
                    "%s: %s has %d bytes: expected %d for %d rows".formatted(where, what, found, expected, rowCount));
        }
    }

    Values values(RawColumn raw, Optional<ByteBuffer> validity) throws InvalidWriteException {
        ByteBuffer data = view(raw.data());
        return switch (raw.valueField()) {
            case RawColumn.I64 -> new Values.Int64s(fixed(data));
            case RawColumn.U64 -> new Values.UInt64s(fixed(data));
            case RawColumn.F64 -> new Values.Float64s(fixed(data));
            case RawColumn.BOOLS -> {
                checkLength("bools", data.limit(), bitmapBytes());
                yield new Values.Bools(data);
            }
            case RawColumn.STRINGS -> strings(data, view(raw.indexes()), validity);
            case RawColumn.DICTIONARY -> dictionary(raw, view(raw.indexes()), validity);
            default -> throw new InvalidWriteException("%s: no values".formatted(where));
        };
    }

    private static ByteBuffer view(ByteBuffer buffer) {
        return buffer.duplicate().rewind().slice().asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    private ByteBuffer fixed(ByteBuffer data) throws InvalidWriteException {
        if (data.limit() != (long) rowCount * Long.BYTES) {
            throw new InvalidWriteException("%s: %d values: expected %d, one for each row"
                    .formatted(where, data.limit() / Long.BYTES, rowCount));
        }
        return data;
    }

    private Values strings(ByteBuffer data, ByteBuffer offsets, Optional<ByteBuffer> validity)
            throws InvalidWriteException {
        if (offsets.limit() != (rowCount + 1L) * Integer.BYTES) {
            throw new InvalidWriteException("%s: %d offsets: expected %d, one more than rows"
                    .formatted(where, offsets.limit() / Integer.BYTES, rowCount + 1L));
        }
        int previous = offsets.getInt(0);
        if (previous != 0) {
            throw new InvalidWriteException(
                    "%s: the first offset is %d: expected 0".formatted(where, Integer.toUnsignedLong(previous)));
        }
        for (int row = 0; row < rowCount; row++) {
            int end = offsets.getInt((row + 1) * Integer.BYTES);
            if (end < previous || end > data.limit()) {
                throw new InvalidWriteException("%s: offset %d is %d: expected %d to %d"
                        .formatted(where, row + 1, Integer.toUnsignedLong(end), previous, data.limit()));
            }
            if (isPresent(validity, row) && !Utf8.isValid(data, previous, end)) {
                throw new InvalidWriteException("%s: row %d is not valid UTF-8".formatted(where, row));
            }
            previous = end;
        }
        return new Values.Strings(data, offsets);
    }

    private Values dictionary(RawColumn raw, ByteBuffer codes, Optional<ByteBuffer> validity)
            throws InvalidWriteException {
        if (codes.limit() != (long) rowCount * Integer.BYTES) {
            throw new InvalidWriteException("%s: %d codes: expected %d, one for each row"
                    .formatted(where, codes.limit() / Integer.BYTES, rowCount));
        }
        int size = raw.dictionary().size();
        for (int row = 0; row < rowCount; row++) {
            int code = codes.getInt(row * Integer.BYTES);
            if ((code < 0 || code >= size) && isPresent(validity, row)) {
                throw new InvalidWriteException("%s: row %d has code %d: expected below %d, the dictionary's size"
                        .formatted(where, row, Integer.toUnsignedLong(code), size));
            }
        }
        return new Values.Dictionary(raw.dictionary(), codes);
    }

    private static boolean isPresent(Optional<ByteBuffer> validity, int row) {
        return validity.isEmpty() || (validity.get().get(row >> 3) >> (row & 7) & 1) != 0;
    }

    /// Timestamps are never null, and each has a partition.
    void times(Values values, Optional<ByteBuffer> validity) throws InvalidWriteException {
        if (!(values instanceof Values.Int64s(ByteBuffer data))) {
            throw new InvalidWriteException("%s: expected i64 values".formatted(where));
        }
        for (int row = 0; row < rowCount; row++) {
            if (!isPresent(validity, row)) {
                throw new InvalidWriteException("%s: row %d is null: a timestamp never is".formatted(where, row));
            }
            long timeNs = data.getLong(row * Long.BYTES);
            if (!PartitionTemplate.isInRange(timeNs)) {
                throw new InvalidWriteException(
                        "%s: row %d has timestamp %d: expected %d to %d, the days of the partition template"
                                .formatted(
                                        where,
                                        row,
                                        timeNs,
                                        PartitionTemplate.MIN_TIMESTAMP_NS,
                                        PartitionTemplate.MAX_TIMESTAMP_NS));
            }
        }
    }
}
