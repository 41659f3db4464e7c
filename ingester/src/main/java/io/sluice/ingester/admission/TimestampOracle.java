package io.sluice.ingester.admission;

import io.sluice.model.SequenceNumber;
import io.sluice.wal.SequenceSource;

/// The logical clock of one ingester: numbers writes densely, in the order in which they take their places in the
/// log. Only the log's thread asks.
public final class TimestampOracle implements SequenceSource {
    private SequenceNumber last;

    /// @param last the last number given before; NONE if there was none
    public TimestampOracle(SequenceNumber last) {
        this.last = last;
    }

    @Override
    public SequenceNumber next() {
        last = last.next();
        return last;
    }
}
