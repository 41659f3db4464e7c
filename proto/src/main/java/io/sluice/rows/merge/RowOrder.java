package io.sluice.rows.merge;

import java.nio.LongBuffer;
import java.util.Arrays;
import java.util.List;

/// Puts rows in the order of their series, then their time, then their arrival: by counting the rows of each series,
/// which leaves those of one series in the order of their arrival, usually that of their times; only where it is not,
/// rows are sorted.
final class RowOrder {
    private RowOrder() {}

    /// Rows by place, and where in that order each key begins. 8 bytes for each row, 12 for each key.
    ///
    /// @param rows arrival numbers in order
    /// @param starts for each key the place of its first row, and the number of rows at the end
    /// @param times of the keys; perhaps longer
    /// @param seriesStarts for each series its first key, and the number of keys at the end
    record Ordered(int[] rows, int[] starts, long[] times, int[] seriesStarts) {
        int keys() {
            return starts.length - 1;
        }
    }

    /// @param series of each row in arrival order
    /// @param seriesCount above all of them
    /// @param times of the rows in arrival order, in any number of pieces
    static Ordered of(int[] series, int seriesCount, List<LongBuffer> times) {
        int[] ends = new int[seriesCount + 1];
        for (int number : series) {
            ends[number + 1]++;
        }
        for (int number = 0; number < seriesCount; number++) {
            ends[number + 1] += ends[number];
        }
        // Each is where its series begins now, and where it ends when all rows are in their places.
        int[] rows = new int[series.length];
        long[] sorted = new long[series.length];
        int arrival = 0;
        for (LongBuffer piece : times) {
            int count = piece.remaining();
            for (int i = 0; i < count; i++, arrival++) {
                int place = ends[series[arrival]]++;
                rows[place] = arrival;
                sorted[place] = piece.get(i);
            }
        }
        sortSeries(rows, sorted, ends, seriesCount);
        return keys(rows, sorted, ends, seriesCount);
    }

    private static void sortSeries(int[] rows, long[] times, int[] ends, int seriesCount) {
        int from = 0;
        for (int number = 0; number < seriesCount; number++) {
            LongIntSort.sort(times, rows, from, ends[number]);
            from = ends[number];
        }
    }

    /// Tells keys apart, and moves their times to the front.
    private static Ordered keys(int[] rows, long[] times, int[] ends, int seriesCount) {
        int count = 0;
        int from = 0;
        for (int number = 0; number < seriesCount; number++) {
            for (int place = from; place < ends[number]; place++) {
                count += place == from || times[place] != times[place - 1] ? 1 : 0;
            }
            from = ends[number];
        }
        int[] starts = new int[count + 1];
        int[] seriesStarts = new int[seriesCount + 1];
        int key = 0;
        from = 0;
        for (int number = 0; number < seriesCount; number++) {
            seriesStarts[number] = key;
            for (int place = from; place < ends[number]; place++) {
                long timeNs = times[place];
                if (place == from || timeNs != times[key - 1]) {
                    times[key] = timeNs;
                    starts[key++] = place;
                }
            }
            from = ends[number];
        }
        starts[key] = rows.length;
        seriesStarts[seriesCount] = key;
        return new Ordered(rows, starts, times, seriesStarts);
    }

    /// The rows of one series in the order of their times.
    static int[] byTime(long[] times) {
        long[] sorted = Arrays.copyOf(times, times.length);
        int[] rows = new int[times.length];
        for (int row = 0; row < rows.length; row++) {
            rows[row] = row;
        }
        LongIntSort.sort(sorted, rows, 0, rows.length);
        return rows;
    }
}
