package io.sluice.ingester.buffer;

import io.sluice.ingester.door.ShapedRows;
import io.sluice.ingester.door.WriteShape;
import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.SequenceNumber;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import io.sluice.rows.TagIndexes;
import io.sluice.rows.TimeRange;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.arrow.memory.BufferAllocator;
import org.jspecify.annotations.Nullable;

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
    private TagIndexes indexes;
    private SequenceRuns runs = new SequenceRuns();
    /// The shape of the request that was appended last, and where each of its columns went.
    private @Nullable WriteShape lastShape;

    private ColumnAppender[] lastTargets = {};
    /// All columns have room for so many rows.
    private int ensuredRows;
    /// How many rows there will be, as far as anybody has told; memory is taken for so many at once.
    private int expectedRows;
    private int rowCount;
    private long minTimeNs = Long.MAX_VALUE;
    private long maxTimeNs = Long.MIN_VALUE;

    /// @param indexes of the tags of the chunks that will be read with this one
    OpenChunk(BufferAllocator allocator, TagIndexes indexes) {
        this.allocator = allocator;
        this.indexes = indexes;
    }

    /// The next chunk will be read with others than the last one. Called while the chunk is empty.
    void use(TagIndexes next) {
        indexes = next;
    }

    static boolean isSmall(RowBatch batch) {
        return isSmall(batch.rowCount(), batch.memoryBytes());
    }

    static boolean isSmall(int rowCount, long lengthBytes) {
        return rowCount < SMALL_ROWS && lengthBytes < SMALL_BYTES;
    }

    /// Copies the rows to the end of the chunk; the batch stays the caller's.
    ///
    /// @throws org.apache.arrow.memory.OutOfMemoryException if there is no memory; the chunk's rows are
    ///     then as before
    void append(RowBatch batch, SequenceNumber sequence) {
        append(batch);
        runs.add(sequence, rowCount);
    }

    /// Copies the rows of several writes to the end of the chunk; they stay the caller's.
    ///
    /// @throws org.apache.arrow.memory.OutOfMemoryException if there is no memory; the chunk's rows are
    ///     then as before
    void append(Chunk chunk) {
        int startRow = rowCount;
        append(chunk.rows());
        runs.addAll(chunk.runs(), startRow);
    }

    /// Copies rows to the end of the chunk, from the request itself.
    ///
    /// @throws org.apache.arrow.memory.OutOfMemoryException if there is no memory; the chunk's rows are
    ///     then as before
    void append(ShapedRows rows, SequenceNumber sequence) {
        int endRow = rowCount + rows.rowCount();
        ColumnAppender[] targets = rows.shape() == lastShape ? reserve(rows, lastTargets) : reserve(rows);
        ensure(endRow);
        for (int i = 0; i < targets.length; i++) {
            targets[i].append(rows, i, rowCount);
        }
        minTimeNs = Math.min(minTimeNs, rows.minTimeNs());
        maxTimeNs = Math.max(maxTimeNs, rows.maxTimeNs());
        rowCount = endRow;
        runs.add(sequence, rowCount);
    }

    /// One chunk of the rows of several, which stay the caller's.
    ///
    /// @throws org.apache.arrow.memory.OutOfMemoryException if there is no memory
    static Chunk unite(List<Chunk> parts, TagIndexes indexes, BufferAllocator allocator) {
        try (OpenChunk united = new OpenChunk(allocator, indexes)) {
            for (Chunk part : parts) {
                united.expectedRows += part.rowCount();
            }
            parts.forEach(united::append);
            return united.seal();
        }
    }

    private static ColumnAppender[] reserve(ShapedRows rows, ColumnAppender[] targets) {
        for (int i = 0; i < targets.length; i++) {
            targets[i].reserve(rows, i);
        }
        return targets;
    }

    /// Of columns that are not those of the request before: some may be new here.
    private ColumnAppender[] reserve(ShapedRows rows) {
        List<ColumnSchema> schemas = rows.shape().columns();
        ColumnAppender[] targets = new ColumnAppender[schemas.size()];
        List<ColumnName> added = new ArrayList<>(0);
        boolean done = false;
        try {
            for (int i = 0; i < targets.length; i++) {
                targets[i] = appender(schemas.get(i), added);
                targets[i].reserve(rows, i);
            }
            ensure(rowCount + rows.rowCount());
            done = true;
        } finally {
            if (!done) {
                remove(added);
            }
        }
        lastShape = rows.shape();
        lastTargets = targets;
        return targets;
    }

    private ColumnAppender appender(ColumnSchema schema, List<ColumnName> added) {
        ColumnAppender known = columns.get(schema.name());
        if (known != null) {
            return known;
        }
        ColumnAppender created = ColumnAppender.create(schema, indexes, allocator);
        columns.put(schema.name(), created);
        added.add(schema.name());
        ensuredRows = 0;
        return created;
    }

    /// Of all columns: those that a write lacks are null in its rows.
    private void ensure(int rows) {
        if (rows > ensuredRows) {
            ensureAll(Math.max(rows, expectedRows));
        }
    }

    private void ensureAll(int rows) {
        long room = Integer.MAX_VALUE;
        for (ColumnAppender column : columns.values()) {
            column.ensure(rows);
            room = Math.min(room, column.roomRows());
        }
        ensuredRows = (int) room;
    }

    private void remove(List<ColumnName> added) {
        added.forEach(name -> Objects.requireNonNull(columns.remove(name)).close());
    }

    private void append(RowBatch batch) {
        int endRow = rowCount + batch.rowCount();
        // All memory first: half a write would show, and its values would stand in the rows of the write behind it.
        List<ColumnName> added = new ArrayList<>();
        boolean done = false;
        try {
            for (RowColumn column : batch.columns()) {
                appender(column.schema(), added).reserve(column, batch.rowCount());
            }
            ensure(endRow);
            done = true;
        } finally {
            if (!done) {
                remove(added);
            }
        }
        for (RowColumn column : batch.columns()) {
            Objects.requireNonNull(columns.get(column.schema().name())).append(column, batch.rowCount(), rowCount);
        }
        rowCount = endRow;
        minTimeNs = Math.min(minTimeNs, batch.minTimeNs());
        maxTimeNs = Math.max(maxTimeNs, batch.maxTimeNs());
    }

    /// Tells how many rows there will be, so that memory need not grow by and by. They may become more or less.
    void expect(int rows) {
        expectedRows = Math.min(rows, FULL_ROWS);
    }

    /// The chunk behind a full one will be as full, so that its memory is taken at once: to grow by and by copies each
    /// row twice, while whoever reads waits. Rows whose memory would make it full are not expected.
    void expectAsMany(int rows, long lengthBytes) {
        if (lengthBytes < FULL_BYTES) {
            expect(rows);
        }
    }

    boolean isEmpty() {
        return rowCount == 0;
    }

    /// Whether so many rows more would be more than a chunk has: then memory for twice as many would be taken.
    boolean isFullWith(int rows) {
        return rowCount + rows > FULL_ROWS;
    }

    boolean isFull() {
        return rowCount >= FULL_ROWS || memoryBytes() >= FULL_BYTES;
    }

    int rowCount() {
        return rowCount;
    }

    /// Whether there may be a row of some times.
    boolean mayHave(TimeRange times) {
        return times.overlaps(minTimeNs, maxTimeNs);
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
        lastShape = null;
        lastTargets = new ColumnAppender[0];
        ensuredRows = 0;
        expectedRows = 0;
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
