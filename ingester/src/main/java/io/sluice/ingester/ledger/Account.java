package io.sluice.ingester.ledger;

import java.util.Locale;

/// Who holds bytes. Each byte is in one account at a time.
public enum Account {
    /// Requests of writes between admission and outcome.
    REQUESTS,
    /// Requests of writes that wait to be admitted.
    WAITING,
    /// HTTP bodies that are being read, or whose outcome is not known yet.
    BODIES,
    /// Rows that are not frozen.
    FILLING,
    /// Rows on their way to a file, until it is in the catalog and no query reads them.
    FROZEN,
    /// Copies that queries send, and what they put rows in order with.
    QUERIES,
    /// Writes of the log that were read and are not applied yet.
    REPLAY,
    /// gRPC messages that are not complete. They lie in the network's buffers, which have a part of the memory and a
    /// limit of their own: who is one too many is refused there. So it does not count for the marks.
    ARRIVING,
    /// What persist jobs take beside the frozen rows. It has a reserve of its own, so that a full ledger can be
    /// emptied, and does not count for the marks.
    PERSISTING;

    /// Whether what it holds has room of its own, so that it does not count for the marks.
    public boolean isApart() {
        return switch (this) {
            case ARRIVING, PERSISTING -> true;
            case REQUESTS, WAITING, BODIES, FILLING, FROZEN, QUERIES, REPLAY -> false;
        };
    }

    /// As in metrics and reports: `filling`.
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
