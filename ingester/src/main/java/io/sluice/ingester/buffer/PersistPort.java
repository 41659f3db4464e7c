package io.sluice.ingester.buffer;

import io.sluice.persist.PersistRequest;
import io.sluice.persist.PersistedFile;
import java.util.concurrent.CompletionStage;

/// Where frozen rows go to become a file.
@FunctionalInterface
public interface PersistPort {
    /// Takes the request over. Never blocks and never completes the stage on the calling thread: it is called with the
    /// partition's lock held, so that a partition's requests are queued in the order of their numbers.
    CompletionStage<PersistedFile> enqueue(PersistRequest request);
}
