package io.sluice.rows.merge;

import java.util.Arrays;

/// Sorts numbers, and with each what belongs to it: stable, over arrays of primitives.
///
/// What is nearly in order, as rows usually are that arrive in the order of their times, is put right in place by
/// insertion, in time that grows with how far things are from their places. All else is sorted digit by digit.
final class LongIntSort {
    /// Below, insertion is always the quickest.
    private static final int FEW = 24;
    /// Steps for each number from which on insertion is given up.
    private static final int MAX_STEPS = 8;
    /// From so many numbers on, a table of long digits costs less than more passes.
    private static final int MANY = 4_096;

    private static final int SHORT_DIGIT_BITS = 8;
    private static final int LONG_DIGIT_BITS = 11;

    private LongIntSort() {}

    /// Sorts `[from, to)` of both by the keys, as signed numbers.
    static void sort(long[] keys, int[] values, int from, int to) {
        if (!insert(keys, values, from, to)) {
            byDigits(keys, values, from, to);
        }
    }

    /// Whether it is done; if not, the rows are in another order than before, but those of equal keys are not.
    private static boolean insert(long[] keys, int[] values, int from, int to) {
        int count = to - from;
        long steps = count <= FEW ? Long.MAX_VALUE : (long) MAX_STEPS * count;
        for (int next = from + 1; next < to; next++) {
            long key = keys[next];
            if (keys[next - 1] <= key) {
                continue;
            }
            int value = values[next];
            int place = next;
            do {
                keys[place] = keys[place - 1];
                values[place] = values[place - 1];
                place--;
            } while (place > from && keys[place - 1] > key);
            keys[place] = key;
            values[place] = value;
            steps -= next - place;
            if (steps < 0) {
                return false;
            }
        }
        return true;
    }

    private static void byDigits(long[] keys, int[] values, int from, int to) {
        int count = to - from;
        int digitBits = count < MANY ? SHORT_DIGIT_BITS : LONG_DIGIT_BITS;
        long differing = 0;
        for (int i = from; i < to; i++) {
            differing |= keys[i] ^ keys[from];
        }
        long[] otherKeys = new long[count];
        int[] otherValues = new int[count];
        int[] counts = new int[1 << digitBits];
        boolean isMoved = false;
        for (int shift = 0; shift < Long.SIZE; shift += digitBits) {
            long mask = (1L << digitBits) - 1;
            if ((differing >>> shift & mask) == 0) {
                continue;
            }
            if (isMoved) {
                pass(otherKeys, otherValues, 0, keys, values, from, count, shift, counts);
            } else {
                pass(keys, values, from, otherKeys, otherValues, 0, count, shift, counts);
            }
            isMoved = !isMoved;
        }
        if (isMoved) {
            System.arraycopy(otherKeys, 0, keys, from, count);
            System.arraycopy(otherValues, 0, values, from, count);
        }
    }

    /// Moves all by one digit.
    private static void pass(
            long[] keys,
            int[] values,
            int from,
            long[] toKeys,
            int[] toValues,
            int to,
            int count,
            int shift,
            int[] counts) {
        Arrays.fill(counts, 0);
        int mask = counts.length - 1;
        for (int i = from; i < from + count; i++) {
            counts[digit(keys[i], shift, mask)]++;
        }
        int place = to;
        for (int digit = 0; digit < counts.length; digit++) {
            int of = counts[digit];
            counts[digit] = place;
            place += of;
        }
        for (int i = from; i < from + count; i++) {
            int target = counts[digit(keys[i], shift, mask)]++;
            toKeys[target] = keys[i];
            toValues[target] = values[i];
        }
    }

    /// Negative numbers come first: their highest bit counts the other way round.
    private static int digit(long key, int shift, int mask) {
        return (int) ((key ^ Long.MIN_VALUE) >>> shift) & mask;
    }
}
