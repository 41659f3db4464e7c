package io.sluice.rows;

import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.TimeStampNanoTZVector;

/// Rows of one partition, as columns in Arrow memory: immutable, in apply order, so that of two rows with one key the
/// later wins. A column that the table has and the batch has not is null in all its rows.
///
/// A batch holds references to its memory and is closed once, by whoever it was handed to; [#share] makes another
/// holder. The memory is released with the last of them. Any thread may read; to share a batch and to close that same
/// one at the same time is the caller's error.
public final class RowBatch implements AutoCloseable {
    private static final int UNKNOWN = -1;

    private final List<RowColumn> columns;
    private final Map<ColumnName, Place> byName;
    private final int rowCount;
    private final long minTimeNs;
    private final long maxTimeNs;
    private final TimeStampNanoTZVector time;
    private final long memoryBytes;
    private final Memory memory;
    private final AtomicBoolean closed = new AtomicBoolean();

    /// Takes the columns over.
    ///
    /// @param minTimeNs a lower bound of the rows' timestamps, nanoseconds since the epoch, inclusive
    /// @param maxTimeNs an upper bound of the rows' timestamps, nanoseconds since the epoch, inclusive
    /// @throws IllegalArgumentException if a column is of another length, stands twice, or `time` is missing
    public RowBatch(List<RowColumn> columns, int rowCount, long minTimeNs, long maxTimeNs) {
        this(columns, rowCount, minTimeNs, maxTimeNs, Optional.empty());
    }

    /// @param whole what the columns are a part of; closed with them
    private RowBatch(List<RowColumn> columns, int rowCount, long minTimeNs, long maxTimeNs, Optional<RowBatch> whole) {
        this.columns = List.copyOf(columns);
        this.rowCount = rowCount;
        this.minTimeNs = minTimeNs;
        this.maxTimeNs = maxTimeNs;
        this.byName = LinkedHashMap.newLinkedHashMap(columns.size());
        for (RowColumn column : columns) {
            ColumnName name = column.schema().name();
            if (column.values().getValueCount() != rowCount) {
                throw new IllegalArgumentException("column '%s' has %d rows: expected %d"
                        .formatted(name, column.values().getValueCount(), rowCount));
            }
            if (byName.put(name, new Place(column, byName.size())) != null) {
                throw new IllegalArgumentException("column '%s' stands twice".formatted(name));
            }
        }
        Place timePlace = byName.get(ColumnSchema.TIME_NAME);
        if (timePlace == null || timePlace.column().schema().kind() != ColumnKind.TIME) {
            throw new IllegalArgumentException("column 'time' is missing");
        }
        this.time = (TimeStampNanoTZVector) timePlace.column().values();
        // Here and not on demand: Arrow's getFieldBuffers writes to the vector, and readers are many.
        this.memoryBytes = memoryBytes(this.columns);
        this.memory = new Memory(this.columns, whole);
    }

    /// Another holder of a batch.
    private RowBatch(RowBatch other) {
        this.columns = other.columns;
        this.byName = other.byName;
        this.rowCount = other.rowCount;
        this.minTimeNs = other.minTimeNs;
        this.maxTimeNs = other.maxTimeNs;
        this.time = other.time;
        this.memoryBytes = other.memoryBytes;
        this.memory = other.memory;
        memory.holders.incrementAndGet();
    }

    /// A column, and where it stands among those of the batch.
    private record Place(RowColumn column, int number) {}

    /// The columns of a batch, and who holds them.
    private static final class Memory {
        private final List<RowColumn> columns;
        private final Optional<RowBatch> whole;
        private final AtomicInteger holders = new AtomicInteger(1);
        private volatile Runnable whenReleased = () -> {};
        /// By the columns' numbers; UNKNOWN until somebody asks. Whoever counts at the same time counts the same.
        private final AtomicIntegerArray nullCounts;

        Memory(List<RowColumn> columns, Optional<RowBatch> whole) {
            this.columns = columns;
            this.whole = whole;
            this.nullCounts = new AtomicIntegerArray(columns.size());
            for (int i = 0; i < columns.size(); i++) {
                nullCounts.setPlain(i, UNKNOWN);
            }
        }

