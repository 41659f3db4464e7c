package io.sluice.persist;

/// Where a persist job is.
public enum PersistStage {
    /// Behind other jobs of its lane.
    QUEUED,
    /// Asking the catalog how far the partition is in files.
    CHECK,
    /// Waiting for memory, or for one of the slots.
    GATE,
    /// Agreeing with other ingesters on the table's sort key.
    SORT_KEY,
    /// Sorting, and merging rows of equal keys.
    MERGE,
    /// Encoding, and handing over to the object store what is encoded.
    ENCODE,
    /// Waiting for the object store to have all of it for good.
    UPLOAD,
    /// Recording the file in the catalog.
    CATALOG,
    /// Waiting to be tried again after a failure that may pass by itself. Its lane waits with it.
    RETRY,
    /// Waiting to be tried again after a failure that somebody should look at. Only its partition waits with it.
    PARKED
}
