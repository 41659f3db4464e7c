package io.sluice.ingester.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.model.PartitionKey;
import io.sluice.model.TableId;
import java.time.Duration;
import java.time.LocalDate;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class AgeSpreadTest {
    private static final Duration MAX_AGE = Duration.ofMinutes(5);

    /// In each second of the last quarter about 10,000 / 75.
    @Test
    void tenThousandTablesOfOneDayAreNotDueInOneSecond() {
        assertSpread(IntStream.rangeClosed(1, 10_000).mapToDouble(table -> share(table, "2026-11-21")), 10_000);
    }

    @Test
    void theDaysOfOneTableAreNotDueInOneSecond() {
        LocalDate first = LocalDate.of(2000, 1, 1);
        assertSpread(
                IntStream.range(0, 10_000)
                        .mapToDouble(day -> share(1, first.plusDays(day).toString())),
                10_000);
    }

    @Test
    void partitionsByTagAreNotDueInOneSecond() {
        assertSpread(
                IntStream.range(0, 10_000).mapToDouble(host -> share(1 + host % 3, "2026-11-21|host_" + host / 3)),
                10_000);
    }

    @Test
    void aPartitionHasAlwaysTheSameShare() {
        assertThat(share(7, "2026-11-21")).isEqualTo(share(7, "2026-11-21"));
        assertThat(share(7, "2026-11-21")).isNotEqualTo(share(8, "2026-11-21"));
        assertThat(share(7, "2026-11-21")).isNotEqualTo(share(7, "2026-11-22"));
    }

    private static void assertSpread(DoubleStream shares, int partitions) {
        int[] dueInSecond = new int[(int) MAX_AGE.toSeconds() + 1];
        shares.forEach(share -> {
            assertThat(share).isGreaterThan(AgeSpread.FIRST).isLessThanOrEqualTo(1);
            dueInSecond[(int) (share * MAX_AGE.toSeconds())]++;
        });
        double evenly = partitions / ((1 - AgeSpread.FIRST) * MAX_AGE.toSeconds());
        assertThat(IntStream.of(dueInSecond).max().orElseThrow()).isLessThan((int) (1.5 * evenly));
    }

    private static double share(long table, String key) {
        return AgeSpread.share(new TableId(table), new PartitionKey(key));
    }
}
