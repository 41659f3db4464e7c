package io.sluice.ingester.buffer;

import io.sluice.model.ColumnName;
import io.sluice.model.SequenceNumber;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.arrow.memory.BufferAllocator;

/// Where the rows of small writes gather, so that a thousand writes of one row do not make a thousand chunks. Appending
/// never changes what a reader has taken references to. Guarded by its partition's lock.
final class OpenChunk implements AutoCloseable {
    /// Writes below both limits are copied here; larger ones become chunks of their own, which costs no copy.
    private static final int SMALL_ROWS = 1_024;

    private static final long SMALL_BYTES = 1 << 20;
    /// A chunk this large is sealed: what a reader holds on to stays small, and string offsets stay far from overflow.
    private static final int FULL_ROWS = 32_768;

    private static final long FULL_BYTES = 16 << 20;

    private final BufferAllocator allocator;
    private final Map<ColumnName, ColumnAppender> columns = new LinkedHashMap<>();
    private SequenceRuns runs = new SequenceRuns();
    private int rowCount;
    private long minTimeNs = Long.MAX_VALUE;
    private long maxTimeNs = Long.MIN_VALUE;

    OpenChunk(BufferAllocator allocator) {
        this.allocator = allocator;
    }

    static boolean isSmall(RowBatch batch) {
        return batch.rowCount() < SMALL_ROWS && batch.memoryBytes() < SMALL_BYTES;
    }

    /// Copies the rows to the end of the chunk; the batch stays the caller's.
    ///
    /// @throws org.apache.arrow.memory.OutOfMemoryException if there is no memory; the chunk's rows are
    ///     then as before
    void append(RowBatch batch, SequenceNumber sequence) {
        int endRow = rowCount + batch.rowCount();
        // All memory first: half a write would show, and its values would stand in the rows of the write behind it.
        List<ColumnName> added = new ArrayList<>();
        boolean done = false;
        try {
            for (RowColumn column : batch.columns()) {
                ColumnAppender appender =
                        columns.computeIfAbsent(column.schema().name(), name -> {
                            added.add(name);
                            return ColumnAppender.create(column.schema(), allocator);
                        });
                appender.reserve(column, batch.rowCount());
            }
            columns.values().forEach(column -> column.ensure(endRow));
            done = true;
        } finally {
            if (!done) {
                added.forEach(
                        name -> Objects.requireNonNull(columns.remove(name)).close());
            }
        }
        for (RowColumn column : batch.columns()) {
            Objects.requireNonNull(columns.get(column.schema().name())).append(column, batch.rowCount(), rowCount);
        }
        rowCount = endRow;
        minTimeNs = Math.min(minTimeNs, batch.minTimeNs());
        maxTimeNs = Math.max(maxTimeNs, batch.maxTimeNs());
        runs.add(sequence, rowCount);
    }

    boolean isEmpty() {
        return rowCount == 0;
    }

    boolean isFull() {
        return rowCount >= FULL_ROWS || memoryBytes() >= FULL_BYTES;
    }

    int rowCount() {
        return rowCount;
    }

    /// How many of the first rows belong to writes up to `asOf`.
    int rowsThrough(SequenceNumber asOf) {
        return runs.rowsThrough(asOf);
    }

    /// References to the first `rows` rows. The caller closes them.
    RowBatch share(int rows) {
        List<RowColumn> shared = new ArrayList<>(columns.size());
        boolean done = false;
        try {
            columns.values().forEach(column -> shared.add(column.share(rows)));
            RowBatch batch = new RowBatch(shared, rows, minTimeNs, maxTimeNs);
            done = true;
            return batch;
        } finally {
            if (!done) {
                shared.forEach(RowColumn::close);
            }
        }
    }

    /// The rows gathered so far, as a chunk; this one is empty afterwards.
    Chunk seal() {
        Chunk chunk = new Chunk(share(rowCount), runs);
        close();
        columns.clear();
        runs = new SequenceRuns();
        rowCount = 0;
        minTimeNs = Long.MAX_VALUE;
        maxTimeNs = Long.MIN_VALUE;
        return chunk;
    }

    long memoryBytes() {
        long bytes = columns.isEmpty() ? 0 : runs.memoryBytes();
        for (ColumnAppender column : columns.values()) {
            bytes += column.memoryBytes();
        }
        return bytes;
    }

    @Override
    public void close() {
        columns.values().forEach(ColumnAppender::close);
    }
}
