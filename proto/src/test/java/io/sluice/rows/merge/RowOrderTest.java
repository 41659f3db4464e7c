package io.sluice.rows.merge;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RowOrderTest {
    /// In order, nearly so, in none, and with timestamps that repeat: each has its own way of being sorted.
    @Test
    void rowsAreInTheOrderOfSeriesThenTimeThenArrival() {
        for (long seed = 0; seed < 600; seed++) {
            var random = new Random(seed);
            int rowCount = 1 + random.nextInt(seed % 20 == 0 ? 9_000 : 300);
            int seriesCount = 1 + random.nextInt(random.nextBoolean() ? 3 : rowCount);
            int[] series = denseSeries(rowCount, seriesCount, random);
            int late = random.nextInt(4);
            int times = 1 + random.nextInt(2 * rowCount);
            long[] time = new long[rowCount];
            for (int row = 0; row < rowCount; row++) {
                time[row] = switch (late) {
                    case 0 -> row;
                    case 1 -> random.nextInt(20) == 0 ? row - random.nextInt(100) : row;
                    case 2 -> random.nextLong();
                    default -> random.nextInt(-times, times);
                };
            }

            RowOrder.Ordered order = RowOrder.of(series, count(series), pieces(time, random));

            Comparator<Integer> keys =
                    Comparator.<Integer>comparingInt(row -> series[row]).thenComparingLong(row -> time[row]);
            var expected = IntStream.range(0, rowCount).boxed().sorted(keys).toList(); // stable
            assertThat(order.rows())
                    .as("seed %d", seed)
                    .containsExactly(
                            expected.stream().mapToInt(Integer::intValue).toArray());
            List<Integer> starts = new ArrayList<>();
            List<Integer> seriesStarts = new ArrayList<>();
            for (int place = 0; place < rowCount; place++) {
                boolean isFirst = place == 0;
                if (isFirst || series[expected.get(place - 1)] != series[expected.get(place)]) {
                    seriesStarts.add(starts.size());
                }
                if (isFirst || keys.compare(expected.get(place - 1), expected.get(place)) != 0) {
                    assertThat(order.times()[starts.size()]).isEqualTo(time[expected.get(place)]);
                    starts.add(place);
                }
            }
            seriesStarts.add(starts.size());
            starts.add(rowCount);
            assertThat(order.starts())
                    .as("seed %d", seed)
                    .containsExactly(starts.stream().mapToInt(Integer::intValue).toArray());
            assertThat(order.seriesStarts())
                    .as("seed %d", seed)
                    .containsExactly(
                            seriesStarts.stream().mapToInt(Integer::intValue).toArray());
            assertThat(order.keys()).isEqualTo(order.starts().length - 1);
        }
    }

    /// Each number from 0 to the greatest occurs.
    private static int[] denseSeries(int rowCount, int wanted, Random random) {
        int[] series = random.ints(rowCount, 0, wanted).toArray();
        int[] distinct = IntStream.of(series).distinct().sorted().toArray();
        return IntStream.of(series)
                .map(number -> Arrays.binarySearch(distinct, number))
                .toArray();
    }

    private static int count(int[] series) {
        return IntStream.of(series).max().orElse(-1) + 1;
    }

    private static List<LongBuffer> pieces(long[] times, Random random) {
        List<LongBuffer> pieces = new ArrayList<>();
        int to;
        for (int from = 0; from < times.length; from = to) {
            to = Math.min(times.length, from + random.nextInt(times.length + 1));
            pieces.add(LongBuffer.wrap(times, from, to - from).slice());
        }
        return pieces;
    }

    @Test
    void timesAloneAreSortedWithTheirExtremes() {
        long[] times = {3, Long.MAX_VALUE, Long.MIN_VALUE, 3, -1};
        assertThat(TimeOrder.of(times)).containsExactly(2, 4, 0, 3, 1);
        assertThat(times).containsExactly(3, Long.MAX_VALUE, Long.MIN_VALUE, 3, -1);
    }

    @Test
    void noRowsAreNoKeys() {
        RowOrder.Ordered order = RowOrder.of(new int[0], 0, List.of());
        assertThat(order.keys()).isZero();
        assertThat(order.seriesStarts()).containsExactly(0);
    }
}
