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
    /// What persist jobs take beside the frozen rows. It has a reserve of its own, so that a full ledger can be
    /// emptied,
    /// and does not count for the marks.
    PERSISTING;

    /// As in metrics and reports: `filling`.
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
