package io.sluice.ingester.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.admission.WorkQueue;
import io.sluice.ingester.fixture.Admissions;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class EarlyReturnsTest {
    private final List<Duration> waits = new ArrayList<>();
    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private long nowNs = Long.MAX_VALUE - 1_000_000_000L; // near the end, where sums overflow
    private final WorkQueue work = Admissions.work(Runnable::run);
    private final List<Integer> presentInWaits = new ArrayList<>();
    private final EarlyReturns early = new EarlyReturns(() -> nowNs, this::pause, metrics);

    private void pause(Duration duration) {
        waits.add(duration);
        presentInWaits.add(work.present());
    }

    private static InetSocketAddress client(int port) {
        return InetSocketAddress.createUnresolved("client", port);
    }

    private void refuse(InetSocketAddress client, Duration retryAfter) throws InterruptedException {
        early.refused(client, retryAfter, work.enter());
    }

    @Test
    void whoComesBackTooEarlyWaitsUntilItsTimeAndNobodyElseDoes() throws Exception {
        refuse(client(1), Duration.ofMillis(1_500));
        nowNs += Duration.ofMillis(400).toNanos();
        assertThat(early.await(client(2))).isFalse();
        assertThat(waits).isEmpty();
        assertThat(early.await(client(1))).isTrue();
        assertThat(waits).containsExactly(Duration.ofMillis(1_100));
        assertThat(early.await(client(1))).isFalse();
        assertThat(waits).as("once for each refusal").hasSize(1);
        assertThat(metrics.get("sluice.http.early.returns").counter().count()).isEqualTo(1);
    }

    @Test
    void whoCameEarlyWaitsForItsNextRefusalsAndNotAgainBehindThem() throws Exception {
        refuse(client(1), Duration.ofMillis(1_500));
        assertThat(early.await(client(1))).isTrue();
        for (int i = 0; i < 3; i++) {
            waits.clear();
            assertThat(early.await(client(1))).isFalse();
            assertThat(waits).isEmpty();
            refuse(client(1), Duration.ofMillis(1_200));
            assertThat(waits).containsExactly(Duration.ofMillis(1_200));
            assertThat(presentInWaits.getLast()).as("it waits for its answer").isEqualTo(1);
            assertThat(work.present()).as("it is to come back").isEqualTo(1);
        }
        refuse(client(2), Duration.ofMillis(1_200));
        assertThat(waits).as("nobody else").hasSize(1);
    }

    @Test
    void whoComesBackAsToldIsForgiven() throws Exception {
        refuse(client(1), Duration.ofMillis(1_500));
        assertThat(early.await(client(1))).isTrue();
        refuse(client(1), Duration.ofMillis(1_500));
        nowNs += Duration.ofMillis(1_500).toNanos();
        assertThat(early.await(client(1))).isFalse();
        waits.clear();
        refuse(client(1), Duration.ofMillis(1_500));
        assertThat(waits).isEmpty();
    }

    @Test
    void whoIsNotRefusedForLongIsForgiven() throws Exception {
        refuse(client(1), Duration.ofMillis(1_500));
        assertThat(early.await(client(1))).isTrue();
        waits.clear();
        nowNs += Duration.ofMillis(11_499).toNanos();
        assertThat(early.await(client(3))).isFalse();
        refuse(client(1), Duration.ofMillis(100));
        assertThat(waits).as("within ten seconds").hasSize(1);
        assertThat(early.await(client(1))).isFalse();
        nowNs += Duration.ofMillis(10_100).toNanos();
        assertThat(early.await(client(3))).isFalse();
        refuse(client(1), Duration.ofMillis(100));
        assertThat(waits).hasSize(1);
    }

    @Test
    void whoIsToldToStopWaitingIsNotPresent() {
        EarlyReturns stopping = new EarlyReturns(
                () -> nowNs,
                _ -> {
                    throw new InterruptedException();
                },
                metrics);
        InetSocketAddress client = client(1);
        assertThatThrownBy(() -> {
                    stopping.refused(client, Duration.ofSeconds(1), work.enter());
                    stopping.await(client);
                })
                .isInstanceOf(InterruptedException.class);
        assertThat(work.present()).isZero();
        assertThatThrownBy(() -> stopping.refused(client, Duration.ofSeconds(1), work.enter()))
                .isInstanceOf(InterruptedException.class);
        assertThat(work.present()).isZero();
    }

    @Test
    void whoWaitsAsToldDoesNotWaitHere() throws Exception {
        refuse(client(1), Duration.ofMillis(1_500));
        nowNs += Duration.ofMillis(1_500).toNanos();
        assertThat(early.await(client(1))).isFalse();
        assertThat(waits).isEmpty();
    }

    @Test
    void nobodyWaitsForLongerThanItsClientWould() throws Exception {
        refuse(client(1), Duration.ofMinutes(1));
        assertThat(early.await(client(1))).isTrue();
        assertThat(waits).containsExactly(EarlyReturns.LONGEST_WAIT);
    }

    @Test
    void connectionsThatNeverComeBackAreForgotten() throws Exception {
        for (int port = 1; port <= EarlyReturns.MAX_CONNECTIONS; port++) {
            refuse(client(port), Duration.ofSeconds(1));
        }
        refuse(client(60_000), Duration.ofSeconds(1));
        assertThat(early.await(client(60_000))).isFalse();
        assertThat(waits).as("there was no place to remember it").isEmpty();
        nowNs += Duration.ofSeconds(1).toNanos();
        refuse(client(60_000), Duration.ofSeconds(1));
        assertThat(early.await(client(60_000))).isTrue();
        assertThat(waits).containsExactly(Duration.ofSeconds(1));
    }

    @Test
    void whoIsToComeBackIsPresentUntilItIsBackOrDoesNotCome() throws Exception {
        refuse(client(1), Duration.ofMillis(1_500));
        refuse(client(2), Duration.ofMillis(1_500));
        refuse(client(2), Duration.ofMillis(1_500));
        assertThat(work.present()).as("once, though it was refused twice").isEqualTo(2);
        assertThat(early.await(client(1))).isTrue();
        assertThat(presentInWaits).as("it waits for its answer").containsExactly(2);
        assertThat(work.present()).isEqualTo(1);
        nowNs += Duration.ofMillis(2_400).toNanos();
        assertThat(early.await(client(3))).isFalse();
        assertThat(work.present()).as("as long as it may come").isEqualTo(1);
        nowNs += Duration.ofMillis(100).toNanos();
        assertThat(early.await(client(3))).isFalse();
        assertThat(work.present()).isZero();
        assertThat(early.await(client(2))).isFalse();
    }

    @Test
    void whoIsNotRememberedIsNotPresent() throws Exception {
        for (int port = 1; port <= EarlyReturns.MAX_CONNECTIONS + 10; port++) {
            refuse(client(port), Duration.ofSeconds(1));
        }
        assertThat(work.present()).isEqualTo(EarlyReturns.MAX_CONNECTIONS);
        nowNs += Duration.ofSeconds(3).toNanos();
        refuse(client(1), Duration.ofSeconds(1));
        assertThat(work.present()).isEqualTo(1);
    }
}
