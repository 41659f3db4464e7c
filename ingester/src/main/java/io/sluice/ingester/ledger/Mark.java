package io.sluice.ingester.ledger;

/// How full the ledger is, from nothing to do to nothing more to take.
public enum Mark {
    /// Nothing to do.
    CALM,
    /// The largest partitions are persisted.
    PERSIST,
    /// More is persisted, and earlier, and streams of writes are slowed down.
    PRESS,
    /// Writes are refused, and replay waits.
    FULL;

    /// Whether it is this one or a higher one.
    public boolean isAtLeast(Mark other) {
        return compareTo(other) >= 0;
    }
}
