package io.sluice.wal;

import io.sluice.model.SequenceNumber;
import java.io.IOException;

/// The owner of a log: hears what concerns it as a whole, and tells it what it needs to know. Must not block and must
/// not throw.
public interface WalListener {
    /// All entries up to a number are durable, and their listeners were called. Called on the thread that called them,
    /// once for each group of entries, in order.
    default void completed(SequenceNumber through) {}

    /// A write or a sync failed; the log takes nothing from now on. Called once, on the log's thread, before the
    /// listeners of the entries that are lost.
    void failed(IOException cause);

    /// How many writes are on their way to the log or in it: what [GroupLimits#siblings] is compared with.
    default int writesInFlight() {
        return 0;
    }
}
