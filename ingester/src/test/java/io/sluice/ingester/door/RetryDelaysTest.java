package io.sluice.ingester.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.ingester.door.RetrySettings.Mode;
import io.sluice.ingester.door.WriteOutcome.Reason;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// When clients are told to come back.
final class RetryDelaysTest {
    private static final Duration MIN = Duration.ofSeconds(2);
    private static final Duration MAX = Duration.ofSeconds(20);

    private static RetryDelays of(Mode mode, double random) {
        return new RetryDelays(new RetrySettings(mode, MIN, MAX), () -> random);
    }

    @Test
    void aDelayIsAsLongAsItTakesWithinBoundsSpreadToTwice() {
        assertThat(of(Mode.ADAPTIVE, 0).after(7)).isEqualTo(Duration.ofSeconds(7));
        assertThat(of(Mode.ADAPTIVE, 0.5).after(7)).isEqualTo(Duration.ofMillis(10_500));
        assertThat(of(Mode.ADAPTIVE, 0).after(0.1)).isEqualTo(MIN);
        assertThat(of(Mode.ADAPTIVE, 0).after(21)).isEqualTo(MAX);
        assertThat(of(Mode.ADAPTIVE, 0).after(Double.POSITIVE_INFINITY)).isEqualTo(MAX);
        assertThat(of(Mode.ADAPTIVE, 0).after(Double.NaN)).isEqualTo(MAX);
        assertThat(of(Mode.ADAPTIVE, 0.5).after(-1)).isEqualTo(Duration.ofSeconds(3));
    }

    @Test
    void aConstantDelayDependsOnNothing() {
        RetryDelays delays = of(Mode.CONSTANT, 0.25);
        assertThat(delays.after(0.1)).isEqualTo(Duration.ofMillis(6_250));
        assertThat(delays.after(1_000)).isEqualTo(Duration.ofMillis(6_250));
    }

    @Test
    void settingsChangeWhileRunning() {
        RetryDelays delays = of(Mode.ADAPTIVE, 0);
        delays.reconfigure(new RetrySettings(Mode.ADAPTIVE, Duration.ofMillis(100), Duration.ofMillis(200)));
        assertThat(delays.after(50)).isEqualTo(Duration.ofMillis(200));
    }

    @Test
    void eachReasonHasADelayAndAnEstimateWins() {
        RetryDelays delays = of(Mode.ADAPTIVE, 0.5);
        for (Reason reason : Reason.values()) {
            assertThat(delays.after(reason)).as("%s", reason).isBetween(Duration.ofSeconds(1), Duration.ofSeconds(10));
        }
        assertThat(delays.after(Reason.GRACEFUL_STOP)).isEqualTo(Duration.ofSeconds(3));
        delays.estimate(Reason.PERSIST_SATURATED, () -> OptionalDouble.of(12));
        assertThat(delays.after(Reason.PERSIST_SATURATED)).isEqualTo(Duration.ofSeconds(18));
        delays.estimate(Reason.PERSIST_SATURATED, OptionalDouble::empty);
        assertThat(delays.after(Reason.PERSIST_SATURATED)).isEqualTo(Duration.ofMillis(7_500));
    }

    @Test
    void nonsenseIsRefused() {
        assertThatThrownBy(() -> new RetrySettings(Mode.ADAPTIVE, Duration.ZERO, MAX))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new RetrySettings(Mode.ADAPTIVE, MAX, MIN))
                .isInstanceOf(IllegalArgumentException.class);
    }

    /// A thousand are refused at one moment. None comes back early, and no tenth of the time until the last is back has
    /// much more than a tenth of them.
    @Test
    void aHerdThatIsRefusedTogetherDoesNotComeBackTogether() {
        int herd = 1_000;
        for (long seed = 1; seed <= 20; seed++) {
            Random random = new Random(seed);
            RetryDelays delays = new RetryDelays(random::nextDouble);
            for (double seconds : new double[] {0, 1, 7, 1_000}) {
                List<Duration> back = new ArrayList<>();
                for (int i = 0; i < herd; i++) {
                    back.add(delays.after(seconds));
                }
                double first = Math.clamp(seconds, 1, 30);
                int[] tenths = new int[10];
                for (Duration delay : back) {
                    double past = delay.toNanos() / 1e9 - first;
                    assertThat(past).as("seed %d", seed).isBetween(0.0, first);
                    tenths[Math.min(9, (int) (10 * past / first))]++;
                }
                for (int tenth : tenths) {
                    assertThat(tenth).as("seed %d, %s s", seed, seconds).isBetween(50, 160);
                }
                assertThat(Collections.max(back))
                        .isGreaterThan(Collections.min(back).multipliedBy(3).dividedBy(2));
            }
        }
    }

    /// Clients that come back when they were told, to a server with 100 places which each needs for a second: all are
    /// served, nobody is refused more often than it takes, and no moment sees half of the herd.
    @Test
    void aHerdIsServedInAboutTheTimeThatItsWorkTakes() {
        int herd = 1_000;
        int places = 100;
        for (long seed = 1; seed <= 10; seed++) {
            Random random = new Random(seed);
            RetryDelays delays = new RetryDelays(random::nextDouble);
            record Arrival(double at, int client) {}
            var queue = new java.util.PriorityQueue<Arrival>(java.util.Comparator.comparingDouble(Arrival::at));
            for (int client = 0; client < herd; client++) {
                queue.add(new Arrival(0, client));
            }
            var leaving = new java.util.PriorityQueue<Double>();
            double last = 0;
            int asked = 0;
            int served = 0;
            while (!queue.isEmpty()) {
                Arrival next = queue.poll();
                asked++;
                while (!leaving.isEmpty() && leaving.peek() <= next.at()) {
                    leaving.poll();
                }
                if (leaving.size() < places) {
                    leaving.add(next.at() + 1);
                    served++;
                    last = next.at();
                } else {
                    // 100 in flight at 100 a second: one second.
                    queue.add(new Arrival(next.at() + delays.after(1).toNanos() / 1e9, next.client()));
                }
            }
            assertThat(served).isEqualTo(herd);
            assertThat(last).as("seed %d: the work of 10 s", seed).isLessThan(30);
            assertThat(asked).as("seed %d", seed).isLessThan(15 * herd);
        }
    }
}
