package io.sluice.ingester.buffer;

import io.sluice.model.SequenceNumber;
import io.sluice.rows.RowBatch;
import io.sluice.rows.TagIndexes;
import io.sluice.rows.TimeRange;
import java.util.List;
import java.util.function.LongConsumer;

/// Rows of one partition that change no more: their memory, and which write each row came from. Owned by its partition.
final class Chunk implements AutoCloseable {
    private final RowBatch rows;
    private final SequenceRuns runs;

    /// Takes the rows over.
    Chunk(RowBatch rows, SequenceRuns runs) {
        this.rows = rows;
        this.runs = runs;
    }

    /// A chunk whose rows all came from one write.
    static Chunk ofOneWrite(RowBatch rows, SequenceNumber sequence) {
        SequenceRuns runs = new SequenceRuns();
        runs.add(sequence, rows.rowCount());
        return new Chunk(rows, runs);
    }

    /// The same chunk, with its tags in other indexes; it stands in the place of this one.
    Chunk indexedBy(TagIndexes indexes) {
        return new Chunk(rows.indexedBy(indexes), runs);
    }

    /// The rows. They stay this chunk's.
    RowBatch rows() {
        return rows;
    }

    SequenceRuns runs() {
        return runs;
    }

    /// How many of the first rows belong to writes up to `asOf`.
    int rowsThrough(SequenceNumber asOf) {
        return runs.rowsThrough(asOf);
    }

    /// References to the first `rowCount` rows. The caller closes them.
    RowBatch share(int rowCount) {
        return rows.share(rowCount);
    }

    /// Whether there may be a row of some times. Looks at no row.
    boolean mayHave(TimeRange times) {
        return times.overlaps(rows.minTimeNs(), rows.maxTimeNs());
    }

    /// Adds references to those rows of chunks that belong to writes up to `asOf`, and returns how many chunks it left
    /// out, as they have no row of the times. The caller closes the references.
    static int share(List<Chunk> chunks, SequenceNumber asOf, TimeRange times, List<RowBatch> into) {
        int pruned = 0;
        for (Chunk chunk : chunks) {
            if (!chunk.mayHave(times)) {
                pruned++;
                continue;
            }
            int rows = chunk.rowsThrough(asOf);
            if (rows > 0) {
                into.add(chunk.share(rows));
            }
        }
        return pruned;
    }

    /// Lets go of the chunk; when nobody reads it any more, it is forgotten and its bytes are told.
    void letGo(LongConsumer releasedBytes) {
        rows.whenReleased(() -> {
            rows.dropLookups();
            releasedBytes.accept(memoryBytes());
        });
        close();
    }

    int rowCount() {
        return rows.rowCount();
    }

    long memoryBytes() {
        return rows.memoryBytes() + runs.memoryBytes();
    }

    @Override
    public void close() {
        rows.close();
    }
}
