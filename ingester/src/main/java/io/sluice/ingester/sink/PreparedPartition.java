package io.sluice.ingester.sink;

import io.sluice.model.SequenceNumber;

/// A place that will take the rows of one write, made by the sink at the chain's end: it stays until this is closed,
/// which is done once.
public interface PreparedPartition extends AutoCloseable {
    /// Up to which write the partition is in files; may be more later.
    SequenceNumber persistedThrough();

    @Override
    void close();
}
