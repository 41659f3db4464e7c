package io.sluice.ingester.lineprotocol;

import java.nio.charset.StandardCharsets;

/// Numbers from ASCII bytes, without an object where it can be helped.
final class Numbers {
    /// 10^0 to 10^22: the powers of ten that a double holds exactly.
    private static final double[] POWERS = {
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22
    };
    /// Integers up to this are exact in a double: 2^53.
    private static final long MAX_EXACT = 1L << 53;

    private static final int MAX_LONG_DIGITS = 18;

    private Numbers() {}

    /// A signed integer.
    ///
    /// @throws BadLineException if it is none, or does not fit 64 bits
    static long parseLong(byte[] bytes, int from, int to, String what) throws BadLineException {
        boolean negative = from < to && bytes[from] == '-';
        int at = negative || (from < to && bytes[from] == '+') ? from + 1 : from;
        if (at == to) {
            throw bad(what, bytes, from, to);
        }
        if (to - at <= MAX_LONG_DIGITS) {
            long value = 0;
            for (; at < to; at++) {
                int digit = bytes[at] - '0';
                if (digit < 0 || digit > 9) {
                    throw bad(what, bytes, from, to);
                }
                value = 10 * value + digit;
            }
            return negative ? -value : value;
        }
        try {
            requireDigits(bytes, at, to, what, from);
            return Long.parseLong(text(bytes, from, to));
        } catch (NumberFormatException e) {
            throw new BadLineException("%s '%s' does not fit 64 bits".formatted(what, Text.printable(bytes, from, to)));
        }
    }

    /// An unsigned integer.
    static long parseUnsigned(byte[] bytes, int from, int to, String what) throws BadLineException {
        if (from == to) {
            throw bad(what, bytes, from, to);
        }
        requireDigits(bytes, from, to, what, from);
        if (to - from <= MAX_LONG_DIGITS) {
            return parseLong(bytes, from, to, what);
        }
        try {
            return Long.parseUnsignedLong(text(bytes, from, to));
        } catch (NumberFormatException e) {
            throw new BadLineException("%s '%s' does not fit 64 bits".formatted(what, Text.printable(bytes, from, to)));
        }
    }

    private static void requireDigits(byte[] bytes, int digits, int to, String what, int from) throws BadLineException {
        for (int i = digits; i < to; i++) {
            if (bytes[i] < '0' || bytes[i] > '9') {
                throw bad(what, bytes, from, to);
            }
        }
    }

    /// A decimal number: sign, digits with or without a point, exponent. The result is that of [Double#parseDouble].
    ///
    /// A number of few digits is exact as a whole number times or over a power of ten, both exact as doubles, so
    ///     one
    /// rounding gives the nearest double (Clinger, "How to Read Floating Point Numbers Accurately", 1990).
    static double parseDouble(byte[] bytes, int from, int to, String what) throws BadLineException {
        int at = from;
        boolean negative = at < to && bytes[at] == '-';
        if (negative || (at < to && bytes[at] == '+')) {
            at++;
        }
        long digits = 0;
        int significant = 0;
        int scale = 0;
        int seen = 0;
        boolean point = false;
        for (; at < to; at++) {
            byte c = bytes[at];
            if (c >= '0' && c <= '9') {
                seen++;
                if (significant < MAX_LONG_DIGITS) {
                    digits = 10 * digits + (c - '0');
                    significant += digits == 0 ? 0 : 1;
                } else {
                    significant++; // too many for the quick way
                }
                scale -= point ? 1 : 0;
            } else if (c == '.' && !point) {
                point = true;
            } else {
                break;
            }
        }
        if (seen == 0) {
            throw bad(what, bytes, from, to);
        }
        if (at < to) {
            scale += exponent(bytes, at, from, to, what);
        }
        if (significant <= MAX_LONG_DIGITS && digits <= MAX_EXACT && Math.abs(scale) < POWERS.length) {
            double value = scale < 0 ? digits / POWERS[-scale] : digits * POWERS[scale];
            return negative ? -value : value;
        }
        double value = Double.parseDouble(text(bytes, from, to));
        if (Double.isInfinite(value)) {
            throw new BadLineException(
                    "%s '%s' does not fit a 64-bit float".formatted(what, Text.printable(bytes, from, to)));
        }
        return value;
    }

    private static int exponent(byte[] bytes, int at, int from, int to, String what) throws BadLineException {
        if (bytes[at] != 'e' && bytes[at] != 'E') {
            throw bad(what, bytes, from, to);
        }
        int digits = at + 1;
        boolean negative = digits < to && bytes[digits] == '-';
        if (negative || (digits < to && bytes[digits] == '+')) {
            digits++;
        }
        if (digits == to) {
            throw bad(what, bytes, from, to);
        }
        int exponent = 0;
        for (int i = digits; i < to; i++) {
            if (bytes[i] < '0' || bytes[i] > '9') {
                throw bad(what, bytes, from, to);
            }
            exponent = Math.min(100_000, 10 * exponent + bytes[i] - '0');
        }
        return negative ? -exponent : exponent;
    }

    private static BadLineException bad(String what, byte[] bytes, int from, int to) {
        return new BadLineException("%s '%s' is not a number".formatted(what, Text.printable(bytes, from, to)));
    }

    private static String text(byte[] bytes, int from, int to) {
        return new String(bytes, from, to - from, StandardCharsets.US_ASCII);
    }
}
