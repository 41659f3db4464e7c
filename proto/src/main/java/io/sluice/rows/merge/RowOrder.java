package io.sluice.rows.merge;

import java.util.Arrays;
import java.util.List;

/// Puts rows in the order of their tags' ranks, then their time, then their arrival. Works on arrays of primitives: the
/// ranks of a row are folded into one number, rows of equal ranks are brought together by counting, and only rows
/// that did not arrive in the order of their times are compared.
final class RowOrder {
    private RowOrder() {}

    /// Rows by place, and where in that order each key begins.
    ///
    /// @param rows arrival numbers in order
    /// @param starts for each key the place of its first row, and the number of rows at the end
    record Ordered(int[] rows, int[] starts) {
        int keys() {
            return starts.length - 1;
        }
    }

    /// @param tags in the order in which they count
    /// @param times for each row in arrival order
    static Ordered of(List<TagRanks> tags, long[] times) {
        int[] series = series(tags, times.length);
        int[] rows = bySeries(series);
        sortTimes(rows, series, times);
        return new Ordered(rows, starts(rows, series, times));
    }

    /// Numbers the combinations of ranks, from 0 on and in order.
    private static int[] series(List<TagRanks> tags, int rowCount) {
        int[] series = new int[rowCount];
        int count = 1;
        long[] folded = new long[rowCount];
        for (TagRanks tag : tags) {
            long width = tag.values().length + 1L;
            // Both factors are below 2^31, so the product fits.
            for (int row = 0; row < rowCount; row++) {
                folded[row] = series[row] * width + tag.ranks()[row];
            }
            count = densify(folded, series, count * width);
        }
        return series;
    }

    /// Replaces numbers below `limit` by their places among the distinct ones; returns how many those are.
    private static int densify(long[] folded, int[] into, long limit) {
        if (limit <= Math.max(1 << 16, 4L * folded.length)) {
            return densifySmall(folded, into, (int) limit);
        }
        LongTable table = new LongTable();
        for (int row = 0; row < folded.length; row++) {
            into[row] = table.number(folded[row]);
        }
        long[] distinct = table.values();
        long[] sorted = distinct.clone();
        Arrays.sort(sorted);
        int[] places = new int[distinct.length];
        for (int i = 0; i < distinct.length; i++) {
            places[i] = Arrays.binarySearch(sorted, distinct[i]);
        }
        for (int row = 0; row < into.length; row++) {
            into[row] = places[into[row]];
        }
        return distinct.length;
    }

    private static int densifySmall(long[] folded, int[] into, int limit) {
        int[] places = new int[limit];
        for (long value : folded) {
            places[(int) value] = 1;
        }
        int count = 0;
        for (int value = 0; value < limit; value++) {
            if (places[value] != 0) {
                places[value] = count++;
            }
        }
        for (int row = 0; row < folded.length; row++) {
            into[row] = places[(int) folded[row]];
        }
        return count;
    }

    /// Rows by series, in order of arrival within each.
    private static int[] bySeries(int[] series) {
        int highest = 0;
        for (int number : series) {
            highest = Math.max(highest, number);
        }
        int[] next = new int[highest + 2];
        for (int number : series) {
            next[number + 1]++;
        }
        for (int number = 0; number <= highest; number++) {
            next[number + 1] += next[number];
        }
        int[] rows = new int[series.length];
        for (int row = 0; row < series.length; row++) {
            rows[next[series[row]]++] = row;
        }
        return rows;
    }

    private static void sortTimes(int[] rows, int[] series, long[] times) {
        int from = 0;
        while (from < rows.length) {
            int to = from + 1;
            boolean sorted = true;
            while (to < rows.length && series[rows[to]] == series[rows[from]]) {
                sorted &= times[rows[to - 1]] <= times[rows[to]];
                to++;
            }
            if (!sorted) {
                mergeSort(rows, from, to, times);
            }
            from = to;
        }
    }

    /// Stable; takes rows that are sorted already as they are.
    private static void mergeSort(int[] rows, int from, int to, long[] times) {
        int[] source = Arrays.copyOfRange(rows, from, to);
        int[] target = new int[to - from];
        for (int width = 1; width < source.length; width *= 2) {
            for (int left = 0; left < source.length; left += 2 * width) {
                merge(
                        source,
                        left,
                        Math.min(left + width, source.length),
                        Math.min(left + 2 * width, source.length),
                        target,
                        times);
            }
            int[] swap = source;
            source = target;
            target = swap;
        }
        System.arraycopy(source, 0, rows, from, source.length);
    }

    private static void merge(int[] source, int left, int middle, int right, int[] target, long[] times) {
        int a = left;
        int b = middle;
        for (int place = left; place < right; place++) {
            if (a < middle && (b == right || times[source[a]] <= times[source[b]])) {
                target[place] = source[a++];
            } else {
                target[place] = source[b++];
            }
        }
    }

    private static int[] starts(int[] rows, int[] series, long[] times) {
        int[] starts = new int[rows.length + 1];
        int keys = 0;
        for (int place = 0; place < rows.length; place++) {
            if (place == 0
                    || series[rows[place]] != series[rows[place - 1]]
                    || times[rows[place]] != times[rows[place - 1]]) {
                starts[keys++] = place;
            }
        }
        starts[keys] = rows.length;
        return Arrays.copyOf(starts, keys + 1);
    }

    /// Numbers distinct longs in order of arrival: open addressing.
    private static final class LongTable {
        private long[] values = new long[1_024];
        private int[] slots = new int[4_096]; // number + 1; 0 = free
        private int count;

        int number(long value) {
            int mask = slots.length - 1;
            int slot = spread(value) & mask;
            while (slots[slot] != 0) {
                if (values[slots[slot] - 1] == value) {
                    return slots[slot] - 1;
                }
                slot = (slot + 1) & mask;
            }
            if (count == values.length) {
                grow();
                return number(value);
            }
            values[count] = value;
            slots[slot] = ++count;
            return count - 1;
        }

        private void grow() {
            values = Arrays.copyOf(values, 2 * count);
            slots = new int[8 * count];
            int mask = slots.length - 1;
            for (int number = 0; number < count; number++) {
                int slot = spread(values[number]) & mask;
                while (slots[slot] != 0) {
                    slot = (slot + 1) & mask;
                }
                slots[slot] = number + 1;
            }
        }

        private static int spread(long value) {
            long mixed = value * 0x9E3779B97F4A7C15L;
            return (int) (mixed ^ (mixed >>> 32));
        }

        long[] values() {
            return Arrays.copyOf(values, count);
        }
    }
}
