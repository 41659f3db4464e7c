package io.sluice.ingester.door;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/// The values of one repeated fixed-width field: a view of the request if they stand there in one piece, as encoders
/// write them, otherwise the pieces joined in an array of its own. It grows by what was received, never by what was
/// announced.
final class PackedValues {
    private static final byte[] NONE = {};

    private byte[] array = NONE;
    private int from;
    private int lengthBytes;
    private boolean joined;

    /// Appends `request[at, at + addedBytes)`.
    void add(byte[] request, int at, int addedBytes) {
        if (addedBytes == 0) {
            return;
        }
        if (lengthBytes == 0) {
            array = request;
            from = at;
            lengthBytes = addedBytes;
            return;
        }
        int sumBytes = lengthBytes + addedBytes; // no overflow: both lie in one request, side by side
        if (!joined) {
            array = Arrays.copyOfRange(array, from, from + Math.max(sumBytes, 64));
            from = 0;
            joined = true;
        } else if (sumBytes > array.length) {
            array = Arrays.copyOf(array, (int) Math.min(2L * sumBytes, Integer.MAX_VALUE - 8));
        }
        System.arraycopy(request, at, array, lengthBytes, addedBytes);
        lengthBytes = sumBytes;
    }

    int lengthBytes() {
        return lengthBytes;
    }

    /// The array that holds the values, at `[from(), from() + lengthBytes())`.
    byte[] array() {
        return array;
    }

    int from() {
        return from;
    }

    ByteBuffer asBuffer() {
        return view(array, from, lengthBytes);
    }

    /// `array[from, from + lengthBytes)` as a buffer of its own: little-endian, read-only, from 0 to its limit.
    static ByteBuffer view(byte[] array, int from, int lengthBytes) {
        return ByteBuffer.wrap(array, from, lengthBytes)
                .slice()
                .asReadOnlyBuffer()
                .order(ByteOrder.LITTLE_ENDIAN);
    }
}
