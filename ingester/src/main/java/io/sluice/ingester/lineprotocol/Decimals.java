package io.sluice.ingester.lineprotocol;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;

/// Reads decimal numbers from bytes, rounded to the nearest double as `Double.parseDouble` rounds them, but without an
/// object for all but very few.
final class Decimals {
    /// The integer up to which a double holds every integer.
    private static final long MAX_EXACT = 1L << 53;

    // Each is a double exactly.
    private static final double[] POWERS_OF_TEN = {
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22
    };
    private static final int MAX_DIGITS = 19; // always fit into an unsigned long
    private static final long MAX_EXPONENT = 10_000_000_000L; // decides against all digits that an array can hold

    private Decimals() {}

    /// The number that `bytes[from, to)` spells: an optional minus, digits with at most one point among, before or
    /// behind them, optionally `e` or `E`, a sign and digits. Infinite if it is too large for a double.
    ///
    /// @return NaN if that is not what stands there
    static double parse(byte[] bytes, int from, int to) {
        int i = from;
        boolean negative = i < to && bytes[i] == '-';
        if (negative) {
            i++;
        }
        long digits = 0; // as an unsigned integer, without the point
        int kept = 0;
        boolean hasDigits = false;
        boolean cut = false;
        boolean point = false;
        long exponent = 0;
        for (; i < to; i++) {
            int digit = bytes[i] - '0';
            if (digit >= 0 && digit <= 9) {
                hasDigits = true;
                if (kept < MAX_DIGITS) {
                    digits = digits * 10 + digit;
                    kept += digits == 0 ? 0 : 1;
                    exponent -= point ? 1 : 0;
                } else {
                    cut = true;
                    exponent += point ? 0 : 1;
                }
            } else if (bytes[i] == '.' && !point) {
                point = true;
            } else {
                break;
            }
        }
        if (!hasDigits) {
            return Double.NaN;
        }
        if (i < to) {
            if (bytes[i] != 'e' && bytes[i] != 'E') {
                return Double.NaN;
            }
            i++;
            boolean negativeExponent = i < to && bytes[i] == '-';
            if (negativeExponent || (i < to && bytes[i] == '+')) {
                i++;
            }
            if (i == to) {
                return Double.NaN;
            }
            long written = 0;
            for (; i < to; i++) {
                int digit = bytes[i] - '0';
                if (digit < 0 || digit > 9) {
                    return Double.NaN;
                }
                written = Math.min(written * 10 + digit, MAX_EXPONENT);
            }
            exponent += negativeExponent ? -written : written;
        }
        double magnitude = magnitude(digits, exponent, cut);
        if (Double.isNaN(magnitude)) {
            return Double.parseDouble(new String(bytes, from, to - from, StandardCharsets.ISO_8859_1));
        }
        return negative ? -magnitude : magnitude;
    }

    /// The double next to `digits · 10^exponent`, or NaN if that takes more than 128 bits to tell.
    ///
    /// @param digits unsigned
    /// @param cut whether digits were left out behind these
    private static double magnitude(long digits, long exponent, boolean cut) {
        // One rounding of two exact operands is right: W. Clinger, "How to read floating point numbers accurately".
        if (!cut && digits >= 0 && digits <= MAX_EXACT && Math.abs(exponent) < POWERS_OF_TEN.length) {
            return exponent < 0 ? digits / POWERS_OF_TEN[(int) -exponent] : digits * POWERS_OF_TEN[(int) exponent];
        }
        if (digits == 0 || exponent < PowersOfFive.MIN_EXPONENT) {
            return 0; // even 2^64 times it is less than half the smallest double
        }
        if (exponent > PowersOfFive.MAX_EXPONENT) {
            return Double.POSITIVE_INFINITY;
        }
        double low = nearest(digits, (int) exponent);
        return !cut || low == nearest(digits + 1, (int) exponent) ? low : Double.NaN;
    }

    /// D. Lemire, "Number parsing at a gigabyte per second", 2021: the product with 128 bits of a power of five has
    /// enough right bits, nearly always.
    private static double nearest(long digits, int exponent) {
        int leadingZeros = Long.numberOfLeadingZeros(digits);
        long factor = digits << leadingZeros;
        long powerHigh = PowersOfFive.high(exponent);
        long high = Math.unsignedMultiplyHigh(factor, powerHigh);
        long low = factor * powerHigh;
        if ((high & 0x1FF) == 0x1FF) { // a carry from the lower half might reach the bits that are kept
            long carried = Math.unsignedMultiplyHigh(factor, PowersOfFive.low(exponent));
            low += carried;
            high += Long.compareUnsigned(low, carried) < 0 ? 1 : 0;
        }
        if (low == -1L && (exponent < -27 || exponent > 55)) {
            return Double.NaN;
        }
        int upper = (int) (high >>> 63);
        int shift = upper + 9;
        long mantissa = high >>> shift; // 54 bits: one more than a double keeps, to round by
        int binaryExponent = ((217_706 * exponent) >> 16) + 63 + upper - leadingZeros + 1_023; // 217706/2^16: log2(10)
        if (binaryExponent <= 0) {
            return Double.NaN; // subnormal
        }
        boolean halfway = Long.compareUnsigned(low, 1) <= 0
                && exponent >= -4
                && exponent <= 23
                && (mantissa & 3) == 1
                && mantissa << shift == high;
        if (halfway) {
            mantissa &= ~1L; // to even
        }
        mantissa = (mantissa + (mantissa & 1)) >>> 1;
        if (mantissa >= 1L << 53) {
            mantissa = 1L << 52;
            binaryExponent++;
        }
        if (binaryExponent >= 0x7FF) {
            return Double.POSITIVE_INFINITY;
        }
        return Double.longBitsToDouble((mantissa & ~(1L << 52)) | (long) binaryExponent << 52);
    }

    /// The 128 most significant bits of each power of five that matters: those of positive powers truncated, those of
    /// negative ones rounded up.
    private static final class PowersOfFive {
        static final int MIN_EXPONENT = -342;
        static final int MAX_EXPONENT = 308;
        private static final long[] BITS = bits();

        static long high(int exponent) {
            return BITS[(exponent - MIN_EXPONENT) << 1];
        }

        static long low(int exponent) {
            return BITS[(exponent - MIN_EXPONENT) << 1 | 1];
        }

        private static long[] bits() {
            var bits = new long[(MAX_EXPONENT - MIN_EXPONENT + 1) << 1];
            BigInteger power = BigInteger.ONE;
            for (int exponent = 0; exponent <= -MIN_EXPONENT; exponent++) {
                if (exponent <= MAX_EXPONENT) {
                    put(bits, exponent, power.shiftLeft(128).shiftRight(power.bitLength()));
                }
                if (exponent > 0) {
                    int length = power.bitLength();
                    BigInteger inverse = BigInteger.ONE
                            .shiftLeft(exponent <= 27 ? length + 127 : 2 * length + 128)
                            .divide(power)
                            .add(BigInteger.ONE);
                    put(bits, -exponent, inverse.shiftRight(Math.max(0, inverse.bitLength() - 128)));
                }
                power = power.multiply(BigInteger.valueOf(5));
            }
            return bits;
        }

        private static void put(long[] bits, int exponent, BigInteger value) {
            int at = (exponent - MIN_EXPONENT) << 1;
            bits[at] = value.shiftRight(64).longValue();
            bits[at + 1] = value.longValue();
        }
    }
}
