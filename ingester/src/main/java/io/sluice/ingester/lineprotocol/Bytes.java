package io.sluice.ingester.lineprotocol;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/// Bytes that grow, little-endian; what was never set is zero. Good for as long as what lends their arrays leaves them
/// to
/// it. One thread.
final class Bytes {
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final byte[] EMPTY = {};
    private static final int FIRST_BYTES = 32;

    private final Buffers buffers;
    private byte[] array = EMPTY; // holds anything behind its first lengthBytes
    private int lengthBytes;

    Bytes(Buffers buffers) {
        this.buffers = buffers;
    }

    /// The bytes themselves; valid until something is set or appended.
    byte[] array() {
        return array;
    }

    int lengthBytes() {
        return lengthBytes;
    }

    /// Sets the 8 bytes of an element of 8 bytes.
    void setLong(int index, long value) {
        int at = index << 3;
        growTo(at + Long.BYTES, at);
        LONG.set(array, at, value);
    }

    /// Sets the 4 bytes of an element of 4 bytes.
    void setInt(int index, int value) {
        int at = index << 2;
        growTo(at + Integer.BYTES, at);
        INT.set(array, at, value);
    }

    /// Sets a bit of a bitmap, LSB first.
    void setBit(int index) {
        int at = index >> 3;
        growTo(at + 1, at + 1);
        array[at] |= (byte) (1 << (index & 7));
    }

    /// Sets the bits `[0, count)` of a bitmap.
    void setFirstBits(int count) {
        int bytes = (count + 7) >> 3;
        growTo(bytes, bytes);
        Arrays.fill(array, 0, count >> 3, (byte) 0xFF);
        if ((count & 7) != 0) {
            array[count >> 3] |= (byte) ((1 << (count & 7)) - 1);
        }
    }

    void append(byte[] from, int at, int addedBytes) {
        int end = lengthBytes;
        growTo(end + addedBytes, end);
        System.arraycopy(from, at, array, end, addedBytes);
    }

    /// Appends zeros up to a length, or cuts what is behind it.
    void resize(int newLengthBytes) {
        growTo(newLengthBytes, newLengthBytes);
        lengthBytes = newLengthBytes;
    }

    /// @param zerosTo up to where there are zeros behind the old end
    private void growTo(int newLengthBytes, int zerosTo) {
        if (newLengthBytes > lengthBytes) {
            if (newLengthBytes > array.length) {
                byte[] longer = buffers.bytes(Math.max(FIRST_BYTES, Math.max(newLengthBytes, array.length << 1)));
                System.arraycopy(array, 0, longer, 0, lengthBytes);
                array = longer;
            }
            if (zerosTo > lengthBytes) {
                Arrays.fill(array, lengthBytes, zerosTo, (byte) 0);
            }
            lengthBytes = newLengthBytes;
        }
    }
}
