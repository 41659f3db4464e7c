package io.sluice.wal;

import io.sluice.model.SequenceNumber;
import java.io.IOException;

/// Hears what became of one entry; one of the three is called, once, in log order, by one of the log's threads. Must
/// not block and must not throw.
public interface AppendListener {
    /// The entry is on disk and has this number.
    void durable(SequenceNumber sequence);

    /// The entry was queued, and then there was no room for it: nothing was written, and nothing ever will be.
    void refused(WalRefusedException refusal);

    /// The log failed: the entry may or may not be found by the next start.
    void failed(IOException cause);
}
