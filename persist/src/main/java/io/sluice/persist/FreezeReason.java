package io.sluice.persist;

/// Why rows were frozen, and so why their file exists.
public enum FreezeReason {
    /// The partition's bytes reached the hot limit.
    HOT,
    /// The partition's oldest row reached the maximum age.
    AGE,
    /// The ledger passed its high-water mark.
    MEMORY,
    /// The log came near its limit, and the partition held its oldest segment.
    LOG,
    /// A namespace came near the partitions that it may have rows of.
    PARTITIONS,
    /// Somebody asked for it.
    RPC,
    /// The process stops.
    SHUTDOWN,
    /// The log was replayed under an id that is given up.
    REPLAY
}
