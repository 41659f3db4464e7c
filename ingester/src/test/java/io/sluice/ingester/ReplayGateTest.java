package io.sluice.ingester;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.fixture.Admissions;
import io.sluice.query.QueryRefusedException;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

final class ReplayGateTest {
    private static final Duration LONG = Duration.ofHours(1);

    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();

    private static Future<?> begin(ExecutorService threads, ReplayGate gate) {
        return threads.submit(() -> {
            gate.await();
            return true;
        });
    }

    private void awaitWaiting(int count) {
        while (metrics.get("sluice.query.waiting.replay").gauge().value() != count) {
            Thread.onSpinWait();
        }
    }

    @Test
    void queriesWaitUntilTheLogIsReplayedAndNotAfterwards() throws Exception {
        ReplayGate gate = new ReplayGate(() -> 2, LONG, Admissions.delays(), metrics);
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<?> first = begin(threads, gate);
            Future<?> second = begin(threads, gate);
            awaitWaiting(2);
            assertThat(first.isDone()).isFalse();
            assertThatThrownBy(gate::await)
                    .isInstanceOf(QueryRefusedException.class)
                    .hasMessageContainingAll("being replayed", "2 queries", "--admission-query-streaming");
            gate.open();
            assertThat(first.get()).isEqualTo(true);
            assertThat(second.get()).isEqualTo(true);
        }
        assertThat(gate.waiting()).isZero();
        gate.stop();
        gate.await();
    }

    @Test
    void asManyWaitAsMayAtThatMoment() throws Exception {
        AtomicInteger limit = new AtomicInteger(1);
        ReplayGate gate = new ReplayGate(limit::get, LONG, Admissions.delays(), metrics);
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<?> first = begin(threads, gate);
            awaitWaiting(1);
            assertThatThrownBy(gate::await).hasMessageContaining("1 queries");
            limit.set(2);
            Future<?> second = begin(threads, gate);
            awaitWaiting(2);
            limit.set(1);
            assertThatThrownBy(gate::await).isInstanceOf(QueryRefusedException.class);
            gate.open();
            assertThat(first.get()).isEqualTo(true);
            assertThat(second.get()).isEqualTo(true);
        }
    }

    @Test
    void aStopRefusesThoseWhoWaitAndThoseWhoCome() throws Exception {
        ReplayGate gate = new ReplayGate(() -> 2, LONG, Admissions.delays(), metrics);
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<?> waiting = begin(threads, gate);
            awaitWaiting(1);
            gate.stop();
            assertThatThrownBy(waiting::get)
                    .isInstanceOf(ExecutionException.class)
                    .cause()
                    .isInstanceOf(QueryRefusedException.class)
                    .hasMessageContaining("stopping");
        }
        assertThatThrownBy(gate::await).hasMessageContaining("stopping");
    }

    @Test
    void whoHasWaitedLongEnoughIsRefused() {
        ReplayGate gate = new ReplayGate(() -> 2, Duration.ofNanos(1), Admissions.delays(), metrics);
        assertThatThrownBy(gate::await)
                .isInstanceOf(QueryRefusedException.class)
                .hasMessageContainingAll("starting", "being replayed");
        assertThat(gate.waiting()).isZero();
    }

    @Test
    void whoHasGoneWaitsNoLonger() throws Exception {
        ReplayGate gate = new ReplayGate(() -> 1, LONG, Admissions.delays(), metrics);
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<?> gone = begin(threads, gate);
            awaitWaiting(1);
            gone.cancel(true);
            awaitWaiting(0);
            Future<?> next = begin(threads, gate);
            awaitWaiting(1);
            gate.open();
            assertThat(next.get()).isEqualTo(true);
        }
    }
}
