package io.sluice.ingester.buffer;

import io.sluice.model.SequenceNumber;
import io.sluice.persist.PersistedFile;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/// Rows of one partition that are on their way to a file: immutable, and readable until the file is in the catalog.
///
/// @param minSequence above everything that was frozen or persisted before
/// @param firstSequence the first write that has rows here
/// @param maxSequence the partition's persisted-through once the file is recorded
/// @param sinceNs when the oldest row was applied, by the nano clock
/// @param done completes when the file is recorded and the rows are released; exceptionally if the job was
///     given up
record Frozen(
        SequenceNumber minSequence,
        SequenceNumber firstSequence,
        SequenceNumber maxSequence,
        List<Chunk> chunks,
        long memoryBytes,
        long sinceNs,
        CompletableFuture<PersistedFile> done)
        implements AutoCloseable {
    @Override
    public void close() {
        chunks.forEach(Chunk::close);
    }
}
