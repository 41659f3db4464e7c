package io.sluice.rows;

import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.TimeStampNanoTZVector;

/// Rows of one partition, as columns in Arrow memory: immutable, in apply order, so that of two rows with one key the
/// later wins. A column that the table has and the batch has not is null in all its rows.
///
/// A batch holds references to its memory and is closed once, by whoever it was handed to; [#share] makes another
/// holder. Any thread may read; to share and to close at the same time is the caller's error.
public final class RowBatch implements AutoCloseable {
    private final List<RowColumn> columns;
    private final Map<ColumnName, RowColumn> byName;
    private final int rowCount;
    private final long minTimeNs;
    private final long maxTimeNs;
    private final TimeStampNanoTZVector time;
    private final long memoryBytes;

    /// Takes the columns over.
    ///
    /// @param minTimeNs a lower bound of the rows' timestamps, nanoseconds since the epoch, inclusive
    /// @param maxTimeNs an upper bound of the rows' timestamps, nanoseconds since the epoch, inclusive
    /// @throws IllegalArgumentException if a column is of another length, stands twice, or `time` is missing
    public RowBatch(List<RowColumn> columns, int rowCount, long minTimeNs, long maxTimeNs) {
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
            if (byName.put(name, column) != null) {
                throw new IllegalArgumentException("column '%s' stands twice".formatted(name));
            }
        }
        RowColumn timeColumn = byName.get(ColumnSchema.TIME_NAME);
        if (timeColumn == null || timeColumn.schema().kind() != ColumnKind.TIME) {
            throw new IllegalArgumentException("column 'time' is missing");
        }
        this.time = (TimeStampNanoTZVector) timeColumn.values();
        // Here and not on demand: Arrow's getFieldBuffers writes to the vector, and readers are many.
        this.memoryBytes = memoryBytes(this.columns);
    }

    /// In no particular order; `time` among them.
    public List<RowColumn> columns() {
        return columns;
    }

    public Optional<RowColumn> find(ColumnName name) {
        return Optional.ofNullable(byName.get(name));
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

    /// The first `rows` rows as a batch of its own over the same memory: no copy. The caller closes it.
    ///
    /// @throws IllegalArgumentException unless `0 <= rows <= rowCount`
    public RowBatch share(int rows) {
        if (rows < 0 || rows > rowCount) {
            throw new IllegalArgumentException("rows is %d: expected 0 to %d".formatted(rows, rowCount));
        }
        return new RowBatch(columns.stream().map(column -> column.share(rows)).toList(), rows, minTimeNs, maxTimeNs);
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

    /// Releases the references to the batch's memory.
    @Override
    public void close() {
        columns.forEach(RowColumn::close);
    }
}
