package io.sluice.ingester.lineprotocol;

import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnSchema;
import java.util.Arrays;

/// One column being filled: a value for each row that has one, and which rows those are. For one thread.
final class ColumnBuilder {
    private static final int MIN_ROWS = 64;

    final ColumnSchema schema;
    /// Number of the line that last had a value here; tells a duplicate within a line.
    long lastLine;

    /// Values of I64, U64, F64 (as bits) and BOOL (0 or 1) columns; codes of a tag.
    private long[] numbers = new long[0];

    private int[] codes = new int[0];
    private final ByteSlices dictionary = new ByteSlices();
    private byte[] text = new byte[0];
    private int[] ends = new int[0];
    private byte[] validity = new byte[0];
    private boolean hasNulls;
    private int rows;

    ColumnBuilder(ColumnSchema schema) {
        this.schema = schema;
    }

    boolean isTag() {
        return schema.kind() == ColumnKind.TAG;
    }

    /// Sets row `row`, which is the last or a new one; rows left out in between are null.
    void setNumber(int row, long value) {
        begin(row);
        if (row >= numbers.length) {
            numbers = Arrays.copyOf(numbers, room(row));
        }
        numbers[row] = value;
    }

    /// Sets row `row` of a tag.
    void setTag(int row, byte[] source, int from, int to) {
        begin(row);
        if (row >= codes.length) {
            codes = Arrays.copyOf(codes, room(row));
        }
        codes[row] = dictionary.intern(source, from, to);
    }

    /// Whether a tag's value has been seen.
    boolean hasTagValue(byte[] source, int from, int to) {
        return dictionary.find(source, from, to) >= 0;
    }

    /// Sets row `row` of a string column.
    void setString(int row, byte[] source, int from, int to) {
        begin(row);
        if (row >= ends.length) {
            ends = Arrays.copyOf(ends, room(row));
        }
        int start = row == 0 ? 0 : ends[row - 1];
        int end = start + to - from;
        if (end > text.length) {
            text = Arrays.copyOf(text, Math.max(end, 2 * text.length));
        }
        System.arraycopy(source, from, text, start, to - from);
        ends[row] = end;
    }

    private void begin(int row) {
        fill(row);
        rows = row + 1;
        if (hasNulls) {
            ensureValidity(rows);
            validity[row >> 3] |= (byte) (1 << (row & 7));
        }
    }

    /// Makes the rows up to `to` that have no value null.
    void fill(int to) {
        if (rows >= to) {
            return;
        }
        if (!hasNulls) {
            hasNulls = true;
            ensureValidity(rows);
            for (int row = 0; row < rows; row++) {
                validity[row >> 3] |= (byte) (1 << (row & 7));
            }
        }
        ensureValidity(to);
        switch (schema.type()) {
            case STRING -> {
                if (isTag()) {
                    codes = to > codes.length ? Arrays.copyOf(codes, room(to)) : codes;
                } else {
                    ends = to > ends.length ? Arrays.copyOf(ends, room(to)) : ends;
                    Arrays.fill(ends, rows, to, rows == 0 ? 0 : ends[rows - 1]);
                }
            }
            case I64, U64, F64, BOOL -> numbers = to > numbers.length ? Arrays.copyOf(numbers, room(to)) : numbers;
        }
        rows = to;
    }

    private void ensureValidity(int upTo) {
        int lengthBytes = (upTo + 7) / 8;
        if (lengthBytes > validity.length) {
            validity = Arrays.copyOf(validity, Math.max(lengthBytes, 2 * validity.length));
        }
    }

    private static int room(int row) {
        return Math.max(MIN_ROWS, Math.max(row + 1, row + (row >> 1)));
    }

    int rows() {
        return rows;
    }

    boolean hasNulls() {
        return hasNulls;
    }

    /// LSB first; valid if [#hasNulls].
    byte[] validity() {
        return validity;
    }

    long[] numbers() {
        return numbers;
    }

    int[] codes() {
        return codes;
    }

    ByteSlices dictionary() {
        return dictionary;
    }

    byte[] text() {
        return text;
    }

    int[] ends() {
        return ends;
    }
}
