package io.sluice.persist.retry;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BackoffTest {
    private final Backoff backoff = new Backoff(Duration.ofMillis(100), Duration.ofSeconds(30), new Random(1));

    @Test
    void theDelayDoublesUpToItsLimitAndStaysInTheUpperHalf() {
        long[] mostMillis = {100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000};
        for (int failures = 1; failures <= mostMillis.length; failures++) {
            long most = mostMillis[failures - 1];
            for (int i = 0; i < 200; i++) {
                assertThat(backoff.delay(failures))
                        .as("after %d", failures)
                        .isBetween(Duration.ofMillis(most / 2), Duration.ofMillis(most));
            }
        }
    }

    @Test
    void anyNumberOfFailuresStaysWithinTheLimit() {
        for (int failures : new int[] {40, 63, 64, 65, 1_000, Integer.MAX_VALUE}) {
            assertThat(backoff.delay(failures)).isBetween(Duration.ofSeconds(15), Duration.ofSeconds(30));
        }
    }

    @Test
    void thoseThatFailTogetherComeBackApart() {
        var delays = IntStream.range(0, 100).mapToObj(_ -> backoff.delay(5)).collect(Collectors.toSet());
        assertThat(delays).hasSizeGreaterThan(90);
    }
}
