package io.sluice.ingester.sink;

import io.sluice.model.SequenceNumber;
import java.util.concurrent.CompletionStage;

/// One step of the write path.
public interface WriteSink {
    /// Takes a write over: whatever comes of it, the sink releases its memory or hands it on.
    ///
    /// @return completes with the write's number when this step and all behind it are done; exceptionally
    ///     with a [WriteRefusedException] if nothing was done, with an [OutcomeUnknownException] if it may
    ///     have been
    CompletionStage<SequenceNumber> apply(WriteOperation operation);
}
