package io.sluice.ingester.door;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/// Checks bytes for UTF-8 as the Unicode standard defines it (table 3-7): no overlong forms, no surrogates, nothing
/// above U+10FFFF. Eight ASCII bytes at a time.
public final class Utf8 {
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    static final long HIGH_BITS = 0x8080_8080_8080_8080L;

    private Utf8() {}

    /// Whether `bytes[from, to)` is UTF-8 by itself.
    public static boolean isValid(byte[] bytes, int from, int to) {
        int i = from;
        while (true) {
            i = skipAscii(bytes, i, to);
            if (i == to) {
                return true;
            }
            int length = sequenceLength(bytes, i, to);
            if (length == 0) {
                return false;
            }
            i += length;
        }
    }

    /// The position of the first byte of `bytes[from, to)` that is not ASCII, or `to`.
    static int skipAscii(byte[] bytes, int from, int to) {
        int i = from;
        while (i <= to - Long.BYTES && ((long) LONG.get(bytes, i) & HIGH_BITS) == 0) {
            i += Long.BYTES;
        }
        while (i < to && bytes[i] >= 0) {
            i++;
        }
        return i;
    }

    /// Whether a byte can only stand inside a character, not at its start.
    static boolean isContinuation(byte b) {
        return (b & 0xC0) == 0x80;
    }

    /// The length of the sequence of two to four bytes at `i`, or 0 if none is there.
    private static int sequenceLength(byte[] bytes, int i, int to) {
        int first = bytes[i] & 0xFF;
        if (first < 0xC2 || first > 0xF4) {
            return 0;
        }
        int length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
        if (length > to - i) {
            return 0;
        }
        int second = bytes[i + 1] & 0xFF;
        int lowest = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
        int highest = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
        if (second < lowest || second > highest) {
            return 0;
        }
        for (int k = 2; k < length; k++) {
            if (!isContinuation(bytes[i + k])) {
                return 0;
            }
        }
        return length;
    }
}
