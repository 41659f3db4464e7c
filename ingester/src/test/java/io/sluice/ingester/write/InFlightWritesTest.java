package io.sluice.ingester.write;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.write.InFlightWrites.Permit;
import java.time.Duration;
import org.junit.jupiter.api.Test;

final class InFlightWritesTest {
    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final InFlightWrites writes = new InFlightWrites(2, 100, metrics);

    @Test
    void noMoreWritesThanTheLimitAreInFlight() {
        Permit first = writes.tryEnter(1).orElseThrow();
        Permit second = writes.tryEnter(1).orElseThrow();
        assertThat(writes.tryEnter(1)).isEmpty();
        first.close();
        Permit third = writes.tryEnter(1).orElseThrow();
        assertThat(writes.tryEnter(1)).isEmpty();
        second.close();
        third.close();
        assertThat(writes.writes()).isZero();
    }

    @Test
    void bytesFillTheirBudgetExactlyAndNotOneMore() {
        try (Permit _ = writes.tryEnter(60).orElseThrow()) {
            assertThat(writes.tryEnter(41)).isEmpty();
            try (Permit _ = writes.tryEnter(40).orElseThrow()) {
                assertThat(writes.bytes()).isEqualTo(100);
                assertThat(metrics.get("sluice.inflight.bytes").gauge().value()).isEqualTo(100);
                assertThat(metrics.get("sluice.inflight.writes").gauge().value())
                        .isEqualTo(2);
            }
        }
        assertThat(writes.bytes()).isZero();
    }

    @Test
    void aWriteLargerThanTheBudgetGoesAlone() {
        try (Permit _ = writes.tryEnter(1_000).orElseThrow()) {
            assertThat(writes.tryEnter(1)).isEmpty();
        }
        try (Permit _ = writes.tryEnter(1).orElseThrow()) {
            assertThat(writes.tryEnter(1_000)).isEmpty();
        }
    }

    @Test
    void aPermitGivenBackTwiceCountsOnce() {
        Permit kept = writes.tryEnter(10).orElseThrow();
        Permit closedTwice = writes.tryEnter(20).orElseThrow();
        closedTwice.close();
        closedTwice.close();
        assertThat(writes.writes()).isEqualTo(1);
        assertThat(writes.bytes()).isEqualTo(10);
        kept.close();
    }

    @Test
    void aRefusalSaysLimitsAndUse() {
        try (Permit _ = writes.tryEnter(30).orElseThrow()) {
            assertThat(writes.describeLimit())
                    .contains("1 of 2 writes (--max-concurrent-writes)")
                    .contains("30 of 100 bytes (--inflight-bytes)");
        }
    }

    @Test
    void waitingEndsAtOnceIfNoneIsInFlightAndInVainIfOneStays() throws InterruptedException {
        assertThat(writes.awaitNone(Duration.ZERO)).isTrue();
        try (Permit _ = writes.tryEnter(1).orElseThrow()) {
            assertThat(writes.awaitNone(Duration.ZERO)).isFalse();
        }
        assertThat(writes.awaitNone(Duration.ZERO)).isTrue();
    }

    @Test
    void whoeverWaitsIsWokenByTheLastPermit() throws InterruptedException {
        Permit last = writes.tryEnter(1).orElseThrow();
        Thread other = new Thread(last::close, "closer");
        other.start();
        assertThat(writes.awaitNone(Duration.ofMinutes(1))).isTrue();
        other.join();
    }
}
