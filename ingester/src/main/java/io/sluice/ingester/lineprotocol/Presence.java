package io.sluice.ingester.lineprotocol;

/// Which rows of a column have a value. Costs a comparison for each row while there are no nulls. One thread.
final class Presence {
    private final Bytes validity;
    private int presentRows;
    private boolean sparse;

    Presence(Buffers buffers) {
        validity = new Bytes(buffers);
    }

    /// Notes that a row has a value; rows come in ascending order.
    void add(int row) {
        if (!sparse) {
            if (row == presentRows) {
                presentRows++;
                return;
            }
            sparse = true;
            validity.setFirstBits(presentRows);
        }
        validity.setBit(row);
        presentRows++;
    }

    /// Whether no row has a value.
    boolean isEmpty() {
        return presentRows == 0;
    }

    /// Length of the bitmap for a column of this many rows; 0 if it has no nulls.
    int bitmapBytes(int rows) {
        return presentRows == rows ? 0 : (rows + 7) >> 3;
    }

    /// The bitmap for a column of this many rows, if it has nulls.
    byte[] bitmap(int rows) {
        if (!sparse) {
            validity.setFirstBits(presentRows);
        }
        validity.resize((rows + 7) >> 3);
        return validity.array();
    }
}
