package io.sluice.persist.parquet;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.apache.parquet.bytes.BytesInput;

/// Bytes of a page that is being made, little-endian; grows, and is used again for the next page. For one thread.
final class PageBytes {
    /// The most bytes of a page: what an array holds.
    static final int MAX_BYTES = Integer.MAX_VALUE - 64;

    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private static final int FIRST_BYTES = 256;
    private static final int VARINT_BYTES = 10;

    private byte[] bytes = new byte[FIRST_BYTES];
    private int length;

    void clear() {
        length = 0;
    }

    int length() {
        return length;
    }

    /// A view, valid until the next change.
    BytesInput asInput() {
        return BytesInput.from(bytes, 0, length);
    }

    byte[] bytes() {
        return bytes;
    }

    /// Makes room for more bytes, which [#advance] takes.
    ///
    /// @return the array that has the room, from [#length] on
    /// @throws IllegalArgumentException if the page would have more than [#MAX_BYTES]
    byte[] reserve(long more) {
        long wanted = length + more;
        if (wanted > MAX_BYTES) {
            throw new IllegalArgumentException("a page has %d bytes: expected at most %d".formatted(wanted, MAX_BYTES));
        }
        if (wanted > bytes.length) {
            bytes = Arrays.copyOf(bytes, (int) Math.min(MAX_BYTES, Math.max(wanted, 2L * bytes.length)));
        }
        return bytes;
    }

    void advance(int count) {
        length += count;
    }

    void put(int value) {
        reserve(1)[length++] = (byte) value;
    }

    void putInt(int value) {
        INT.set(reserve(Integer.BYTES), length, value);
        length += Integer.BYTES;
    }

    void putInt(int at, int value) {
        INT.set(bytes, at, value);
    }

    void putLong(long value) {
        LONG.set(reserve(Long.BYTES), length, value);
        length += Long.BYTES;
    }

    void put(byte[] from, int start, int count) {
        System.arraycopy(from, start, reserve(count), length, count);
        length += count;
    }

    void putVarint(long value) {
        byte[] into = reserve(VARINT_BYTES);
        long rest = value;
        while ((rest & ~0x7FL) != 0) {
            into[length++] = (byte) ((rest & 0x7F) | 0x80);
            rest >>>= 7;
        }
        into[length++] = (byte) rest;
    }

    void putZigzag(long value) {
        putVarint((value << 1) ^ (value >> 63));
    }

    void putLongs(long[] values, int from, int to) {
        byte[] into = reserve((long) (to - from) * Long.BYTES);
        for (int i = from; i < to; i++) {
            LONG.set(into, length, values[i]);
            length += Long.BYTES;
        }
    }

    /// Puts the lower `width` bits of each of the values, the first value's lowest.
    ///
    /// @param count multiple of 8
    /// @param width 0 to 32
    void putPacked(int[] values, int from, int count, int width) {
        byte[] into = reserve((long) count / Byte.SIZE * width + Long.BYTES);
        int at = length;
        long bits = 0;
        int filled = 0;
        for (int i = from; i < from + count; i++) {
            bits |= (values[i] & 0xFFFF_FFFFL) << filled;
            filled += width;
            if (filled >= Integer.SIZE) {
                INT.set(into, at, (int) bits);
                at += Integer.BYTES;
                bits >>>= Integer.SIZE;
                filled -= Integer.SIZE;
            }
        }
        for (; filled > 0; filled -= Byte.SIZE) {
            into[at++] = (byte) bits;
            bits >>>= Byte.SIZE;
        }
        length = at;
    }

    /// Puts the lower `width` bits of each of the values, the first value's lowest.
    ///
    /// @param count multiple of 32
    /// @param width 0 to 64
    void putPacked(long[] values, int from, int count, int width) {
        if (width == 0) {
            return;
        }
        byte[] into = reserve((long) count / Byte.SIZE * width + Long.BYTES);
        int at = length;
        long bits = 0;
        int filled = 0;
        for (int i = from; i < from + count; i++) {
            long value = values[i];
            bits |= value << filled;
            int free = Long.SIZE - filled;
            if (width < free) {
                filled += width;
                continue;
            }
            LONG.set(into, at, bits);
            at += Long.BYTES;
            bits = free == Long.SIZE ? 0 : value >>> free;
            filled = width - free;
        }
        for (; filled > 0; filled -= Byte.SIZE) {
            into[at++] = (byte) bits;
            bits >>>= Byte.SIZE;
        }
        length = at;
    }
}
