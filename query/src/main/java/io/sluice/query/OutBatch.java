package io.sluice.query;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/// One batch of a stream as Arrow's IPC format lays it out, in pieces of memory: that of chunks where rows are sent as
/// they are, and a batch's own for the rest. It holds all of it until it is closed, once, by whatever thread is last to
/// need it. Immutable.
public final class OutBatch implements AutoCloseable {
    private final int rowCount;
    private final int[] nullCounts;
    private final List<Pieces> buffers;
    private final List<Runnable> releases;
    private final AtomicBoolean closed = new AtomicBoolean();

    /// @param nullCounts of each column
    /// @param buffers of the columns, one after the other as the format has them; one of validity is empty
    ///     where no row is null
    /// @param releases let go of the memory
    OutBatch(int rowCount, int[] nullCounts, List<Pieces> buffers, List<Runnable> releases) {
        this.rowCount = rowCount;
        this.nullCounts = nullCounts.clone();
        this.buffers = List.copyOf(buffers);
        this.releases = new ArrayList<>(releases);
    }

    /// How many rows.
    public int rowCount() {
        return rowCount;
    }

    /// How many columns.
    public int columnCount() {
        return nullCounts.length;
    }

    /// How many rows of a column are null.
    public int nullCount(int column) {
        return nullCounts[column];
    }

    /// The buffers of all columns.
    public List<Pieces> buffers() {
        return buffers;
    }

    /// Lets go of the memory; calls after the first do nothing.
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            releases.forEach(Runnable::run);
        }
    }
}
