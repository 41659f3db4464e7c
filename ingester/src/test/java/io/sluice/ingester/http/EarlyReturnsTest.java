package io.sluice.ingester.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class EarlyReturnsTest {
    private final List<Duration> waits = new ArrayList<>();
    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private long nowNs = Long.MAX_VALUE - 1_000_000_000L; // near the end, where sums overflow
    private final EarlyReturns early = new EarlyReturns(() -> nowNs, waits::add, metrics);

    private static InetSocketAddress client(int port) {
        return InetSocketAddress.createUnresolved("client", port);
    }

    @Test
    void whoComesBackTooEarlyWaitsUntilItsTimeAndNobodyElseDoes() throws Exception {
        early.refused(client(1), Duration.ofMillis(1_500));
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
        early.refused(client(1), Duration.ofMillis(1_500));
        nowNs += Duration.ofMillis(1_500).toNanos();
        assertThat(early.await(client(1))).isFalse();
        assertThat(waits).isEmpty();
    }

    @Test
    void nobodyWaitsForLongerThanItsClientWould() throws Exception {
        early.refused(client(1), Duration.ofMinutes(1));
        assertThat(early.await(client(1))).isTrue();
        assertThat(waits).containsExactly(EarlyReturns.LONGEST_WAIT);
    }

    @Test
    void connectionsThatNeverComeBackAreForgotten() throws Exception {
        for (int port = 1; port <= EarlyReturns.MAX_CONNECTIONS; port++) {
            early.refused(client(port), Duration.ofSeconds(1));
        }
        early.refused(client(60_000), Duration.ofSeconds(1));
        assertThat(early.await(client(60_000))).isFalse();
        assertThat(waits).as("there was no place to remember it").isEmpty();
        nowNs += Duration.ofSeconds(1).toNanos();
        early.refused(client(60_000), Duration.ofSeconds(1));
        assertThat(early.await(client(60_000))).isTrue();
        assertThat(waits).containsExactly(Duration.ofSeconds(1));
    }
}
