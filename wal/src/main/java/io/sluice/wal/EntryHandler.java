package io.sluice.wal;

import io.sluice.model.SequenceNumber;
import java.io.IOException;

/// Takes the entries of a replay, in order.
@FunctionalInterface
public interface EntryHandler {
    /// Takes one entry.
    ///
    /// @param payload as it was appended; the handler's own from now on
    void entry(SequenceNumber sequence, byte[] payload) throws IOException, InterruptedException;
}
