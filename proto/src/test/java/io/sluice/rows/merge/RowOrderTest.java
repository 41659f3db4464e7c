package io.sluice.rows.merge;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RowOrderTest {
    private static final byte[][] FEW = values(3);
    private static final byte[][] MANY = values(200_000);

    /// Sizes on both sides of the step from a table of all combinations to one of those that occur.
    @Test
    void rowsAreInTheOrderOfRanksThenTimeThenArrival() {
        for (long seed = 0; seed < 400; seed++) {
            var random = new Random(seed);
            int rowCount = 1 + random.nextInt(300);
            int[] widths = IntStream.range(0, random.nextInt(5))
                    .map(_ -> random.nextBoolean() ? FEW.length : MANY.length)
                    .toArray();
            List<TagRanks> tags = Arrays.stream(widths)
                    .mapToObj(width -> ranks(width, rowCount, random))
                    .toList();
            int times = 1 + random.nextInt(20);
            long[] time = random.longs(rowCount, -times, times).toArray();

            RowOrder.Ordered order = RowOrder.of(tags, time);

            Comparator<Integer> keys = (_, _) -> 0;
            for (TagRanks tag : tags) {
                keys = keys.thenComparingInt(row -> tag.ranks()[row]);
            }
            keys = keys.thenComparingLong(row -> time[row]);
            var expected = IntStream.range(0, rowCount).boxed().sorted(keys).toList(); // stable
            assertThat(order.rows())
                    .as("seed %d", seed)
                    .containsExactly(
                            expected.stream().mapToInt(Integer::intValue).toArray());
            var starts = IntStream.builder();
            for (int place = 0; place < rowCount; place++) {
                if (place == 0 || keys.compare(expected.get(place - 1), expected.get(place)) != 0) {
                    starts.add(place);
                }
            }
            starts.add(rowCount);
            assertThat(order.starts())
                    .as("seed %d", seed)
                    .containsExactly(starts.build().toArray());
            assertThat(order.keys()).isEqualTo(order.starts().length - 1);
        }
    }

    /// The combinations of two tags of 100,000 values do not fit an int, of five not a long.
    @Test
    void foldingDoesNotOverflow() {
        int width = 100_000;
        byte[][] values = values(width);
        var rising = new TagRanks(values, IntStream.rangeClosed(0, width).toArray());
        var falling = new TagRanks(
                values, IntStream.rangeClosed(0, width).map(i -> width - i).toArray());
        long[] times = new long[width + 1];

        RowOrder.Ordered order = RowOrder.of(List.of(falling, rising, falling, rising, falling), times);

        assertThat(order.rows())
                .containsExactly(
                        IntStream.rangeClosed(0, width).map(i -> width - i).toArray());
        assertThat(order.keys()).isEqualTo(width + 1);
    }

    @Test
    void noTagsLeaveTheOrderToTheTimes() {
        assertThat(RowOrder.of(List.of(), new long[] {3, Long.MAX_VALUE, Long.MIN_VALUE, 3}))
                .satisfies(order -> assertThat(order.rows()).containsExactly(2, 0, 3, 1))
                .satisfies(order -> assertThat(order.starts()).containsExactly(0, 1, 3, 4));
    }

    @Test
    void noRowsAreNoKeys() {
        assertThat(RowOrder.of(List.of(new TagRanks(new byte[0][], new int[0])), new long[0])
                        .keys())
                .isZero();
    }

    private static TagRanks ranks(int width, int rowCount, Random random) {
        return new TagRanks(
                width == FEW.length ? FEW : MANY,
                random.ints(rowCount, 0, width + 1).toArray());
    }

    private static byte[][] values(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> ByteBuffer.allocate(Integer.BYTES).putInt(i).array())
                .toArray(byte[][]::new);
    }
}