        int nullCount(int column) {
            int count = nullCounts.get(column);
            if (count == UNKNOWN) {
                count = columns.get(column).values().getNullCount();
                nullCounts.set(column, count);
            }
            return count;
        }

        void release() {
            if (holders.decrementAndGet() == 0) {
                columns.forEach(RowColumn::close);
                whole.ifPresent(RowBatch::close);
                whenReleased.run();
            }
        }
    }

    /// In no particular order; `time` among them.
    public List<RowColumn> columns() {
        return columns;
    }

    public Optional<RowColumn> find(ColumnName name) {
        Place place = byName.get(name);
        return place == null ? Optional.empty() : Optional.of(place.column());
    }

    /// The place of a column among [#columns]; -1 if the batch lacks it.
    public int numberOf(ColumnName name) {
        Place place = byName.get(name);
        return place == null ? -1 : place.number();
    }

    /// How many rows of the column at a place among [#columns] are null. Counted once for all who share the batch.
    public int nullCount(int number) {
        return memory.nullCount(number);
    }

    /// How many rows of a column are null: all, if the batch lacks it. Counted once for all who share the batch.
    public int nullCount(ColumnName name) {
        Place place = byName.get(name);
        return place == null ? rowCount : memory.nullCount(place.number());
    }

    public TimeStampNanoTZVector time() {
        return time;
    }

    public int rowCount() {
        return rowCount;
    }

    /// No greater than any timestamp in the batch, nanoseconds since the epoch.
    public long minTimeNs() {
        return minTimeNs;
    }

    /// No less than any timestamp in the batch, nanoseconds since the epoch.
    public long maxTimeNs() {
        return maxTimeNs;
    }

    /// The first `rows` rows as a batch of its own over the same memory: no copy, and for all rows no work that depends
    /// on the number of columns. The caller closes it.
    ///
    /// @throws IllegalArgumentException unless `0 <= rows <= rowCount`
    public RowBatch share(int rows) {
        if (rows < 0 || rows > rowCount) {
            throw new IllegalArgumentException("rows is %d: expected 0 to %d".formatted(rows, rowCount));
        }
        RowBatch whole = new RowBatch(this);
        if (rows == rowCount) {
            return whole;
        }
        List<RowColumn> shared =
                columns.stream().map(column -> column.share(rows)).toList();
        return new RowBatch(shared, rows, minTimeNs, maxTimeNs, Optional.of(whole));
    }

    /// How many batches hold this memory, this one and parts of it among them.
    public int holders() {
        return memory.holders.get();
    }

    /// Has something done when the last holder has let go of the memory, by the thread that did. To be called by the
    /// owner before it closes the batch; of several calls the last one counts.
    public void whenReleased(Runnable action) {
        memory.whenReleased = action;
    }

    /// Forgets what was found out about where values stand. To be called by the owner when it lets go of the batch.
    public void dropLookups() {
        for (RowColumn column : columns) {
            if (column instanceof RowColumn.Tag tag) {
                tag.numbers().drop();
            }
        }
    }

    /// The same batch, the values of whose tags have their numbers in other indexes. It stands in the place of this
    /// one, which must not be used any more.
    public RowBatch indexedBy(TagIndexes indexes) {
        List<RowColumn> indexed = columns.stream()
                .map(column -> column instanceof RowColumn.Tag tag
                        ? tag.indexedBy(indexes.of(tag.schema().name()))
                        : column)
                .toList();
        return new RowBatch(indexed, rowCount, minTimeNs, maxTimeNs);
    }

    /// Bytes of Arrow memory that the batch keeps alive, dictionaries included.
    public long memoryBytes() {
        return memoryBytes;
    }

    private static long memoryBytes(List<RowColumn> columns) {
        long bytes = 0;
        for (RowColumn column : columns) {
            bytes += memoryBytes(column.values());
            if (column instanceof RowColumn.Tag tag) {
                bytes += memoryBytes(tag.dictionary());
            }
        }
        return bytes;
    }

    private static long memoryBytes(FieldVector vector) {
        long bytes = 0;
        for (var buffer : vector.getFieldBuffers()) {
            bytes += buffer.capacity();
        }
        return bytes;
    }

    /// Lets go of the batch's memory; calls after the first do nothing.
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            memory.release();
        }
    }
}
