package io.sluice.ingester.lineprotocol;

import java.nio.charset.StandardCharsets;

/// Reads decimal numbers from bytes, rounded to the nearest double as `Double.parseDouble` rounds them.
final class Decimals {
    /// The greatest integer below which a double holds every integer.
    private static final long MAX_EXACT = 1L << 53;

    // Each is a double exactly.
    private static final double[] POWERS_OF_TEN = {
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22
    };
    private static final int MAX_DIGITS = 18; // always fit into a long
    private static final int MAX_EXPONENT = 1_000_000; // of any longer one the sign decides, save for absurd mantissas

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
        long digits = 0; // as an integer, without the point
        int kept = 0;
        boolean hasDigits = false;
        boolean cut = false;
        boolean point = false;
        int exponent = 0;
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
            int written = 0;
            for (; i < to; i++) {
                int digit = bytes[i] - '0';
                if (digit < 0 || digit > 9) {
                    return Double.NaN;
                }
                written = Math.min(written * 10 + digit, MAX_EXPONENT);
            }
            exponent += negativeExponent ? -written : written;
        }
        // One rounding of two exact operands is right: W. Clinger, "How to read floating point numbers accurately".
        if (!cut && digits <= MAX_EXACT && Math.abs(exponent) < POWERS_OF_TEN.length) {
            double value = exponent < 0 ? digits / POWERS_OF_TEN[-exponent] : digits * POWERS_OF_TEN[exponent];
            return negative ? -value : value;
        }
        return Double.parseDouble(new String(bytes, from, to - from, StandardCharsets.ISO_8859_1));
    }
}
