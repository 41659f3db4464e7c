package io.sluice.ingester.sink;

import io.sluice.model.SequenceNumber;

/// The highest number that is durable and applied, with all before it: what a query that starts now sees. One thread
/// publishes, any thread reads; whoever learns of a write through its ack reads a mark at least that high.
public final class StableWatermark {
    private volatile SequenceNumber stable = SequenceNumber.NONE;

    /// Moves the mark on.
    ///
    /// @throws IllegalArgumentException if the mark would go back
    public void publish(SequenceNumber number) {
        if (stable.isAfter(number)) {
            throw new IllegalArgumentException("stable is %s already: found %s".formatted(stable, number));
        }
        stable = number;
    }

    public SequenceNumber stable() {
        return stable;
    }
}
