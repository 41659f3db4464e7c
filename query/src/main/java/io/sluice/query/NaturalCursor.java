package io.sluice.query;

import io.sluice.query.QuerySource.PartitionRows;
import io.sluice.rows.RowBatch;
import java.util.List;
import java.util.Optional;

/// The rows of a partition as they were written, chunk after chunk. A chunk is looked at when its turn has come.
final class NaturalCursor implements PartitionCursor {
    private final PartitionRows rows;
    private final ChunkSelector selector;
    private final BatchBuilder batch;
    private int nextChunk;
    private Optional<RowBatch> current = Optional.empty();
    private Selection selection = Selection.none();
    private List<Optional<Source>> sources = List.of();
    private int place;
    private boolean closed;

    /// Takes the rows over.
    ///
    /// @param batch what the rows will be put into
    NaturalCursor(PartitionRows rows, ChunkSelector selector, BatchBuilder batch) {
        this.rows = rows;
        this.selector = selector;
        this.batch = batch;
    }

    /// Finds the first matching row. To be called once, before all else.
    NaturalCursor begin() {
        advance();
        return this;
    }

    private void advance() {
        while (place == selection.count() && nextChunk < rows.batches().size()) {
            RowBatch chunk = rows.batches().get(nextChunk++);
            current = Optional.of(chunk);
            selection = selector.select(chunk);
            place = 0;
            if (selection.count() > 0) {
                sources = batch.sources(chunk);
            }
        }
    }

    @Override
    public boolean hasMore() {
        return place < selection.count();
    }

    @Override
    public void fill(BatchBuilder into, long max) {
        long left = max;
        while (hasMore() && left > 0) {
            int taken = into.append(current.orElseThrow(), sources, selection, place, left);
            if (taken == 0) {
                return;
            }
            left -= taken;
            place += taken;
            advance();
        }
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            rows.close();
        }
    }
}
