package io.sluice.ingester.admission;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.model.SequenceNumber;
import org.junit.jupiter.api.Test;

final class TimestampOracleTest {
    @Test
    void theFirstNumberOfAllIsOne() {
        assertThat(new TimestampOracle(SequenceNumber.NONE).next().value()).isEqualTo(1);
    }

    @Test
    void numbersGoOnBehindTheLastWithoutGaps() {
        TimestampOracle oracle = new TimestampOracle(new SequenceNumber(41));
        for (long expected = 42; expected < 142; expected++) {
            assertThat(oracle.next().value()).isEqualTo(expected);
        }
    }
}
