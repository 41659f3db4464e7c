package io.sluice.ingester.lineprotocol;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/// Looks at eight bytes of line protocol at once, as a little-endian word. Any thread.
final class Words {
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long LOW_BITS = 0x0101_0101_0101_0101L;
    private static final long HIGH_BITS = LOW_BITS << 7;
    private static final long SPACES_OR_BELOW = LOW_BITS * (' ' + 1);
    private static final long COMMAS = LOW_BITS * ',';
    private static final long EQUALS_SIGNS = LOW_BITS * '=';
    private static final long BACKSLASHES = LOW_BITS * '\\';
    private static final long ZEROS = LOW_BITS * '0';
    private static final long UPPER_HALVES = 0xF0F0_F0F0_F0F0_F0F0L;
    private static final long[] POWERS_OF_TEN = {1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000
    };

    private Words() {}

    /// The bytes from a place on; eight of them must be in the array.
    static long at(byte[] bytes, int from) {
        return (long) LONG.get(bytes, from);
    }

    /// How many of the bytes of a word are digits before the first that is none.
    static int digits(long word) {
        long value = word ^ ZEROS;
        // The upper half of a byte is not zero, or it is above 9.
        long others = (value | value + LOW_BITS * 6) & UPPER_HALVES;
        return Long.numberOfTrailingZeros(others) >>> 3;
    }

    /// The number that the first digits of a word are; none are 0. Digits are added up to pairs, pairs to fours and
    /// fours to the number, all of them at once, as D. Lemire has it in "Quickly parsing eight digits".
    static long number(long word, int digits) {
        // Shifted twice, as a shift by 64 would be none.
        int half = Byte.SIZE / 2 * (Long.BYTES - digits);
        long value = (word ^ ZEROS) << half << half;
        value = (value * 10 + (value >>> 8)) & 0x00FF_00FF_00FF_00FFL;
        value = (value * 100 + (value >>> 16)) & 0x0000_FFFF_0000_FFFFL;
        return (value * 10_000 + (value >>> 32)) & 0xFFFF_FFFFL;
    }

    /// The number whose last digits are the first ones of a word.
    static long append(long before, long word, int digits) {
        return before * POWERS_OF_TEN[digits] + number(word, digits);
    }

    /// Where the next byte stands that may have a meaning in a text, or the body's end. Looks at eight bytes
    /// at once, by the tests for a byte in a word of S. E. Anderson's "Bit Twiddling Hacks": what they say of
    /// the first such byte is true.
    static int skipPlain(byte[] bytes, int from, int end) {
        int i = from;
        for (; i + Long.BYTES <= bytes.length && i < end; i += Long.BYTES) {
            long word = (long) LONG.get(bytes, i);
            long found = ((word - SPACES_OR_BELOW) & ~word)
                    | zeroBytes(word ^ COMMAS)
                    | zeroBytes(word ^ EQUALS_SIGNS)
                    | zeroBytes(word ^ BACKSLASHES);
            found &= HIGH_BITS;
            if (found != 0) {
                return Math.min(end, i + (Long.numberOfTrailingZeros(found) >>> 3));
            }
        }
        while (i < end && isPlain(bytes[i])) {
            i++;
        }
        return Math.min(i, end);
    }

    private static boolean isPlain(byte b) {
        return b < 0 || (b > ' ' && b != ',' && b != '=' && b != '\\');
    }

    /// The high bit of the first byte that is zero, and perhaps of some behind it.
    private static long zeroBytes(long word) {
        return (word - LOW_BITS) & ~word;
    }
}
