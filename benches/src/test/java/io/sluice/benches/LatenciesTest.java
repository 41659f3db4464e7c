package io.sluice.benches;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class LatenciesTest {
    @Test
    void theOnesOfSeveralThreadsAreSortedTogether() {
        assertThat(Latencies.sorted(List.of(of(5, 1), of(), of(4, 2, 3)))).containsExactly(1, 2, 3, 4, 5);
    }

    @Test
    void moreThanFitAtFirstAreKept() {
        long[] many = LongStream.rangeClosed(1, 100_000).toArray();

        assertThat(Latencies.sorted(List.of(of(many)))).isEqualTo(many);
    }

    @Test
    void aPercentileIsTheShortestThatTheShareDoesNotExceed() {
        long[] sorted = LongStream.rangeClosed(1, 200).toArray();

        assertThat(Latencies.percentile(sorted, 0.5)).isEqualTo(100);
        assertThat(Latencies.percentile(sorted, 0.99)).isEqualTo(198);
        assertThat(Latencies.percentile(sorted, 1)).isEqualTo(200);
        assertThat(Latencies.percentile(new long[] {7}, 0.01)).isEqualTo(7);
    }

    private static Latencies of(long... nanos) {
        Latencies latencies = new Latencies();
        for (long length : nanos) {
            latencies.add(length);
        }
        return latencies;
    }
}
