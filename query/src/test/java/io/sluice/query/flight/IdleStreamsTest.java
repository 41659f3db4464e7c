package io.sluice.query.flight;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.query.flight.IdleStreams.Client;
import io.sluice.query.flight.IdleStreams.Outcome;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.arrow.flight.FlightProducer.ServerStreamListener;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.ipc.message.IpcOption;
import org.junit.jupiter.api.Test;

/// A stream that waits, and a clock that is set by hand.
final class IdleStreamsTest {
    private static final long SECOND_NS = 1_000_000_000L;

    private final AtomicLong nowNs = new AtomicLong(-5);
    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final IdleStreams idle = new IdleStreams(new FlightSettings(Duration.ofSeconds(60)), nowNs::get, metrics);
    private final FakeListener listener = new FakeListener();
    private final Client client = idle.join(listener, () -> {});

    /// A client that is told when to read and when to go.
    private static final class FakeListener implements ServerStreamListener {
        private volatile boolean ready;
        private volatile boolean cancelled;
        private Runnable onReady = () -> {};
        private Runnable onCancel = () -> {};

        void read() {
            ready = true;
            onReady.run();
        }

        void cancel() {
            cancelled = true;
            onCancel.run();
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
        public void setOnReadyHandler(Runnable handler) {
            onReady = handler;
        }

        @Override
        public void setOnCancelHandler(Runnable handler) {
            onCancel = handler;
        }

        @Override
        public void start(VectorSchemaRoot root, DictionaryProvider dictionaries, IpcOption option) {
            throw new IllegalStateException("nothing is sent here");
        }

        @Override
        public void putNext() {
            throw new IllegalStateException("nothing is sent here");
        }

        @Override
        public void putNext(ArrowBuf metadata) {
            throw new IllegalStateException("nothing is sent here");
        }

        @Override
        public void putMetadata(ArrowBuf metadata) {
            throw new IllegalStateException("nothing is sent here");
        }

        @Override
        public void error(Throwable failure) {
            throw new IllegalStateException("nothing is sent here");
        }

        @Override
        public void completed() {
            throw new IllegalStateException("nothing is sent here");
        }
    }

    private CompletableFuture<Outcome> waiting() {
        CompletableFuture<Outcome> outcome = new CompletableFuture<>();
        Thread.ofVirtual().start(() -> outcome.complete(client.await()));
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
    void eachWaitBeginsAnew() {
        CompletableFuture<Outcome> first = waiting();
        pass(59);
        listener.read();
        assertThat(first.join()).isEqualTo(Outcome.READY);
        listener.ready = false;
        pass(30);
        CompletableFuture<Outcome> second = waiting();
        pass(59);
        assertThat(second).isNotDone();
        listener.read();
        assertThat(second.join()).isEqualTo(Outcome.READY);
        assertThat(metrics.get("sluice.query.idle.ended").counter().count()).isZero();
    }

    @Test
    void aClientThatReadsOrHasGoneIsNotIdleHoweverLateItIs() {
        listener.read();
        pass(1_000);
        assertThat(client.await()).isEqualTo(Outcome.READY);
        listener.ready = false;
        CompletableFuture<Outcome> outcome = waiting();
        listener.cancel();
        assertThat(outcome.join()).isEqualTo(Outcome.CANCELLED);
        pass(1_000);
        assertThat(client.await()).isEqualTo(Outcome.CANCELLED);
        assertThat(metrics.get("sluice.query.idle.ended").counter().count()).isZero();
    }
}
