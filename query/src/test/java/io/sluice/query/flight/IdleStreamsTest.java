package io.sluice.query.flight;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.query.flight.IdleStreams.Client;
import io.sluice.query.flight.IdleStreams.Outcome;
import io.sluice.query.flight.IdleStreams.Reader;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/// A stream that waits, and a clock that is set by hand.
final class IdleStreamsTest {
    private static final long SECOND_NS = 1_000_000_000L;

    private final AtomicLong nowNs = new AtomicLong(-5);
    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final IdleStreams idle = new IdleStreams(new FlightSettings(Duration.ofSeconds(60)), nowNs::get, metrics);
    private final FakeReader reader = new FakeReader();
    private final Client client = idle.join(reader);

    /// A client that is told when to read and when to go.
    private final class FakeReader implements Reader {
        private volatile boolean ready;
        private volatile boolean cancelled;
        private volatile boolean hasReadAll;

        void read() {
            ready = true;
            client.wake();
        }

        void readAll() {
            hasReadAll = true;
            client.wake();
        }

        void cancel() {
            cancelled = true;
            client.wake();
        }

        @Override
        public boolean isReady() {
            return ready;
        }

        @Override
        public boolean isCancelled() {
            return cancelled;
        }

        @Override
        public boolean hasReadAll() {
            return hasReadAll;
        }
    }

    private CompletableFuture<Outcome> waiting() {
        return waiting(client::await);
    }

    private CompletableFuture<Outcome> waiting(Supplier<Outcome> wait) {
        CompletableFuture<Outcome> outcome = new CompletableFuture<>();
        Thread.ofVirtual().start(() -> outcome.complete(wait.get()));
        while (idle.waiting() == 0) {
            Thread.onSpinWait();
        }
        return outcome;
    }

    private void pass(long seconds) {
        nowNs.addAndGet(seconds * SECOND_NS);
        idle.endIdle();
    }

    @Test
    void aStreamThatWaitsIsEndedAtTheTimeoutAndNotBefore() {
        CompletableFuture<Outcome> outcome = waiting();
        pass(59);
        assertThat(idle.waiting()).isEqualTo(1);
        assertThat(outcome).isNotDone();
        pass(1);
        assertThat(outcome.join()).isEqualTo(Outcome.IDLE);
        assertThat(idle.waiting()).isZero();
        assertThat(metrics.get("sluice.query.idle.ended").counter().count()).isEqualTo(1);
    }

    @Test
    void anotherTimeoutCountsForStreamsThatWaitAlready() {
        CompletableFuture<Outcome> outcome = waiting();
        pass(40);
        idle.reconfigure(new FlightSettings(Duration.ofSeconds(50)));
        pass(9);
        assertThat(outcome).isNotDone();
        pass(1);
        assertThat(outcome.join()).isEqualTo(Outcome.IDLE);
    }

    @Test
    void eachWaitBeginsAnew() {
        CompletableFuture<Outcome> first = waiting();
        pass(59);
        reader.read();
        assertThat(first.join()).isEqualTo(Outcome.READY);
        reader.ready = false;
        pass(30);
        CompletableFuture<Outcome> second = waiting();
        pass(59);
        assertThat(second).isNotDone();
        reader.read();
        assertThat(second.join()).isEqualTo(Outcome.READY);
        assertThat(metrics.get("sluice.query.idle.ended").counter().count()).isZero();
    }

    @Test
    void aClientThatReadsOrHasGoneIsNotIdleHoweverLateItIs() {
        reader.read();
        pass(1_000);
        assertThat(client.await()).isEqualTo(Outcome.READY);
        reader.ready = false;
        CompletableFuture<Outcome> outcome = waiting();
        reader.cancel();
        assertThat(outcome.join()).isEqualTo(Outcome.CANCELLED);
        pass(1_000);
        assertThat(client.await()).isEqualTo(Outcome.CANCELLED);
        assertThat(metrics.get("sluice.query.idle.ended").counter().count()).isZero();
    }

    @Test
    void whoWaitsForEverythingToBeReadIsNotContentWithRoom() {
        reader.read();
        CompletableFuture<Outcome> first = waiting(client::awaitAll);
        pass(59);
        assertThat(first).isNotDone();
        reader.readAll();
        assertThat(first.join()).isEqualTo(Outcome.READY);
        reader.hasReadAll = false;
        CompletableFuture<Outcome> second = waiting(client::awaitAll);
        pass(60);
        assertThat(second.join()).isEqualTo(Outcome.IDLE);
    }
}
