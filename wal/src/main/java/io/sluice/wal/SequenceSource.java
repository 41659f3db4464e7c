package io.sluice.wal;

import io.sluice.model.SequenceNumber;

/// Numbers entries. Asked by the log's thread alone, once for each entry, as the entry takes its place.
@FunctionalInterface
public interface SequenceSource {
    /// The next number: one above the last.
    SequenceNumber next();
}
