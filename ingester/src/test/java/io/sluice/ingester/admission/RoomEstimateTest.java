package io.sluice.ingester.admission;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.sluice.ingester.door.RetryDelays;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.persist.PersistBacklog;
import java.time.Duration;
import org.junit.jupiter.api.Test;

final class RoomEstimateTest {
    private static final int DEPTH = 250;
    private static final long TICK_NANOS = 100_000_000;

    private final RoomEstimate estimate = new RoomEstimate();
    private final RetryDelays delays = new RetryDelays(() -> 0.5);
    private long nowNanos = 1_000;
    private long ended;

    RoomEstimateTest() {
        delays.estimate(Reason.PERSIST_SATURATED, estimate::seconds);
    }

    /// Lets time pass in which jobs end one by one, in even steps.
    private void pass(int seconds, int jobsEachSecond, int unfinished) {
        for (int tick = 0; tick < 10 * seconds; tick++) {
            nowNanos += TICK_NANOS;
            ended += (tick + 1L) * jobsEachSecond / 10 - (long) tick * jobsEachSecond / 10;
            estimate.observe(nowNanos, new PersistBacklog(unfinished, DEPTH, ended));
        }
    }

    private double seconds() {
        return estimate.seconds().orElseThrow();
    }

    @Test
    void itIsTheJobsAboveHalfOfTheQueueAtTheRateAtWhichJobsEnd() {
        pass(20, 10, DEPTH);
        assertThat(seconds()).isCloseTo(12.5, within(0.01));
        pass(20, 10, 225);
        assertThat(seconds()).isCloseTo(10, within(0.01));
        pass(1, 10, DEPTH / 2);
        assertThat(seconds()).isZero();
    }

    @Test
    void anotherRateIsBelievedWithinAMinute() {
        pass(60, 10, DEPTH);
        pass(90, 50, DEPTH);
        assertThat(seconds()).isBetween(2.5, 3.0);
        pass(90, 10, DEPTH);
        assertThat(seconds()).isBetween(9.0, 12.5);
    }

    @Test
    void timeWithoutJobsIsNoSlowness() {
        pass(20, 10, DEPTH);
        pass(600, 0, 0);
        pass(1, 10, DEPTH);
        assertThat(seconds()).isCloseTo(12.5, within(0.1));
    }

    @Test
    void jobsThatEndInAQueueThatIsNotFullTellTheRateToo() {
        pass(20, 5, 3);
        pass(1, 5, DEPTH);
        assertThat(seconds()).isCloseTo(25, within(0.2));
    }

    @Test
    void whoIsRefusedHearsIt() {
        assertThat(delays.after(Reason.PERSIST_SATURATED))
                .as("nothing is known")
                .isEqualTo(Duration.ofMillis(7_500));
        pass(20, 10, DEPTH);
        assertThat(delays.after(Reason.PERSIST_SATURATED).toMillis())
                .as("12.5 s, half as much again")
                .isBetween(18_700L, 18_800L);
        pass(20, 1_000, DEPTH);
        pass(300, 1_000, DEPTH);
        assertThat(delays.after(Reason.PERSIST_SATURATED)).as("the least").isEqualTo(Duration.ofMillis(1_500));
        pass(1_000, 0, DEPTH);
        assertThat(delays.after(Reason.PERSIST_SATURATED))
                .as("nothing ends any more: the most")
                .isEqualTo(Duration.ofSeconds(45));
    }

    @Test
    void aQueueThatStandsStillForADayStaysAtTheMost() {
        pass(10, 10, DEPTH);
        pass(100_000, 0, DEPTH);
        assertThat(seconds()).isGreaterThan(1e9);
        assertThat(delays.after(Reason.PERSIST_SATURATED)).isEqualTo(Duration.ofSeconds(45));
    }
}
