package io.sluice.wal;

import io.sluice.model.SequenceNumber;
import java.io.IOException;

/// Hears what became of one entry; one of the two is called, once, on the log's thread, in log order. Must not block
/// and must not throw.
public interface AppendListener {
    /// The entry is on disk and has this number.
    void durable(SequenceNumber sequence);

    /// The log failed: the entry may or may not be found by the next start.
    void failed(IOException cause);
}
