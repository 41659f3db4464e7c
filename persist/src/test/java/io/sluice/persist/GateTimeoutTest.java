package io.sluice.persist;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.persist.GateTimeout.Mode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.Test;

class GateTimeoutTest {
    private static final GateTimeout BY_POSITION = GateTimeout.of(Mode.POSITION);
    private static final GateTimeout BY_MEDIAN = GateTimeout.of(Mode.MEDIAN);

    @Test
    void byPositionItIsTwiceTheMedianForEachRound() {
        OptionalLong median = ofSeconds(2);
        assertThat(BY_POSITION.after(median, 0, 4)).isEqualTo(Duration.ofSeconds(4));
        assertThat(BY_POSITION.after(median, 3, 4)).isEqualTo(Duration.ofSeconds(4));
        assertThat(BY_POSITION.after(median, 4, 4)).isEqualTo(Duration.ofSeconds(8));
        assertThat(BY_POSITION.after(median, 59, 4)).isEqualTo(Duration.ofSeconds(60));
        assertThat(BY_POSITION.after(median, 60, 4)).as("the cap").isEqualTo(Duration.ofSeconds(60));
        assertThat(BY_POSITION.after(OptionalLong.of(1), 0, 4)).as("the floor").isEqualTo(Duration.ofSeconds(1));
        assertThat(BY_POSITION.after(OptionalLong.empty(), 7, 4))
                .as("5 s when nothing is measured, two rounds")
                .isEqualTo(Duration.ofSeconds(20));
        assertThat(BY_POSITION.after(OptionalLong.of(Long.MAX_VALUE), Integer.MAX_VALUE, 1))
                .isEqualTo(Duration.ofSeconds(60));
    }

    @Test
    void byMedianItIsTheMedianWhateverThePlace() {
        assertThat(BY_MEDIAN.after(ofSeconds(2), 0, 4)).isEqualTo(Duration.ofSeconds(2));
        assertThat(BY_MEDIAN.after(ofSeconds(2), 99, 4)).isEqualTo(Duration.ofSeconds(2));
        assertThat(BY_MEDIAN.after(ofSeconds(90), 0, 4)).as("no cap").isEqualTo(Duration.ofSeconds(90));
        assertThat(BY_MEDIAN.after(OptionalLong.of(1), 0, 4)).as("the floor").isEqualTo(Duration.ofSeconds(1));
        assertThat(BY_MEDIAN.after(OptionalLong.empty(), 99, 4)).isEqualTo(Duration.ofSeconds(5));
    }

    /// Of 1 to 64 durations the upper median of all, of more that of the last 64.
    @Test
    void theMedianIsThatOfTheLast64() {
        long seed = 7;
        var random = new Random(seed);
        var recent = new RecentDurations();
        assertThat(recent.medianNanos()).isEmpty();
        List<Long> all = new ArrayList<>();
        for (int i = 1; i <= 200; i++) {
            long nanos = random.nextInt(1_000);
            all.add(nanos);
            recent.add(nanos);
            List<Long> last = new ArrayList<>(all.subList(Math.max(0, i - 64), i));
            Collections.sort(last);
            assertThat(recent.medianNanos()).as("of %d, seed %d", i, seed).hasValue(last.get(last.size() / 2));
        }
    }

    private static OptionalLong ofSeconds(long seconds) {
        return OptionalLong.of(Duration.ofSeconds(seconds).toNanos());
    }
}
