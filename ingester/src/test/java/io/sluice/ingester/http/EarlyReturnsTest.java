package io.sluice.ingester.http;

import static org.assertj.core.api.Assertions.assertThat;

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

    private void refuse(InetSocketAddress client, Duration retryAfter) {
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
    void whoIsNotRememberedIsNotPresent() {
        for (int port = 1; port <= EarlyReturns.MAX_CONNECTIONS + 10; port++) {
            refuse(client(port), Duration.ofSeconds(1));
        }
        assertThat(work.present()).isEqualTo(EarlyReturns.MAX_CONNECTIONS);
        nowNs += Duration.ofSeconds(3).toNanos();
        refuse(client(1), Duration.ofSeconds(1));
        assertThat(work.present()).isEqualTo(1);
    }
}
