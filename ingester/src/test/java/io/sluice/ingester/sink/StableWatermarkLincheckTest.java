package io.sluice.ingester.sink;

import io.sluice.ingester.sink.StableWatermark.StableListener;
import io.sluice.model.SequenceNumber;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.StressOptions;
import org.jetbrains.lincheck.datastructures.Validate;
import org.junit.jupiter.api.Test;

/// Invariant 1 in whatever order threads meet: an acknowledged write is stable for whoever knows of the
/// ack, and a subscriber hears exactly once, not before its number is stable.
public class StableWatermarkLincheckTest {
    private final StableWatermark stable = new StableWatermark();
    private final List<Subscriber> subscribers = new CopyOnWriteArrayList<>();
    private volatile long published;
    private volatile long acknowledged;

    private final class Subscriber implements StableListener {
        private final long number;
        private final AtomicInteger calls = new AtomicInteger();
        private volatile boolean isEarly;

        Subscriber(long number) {
            this.number = number;
        }

        @Override
        public void stable() {
            isEarly |= stable.stable().value() < number;
            calls.incrementAndGet();
        }

        @Override
        public void failed(IOException cause) {
            throw new AssertionError(cause);
        }
    }

    /// Only one thread at a time publishes.
    @Operation(nonParallelGroup = "publisher")
    public long publish() {
        long next = published + 1;
        published = next;
        stable.publish(new SequenceNumber(next));
        acknowledged = next;
        return next;
    }

    @Operation
    public void subscribeToNext() {
        subscribe(acknowledged + 1);
    }

    @Operation
    public void subscribeToTheOneAfter() {
        subscribe(acknowledged + 2);
    }

    private void subscribe(long number) {
        Subscriber subscriber = new Subscriber(number);
        subscribers.add(subscriber);
        var _ = stable.onStable(new SequenceNumber(number), subscriber);
    }

    @Operation
    public boolean whatIsAcknowledgedIsStable() {
        long known = acknowledged;
        return stable.stable().value() >= known;
    }

    /// Called when all threads are done.
    @Validate
    public void everybodyHeardOnceIfItsNumberIsStable() {
        for (Subscriber subscriber : subscribers) {
            int expected = subscriber.number <= stable.stable().value() ? 1 : 0;
            if (subscriber.calls.get() != expected || subscriber.isEarly) {
                throw new IllegalStateException("subscriber to %d, stable is %s: expected %d calls, found %d, early: %s"
                        .formatted(
                                subscriber.number,
                                stable.stable(),
                                expected,
                                subscriber.calls.get(),
                                subscriber.isEarly));
            }
        }
    }

    @Test
    void inEveryOrderThatStressFinds() {
        new StressOptions()
                .iterations(5)
                .invocationsPerIteration(300)
                .threads(2)
                .actorsPerThread(3)
                .check(StableWatermarkLincheckTest.class);
    }
}
