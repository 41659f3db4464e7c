package io.sluice.ingester.lineprotocol;

import io.sluice.model.ColumnName;
import io.sluice.model.ColumnType;

/// A column being filled, row after row; rows left out are null. One thread.
sealed interface Column {
    ColumnName name();

    Presence presence();

    /// Bits that a row takes, its presence included, whether it has a value or not.
    int rowBits();

    /// A tag: codes into a dictionary that grows with the values.
    final class Tag implements Column {
        static final int ROW_BITS = 33;

        private final ColumnName name;
        private final Presence presence;
        private final Bytes codes;
        private final ByteInterner dictionary;
        private long lastPoint = -1;

        Tag(ColumnName name, long hashSeed, Buffers buffers) {
            this.name = name;
            this.presence = new Presence(buffers);
            this.codes = new Bytes(buffers);
            this.dictionary = new ByteInterner(hashSeed, buffers);
        }

        /// Whether this is the tag's first time in a point.
        boolean isFirstIn(long point) {
            boolean first = lastPoint != point;
            lastPoint = point;
            return first;
        }

        void append(int row, int code) {
            codes.setInt(row, code);
            presence.add(row);
        }

        ByteInterner dictionary() {
            return dictionary;
        }

        /// The codes of all rows.
        byte[] codes(int rows) {
            codes.resize(rows * Integer.BYTES);
            return codes.array();
        }

        @Override
        public ColumnName name() {
            return name;
        }

        @Override
        public Presence presence() {
            return presence;
        }

        @Override
        public int rowBits() {
            return ROW_BITS;
        }
    }

    /// A field of any type.
    final class Field implements Column {
        private final ColumnName name;
        private final Presence presence;
        private final Bytes values; // offsets, if strings
        private final Bytes stringData;
        private final boolean known;
        private ColumnType type;
        private int stringRows;
        private long lastPoint = -1;
        private int entry;

        Field(ColumnName name, ColumnType type, boolean known, Buffers buffers) {
            this.name = name;
            this.type = type;
            this.known = known;
            this.presence = new Presence(buffers);
            this.values = new Bytes(buffers);
            this.stringData = new Bytes(buffers);
        }

        /// Whether the type may still change: no row has it, and the catalog does not know it.
        boolean isTypeOpen() {
            return !known && presence.isEmpty();
        }

        ColumnType type() {
            return type;
        }

        /// Changes the type while it is open.
        void changeType(ColumnType newType) {
            type = newType;
        }

        /// The field's place among the fields of a point: `next`, or the place that it got earlier in the same point.
        int entryIn(long point, int next) {
            if (lastPoint != point) {
                lastPoint = point;
                entry = next;
            }
            return entry;
        }

        /// Appends a number.
        void appendLong(int row, long bits) {
            values.setLong(row, bits);
            presence.add(row);
        }

        void appendBoolean(int row, boolean value) {
            if (value) {
                values.setBit(row);
            }
            presence.add(row);
        }

        void appendString(int row, byte[] bytes, int from, int lengthBytes) {
            padOffsets(row);
            stringData.append(bytes, from, lengthBytes);
            stringRows++;
            values.setInt(stringRows, stringData.lengthBytes());
            presence.add(row);
        }

        /// Rows left out are empty strings.
        private void padOffsets(int rows) {
            int end = stringData.lengthBytes();
            for (; stringRows < rows; stringRows++) {
                values.setInt(stringRows + 1, end);
            }
        }

        /// The values of all rows: numbers, a bitmap or offsets.
        byte[] values(int rows) {
            if (type == ColumnType.STRING) {
                padOffsets(rows);
            }
            values.resize(valueBytes(rows));
            return values.array();
        }

        /// The length of [#values(int)].
        int valueBytes(int rows) {
            return switch (type) {
                case I64, U64, F64 -> rows * Long.BYTES;
                case BOOL -> (rows + 7) >> 3;
                case STRING -> (rows + 1) * Integer.BYTES;
            };
        }

        Bytes stringData() {
            return stringData;
        }

        @Override
        public ColumnName name() {
            return name;
        }

        @Override
        public Presence presence() {
            return presence;
        }

        @Override
        public int rowBits() {
            return switch (type) {
                case I64, U64, F64 -> 65;
                case BOOL -> 2;
                case STRING -> 33;
            };
        }
    }
}
