package io.sluice.ingester.buffer;

import io.sluice.model.SequenceNumber;
import io.sluice.persist.PersistedFile;
import io.sluice.rows.RowBatch;
import io.sluice.rows.TimeRange;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/// Batches of a partition that are on their way to files, the oldest first. Guarded by its partition's lock.
final class FrozenBatches {
    private final Deque<Frozen> batches = new ArrayDeque<>();
    private long memoryBytes;

    void add(Frozen batch) {
        batches.addLast(batch);
        memoryBytes += batch.memoryBytes();
    }

    Optional<Frozen> oldest() {
        return Optional.ofNullable(batches.peekFirst());
    }

    /// Takes the oldest one out; its chunks are the caller's.
    void removeOldest() {
        memoryBytes -= batches.removeFirst().memoryBytes();
    }

    boolean isEmpty() {
        return batches.isEmpty();
    }

    int count() {
        return batches.size();
    }

    long memoryBytes() {
        return memoryBytes;
    }

    long rowCount() {
        long rows = 0;
        for (Frozen batch : batches) {
            for (Chunk chunk : batch.chunks()) {
                rows += chunk.rowCount();
            }
        }
        return rows;
    }

    /// Adds references to all rows of writes up to `asOf`, and returns how many chunks it left out, as they have no row
    /// of the times.
    int share(SequenceNumber asOf, TimeRange times, List<RowBatch> into) {
        int pruned = 0;
        for (Frozen batch : batches) {
            pruned += Chunk.share(batch.chunks(), asOf, times, into);
        }
        return pruned;
    }

    /// What completes when all of them are in files, one for each.
    List<CompletableFuture<PersistedFile>> outstanding() {
        return batches.stream().map(Frozen::done).toList();
    }

    /// Releases all rows.
    void release() {
        for (Frozen batch : batches) {
            batch.chunks().forEach(chunk -> chunk.rows().dropLookups());
            batch.close();
        }
        batches.clear();
        memoryBytes = 0;
    }
}
