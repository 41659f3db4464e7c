package io.sluice.ingester.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.model.SequenceNumber;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Which rows belong to writes up to a number, against a list with the number of each row.
final class SequenceRunsTest {
    private static final long FIRST_SEED = 1;

    @Test
    void rowsThroughIsHowManyRowsHaveANumberUpToIt() {
        for (long seed = FIRST_SEED; seed < FIRST_SEED + 300; seed++) {
            Random random = new Random(seed);
            SequenceRuns runs = new SequenceRuns();
            List<Long> numberOfRow = new ArrayList<>();
            long sequence = random.nextInt(3);
            int writes = random.nextInt(40);
            for (int write = 0; write < writes; write++) {
                sequence += random.nextInt(1, 4); // other partitions' writes lie between
                for (int row = random.nextInt(1, 5); row > 0; row--) {
                    numberOfRow.add(sequence);
                }
                runs.add(new SequenceNumber(sequence), numberOfRow.size());
                check(seed, runs, numberOfRow, sequence + 2);
            }
            check(seed, runs, numberOfRow, sequence + 2);
        }
    }

    private static void check(long seed, SequenceRuns runs, List<Long> numberOfRow, long last) {
        for (long asOf = 0; asOf <= last; asOf++) {
            long limit = asOf;
            assertThat((long) runs.rowsThrough(new SequenceNumber(asOf)))
                    .as("seed %d, as of %d", seed, asOf)
                    .isEqualTo(numberOfRow.stream()
                            .filter(number -> number <= limit)
                            .count());
        }
    }
}
