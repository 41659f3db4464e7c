package io.sluice.rows.merge;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LongIntSortTest {
    /// Numbers that differ in some of their bits only, in arrays of all sizes; what is outside stays as it is.
    @Test
    void keysAreInOrderAndEqualOnesKeepTheirs() {
        for (long seed = 0; seed < 500; seed++) {
            var random = new Random(seed);
            int size = random.nextInt(seed % 25 == 0 ? 20_000 : 200);
            long mask = -1L >>> random.nextInt(64) << random.nextInt(64);
            int from = random.nextInt(size + 1);
            int to = from + random.nextInt(size - from + 1);
            long[] keys = random.longs(size).map(key -> key & mask).toArray();
            long[] before = keys.clone();
            int[] values = IntStream.range(0, size).toArray();

            LongIntSort.sort(keys, values, from, to);

            for (int i = 0; i < size; i++) {
                assertThat(keys[i]).as("seed %d", seed).isEqualTo(before[values[i]]);
                boolean isInside = from <= i && i < to;
                assertThat(isInside || values[i] == i).as("seed %d", seed).isTrue();
                if (isInside && i > from) {
                    boolean isOrdered = keys[i - 1] < keys[i] || keys[i - 1] == keys[i] && values[i - 1] < values[i];
                    assertThat(isOrdered).as("seed %d, place %d", seed, i).isTrue();
                }
            }
            assertThat(IntStream.of(values).distinct().count()).isEqualTo(size);
        }
    }
}
