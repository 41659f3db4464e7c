package io.sluice.persist.parquet;

import io.sluice.rows.merge.LongNumbers;
import java.util.Arrays;

/// The distinct ones among a row group's numbers, if they are few. Numbers that lie close together are looked up in a
/// table by their distance from the least, and their codes are in their order; others are hashed. Works in memory that
/// is used again. For one thread.
final class NumberDictionary {
    /// Distance of the greatest from the least up to which there is a table.
    private static final int TABLE = 1 << 16;
    /// The most distinct values of a dictionary: a page of 1 MiB.
    private static final int MAX_VALUES = 1 << 17;
    /// Values that are looked at, evenly spread, before all are hashed.
    private static final int SAMPLE = 2_048;

    private final LongNumbers hashed = new LongNumbers();
    private int[] table = new int[0]; // code + 1; 0 = does not occur
    private long[] values = new long[0];
    private int[] codes = new int[0];
    private boolean isInOrder;
    private long least;
    private int size;

    /// Looks at all values. Afterwards the dictionary can be used, if its price is finite.
    ///
    /// @return bits for each value that a dictionary would take, itself included; infinite if it has too many
    double prepare(long[] all, int count) {
        long min = Long.MAX_VALUE;
        long max = Long.MIN_VALUE;
        for (int i = 0; i < count; i++) {
            min = Math.min(min, all[i]);
            max = Math.max(max, all[i]);
        }
        least = min;
        long range = max - min;
        isInOrder = range >= 0 && range < TABLE;
        if (isInOrder) {
            tabulate(all, count, (int) range + 1);
        } else if (!hash(all, count)) {
            return Double.POSITIVE_INFINITY;
        }
        return HybridEncoder.width(size) + (double) size * Long.SIZE / count;
    }

    private void tabulate(long[] all, int count, int range) {
        if (table.length < range) {
            table = new int[range];
        }
        Arrays.fill(table, 0, range, 0);
        for (int i = 0; i < count; i++) {
            table[(int) (all[i] - least)] = 1;
        }
        size = 0;
        for (int place = 0; place < range; place++) {
            size += table[place];
        }
        values = values.length < size ? new long[size] : values;
        int code = 0;
        for (int place = 0; place < range; place++) {
            if (table[place] != 0) {
                values[code] = least + place;
                table[place] = ++code;
            }
        }
    }

    private boolean hash(long[] all, int count) {
        if (!isWorthIt(all, count)) {
            return false;
        }
        hashed.clear();
        codes = codes.length < count ? new int[count] : codes;
        int most = Math.min(MAX_VALUES, Math.max(1, count / 2));
        for (int i = 0; i < count; i++) {
            codes[i] = hashed.number(all[i]);
            if (hashed.size() > most) {
                return false;
            }
        }
        size = hashed.size();
        values = hashed.values();
        return true;
    }

    /// Whether a good part of some values has come before.
    private boolean isWorthIt(long[] all, int count) {
        hashed.clear();
        int step = Math.max(1, count / SAMPLE);
        int seen = 0;
        for (int i = 0; i < count; i += step) {
            hashed.number(all[i]);
            seen++;
        }
        return hashed.size() <= seen - seen / 4;
    }

    boolean isInOrder() {
        return isInOrder;
    }

    int size() {
        return size;
    }

    long value(int code) {
        return values[code];
    }

    /// The codes of the values `[from, to)`.
    void codes(long[] all, int from, int to, int[] into) {
        if (!isInOrder) {
            System.arraycopy(codes, from, into, 0, to - from);
            return;
        }
        for (int i = from; i < to; i++) {
            into[i - from] = table[(int) (all[i] - least)] - 1;
        }
    }

    void write(PageBytes page) {
        page.putLongs(values, 0, size);
    }
}
