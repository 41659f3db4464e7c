package io.sluice.wal;

/// What replay does about bytes that should be an entry and are not.
public enum CorruptionPolicy {
    /// Keep a copy in the quarantine folder, go on behind it, report.
    QUARANTINE,
    /// Stop the start.
    FAIL
}
