package io.sluice.ingester.door;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/// The rows of one table of a request that has a known [WriteShape], valid in themselves: where in the request their
/// values lie, without an object for each column. Filled anew by [ShapedReader] for each request, so good only until
/// its next one; for one thread.
public final class ShapedRows {
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    byte[] request;
    WriteShape shape;
    int rowCount;
    long minTimeNs;
    long maxTimeNs;
    /// By column: where its bitmap lies, or -1 if no row is null.
    private int[] validityAt = {};
    /// By column: where its numbers, bits, offsets or codes lie.
    private int[] valuesAt = {};
    /// By column: where its strings' bytes lie, or which of `texts` is its dictionary's first.
    private int[] dataAt = {};
    /// By column: how many values its dictionary has.
    private int[] dictionarySizes = {};
    /// Where the values of dictionaries lie, how long they are, and their hashes, in turn.
    private int[] texts = {};
    private int textCount;

    ShapedRows(WriteShape shape) {
        this.shape = shape;
        this.request = new byte[0];
    }

    void begin(byte[] newRequest, WriteShape newShape, int newRowCount) {
        request = newRequest;
        shape = newShape;
        rowCount = newRowCount;
        textCount = 0;
        int columns = newShape.columns().size();
        if (columns > validityAt.length) {
            validityAt = new int[columns];
            valuesAt = new int[columns];
            dataAt = new int[columns];
            dictionarySizes = new int[columns];
        }
    }

    /// The length of the request in which the rows lie.
    public int requestBytes() {
        return request.length;
    }

    void setColumn(int column, int validity, int values) {
        validityAt[column] = validity;
        valuesAt[column] = values;
    }

    void setStringData(int column, int at) {
        dataAt[column] = at;
    }

    void beginDictionary(int column) {
        dataAt[column] = textCount;
    }

    void addText(int at, int lengthBytes, int hash) {
        if (3 * textCount == texts.length) {
            texts = Arrays.copyOf(texts, Math.max(48, 2 * texts.length));
        }
        texts[3 * textCount] = at;
        texts[3 * textCount + 1] = lengthBytes;
        texts[3 * textCount + 2] = hash;
        textCount++;
    }

    void endDictionary(int column) {
        dictionarySizes[column] = textCount - dataAt[column];
    }

    public WriteShape shape() {
        return shape;
    }

    /// At least 1.
    public int rowCount() {
        return rowCount;
    }

    /// The bytes in which all values lie. Not to be changed.
    public byte[] request() {
        return request;
    }

    public long minTimeNs() {
        return minTimeNs;
    }

    public long maxTimeNs() {
        return maxTimeNs;
    }

    /// Nanoseconds since the epoch.
    public long timeNs(int row) {
        return longAt(valuesAt[shape.timeColumn()] + row * Long.BYTES);
    }

    /// Whether no row of a column is null.
    public boolean isWithoutNulls(int column) {
        return validityAt[column] < 0;
    }

    public boolean isPresent(int column, int row) {
        return validityAt[column] < 0 || bit(validityAt[column], row);
    }

    /// Where the numbers of a column lie, 8 bytes for each row.
    public int numbersAt(int column) {
        return valuesAt[column];
    }

    /// The value of a row of a column of booleans.
    public boolean isTrue(int column, int row) {
        return bit(valuesAt[column], row);
    }

    /// Where the bytes of a column's strings lie, one row's behind the other's.
    public int stringDataAt(int column) {
        return dataAt[column];
    }

    /// Where in [#stringDataAt] a row begins, and the one before it ends; `rowCount` of the column ends its last row.
    public int stringOffset(int column, int row) {
        return intAt(valuesAt[column] + row * Integer.BYTES);
    }

    /// The code of a row, which means something if the row is present: below [#dictionarySize] then.
    public int code(int column, int row) {
        return intAt(valuesAt[column] + row * Integer.BYTES);
    }

    public int dictionarySize(int column) {
        return dictionarySizes[column];
    }

    /// Where a value of a column's dictionary lies.
    public int textAt(int column, int code) {
        return texts[3 * (dataAt[column] + code)];
    }

    public int textBytes(int column, int code) {
        return texts[3 * (dataAt[column] + code) + 1];
    }

    /// The value's [ByteHash].
    public int textHash(int column, int code) {
        return texts[3 * (dataAt[column] + code) + 2];
    }

    long longAt(int at) {
        return (long) LONG.get(request, at);
    }

    int intAt(int at) {
        return (int) INT.get(request, at);
    }

    private boolean bit(int at, int row) {
        return (request[at + (row >> 3)] >> (row & 7) & 1) != 0;
    }
}
