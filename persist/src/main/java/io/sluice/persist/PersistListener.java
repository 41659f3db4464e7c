package io.sluice.persist;

import io.sluice.persist.catalog.StaleEpochException;

/// Learns what the rest of the process has to act on. Called from any thread, never under a lock; what it throws is
/// logged and changes nothing.
public interface PersistListener {
    /// The queue became full (writes should be refused), or half of it is free again. Calls come one after another,
    /// in the order of the changes.
    void saturated(boolean isSaturated);

    /// Another process was started under this ingester's id, so this one must end: it cannot record files any more,
    /// and its jobs fail with `cause`. May be called more than once.
    void fenced(StaleEpochException cause);
}
