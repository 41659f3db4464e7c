package io.sluice.benches;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;

class WarmUpTest {
    private static int stretches(int most, double... perSecond) throws IOException, InterruptedException {
        int[] run = {0};
        WarmUp.run(most, () -> perSecond[run[0]++]);
        return run[0];
    }

    @Test
    void endsWhenTwoStretchesInARowAreNoFaster() throws Exception {
        assertThat(stretches(9, 100, 150, 200, 201, 208, 300)).isEqualTo(5);
    }

    @Test
    void oneSlowStretchIsNoEnd() throws Exception {
        assertThat(stretches(9, 100, 80, 150, 100, 170, 171, 172, 300)).isEqualTo(7);
    }

    @Test
    void whatGetsFasterAllTheTimeEndsAtTheMost() throws Exception {
        assertThat(stretches(3, DoubleStream.iterate(1, x -> 2 * x).limit(9).toArray()))
                .isEqualTo(3);
        assertThat(stretches(1, 1, 1)).isEqualTo(1);
    }
}
