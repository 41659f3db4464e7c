package io.sluice.ingester.buffer;

import io.sluice.ingester.door.ShapedRows;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableSchema;
import io.sluice.rows.TagIndexes;
import org.apache.arrow.memory.BufferAllocator;

/// Rows of neighbouring writes that belong to one partition, copied side by side from the writes themselves, so that a
/// thousand writes of one row cost the memory and the work of one write of a thousand. What is in files already is left
/// out. For one thread at a time; closed once, or taken over by [BufferTree#apply(GatheredRows)].
public final class GatheredRows implements AutoCloseable {
    private final PartitionBuffer partition;
    /// Up to here the partition is in files. More will be only when what is gathered here was applied.
    private final SequenceNumber persistedThrough;

    private final OpenChunk rows;
    private TableSchema schema;
    private SequenceNumber first = SequenceNumber.NONE;
    private SequenceNumber last = SequenceNumber.NONE;

    /// @param partition pinned; is let go with this
    GatheredRows(TableSchema schema, PartitionBuffer partition, BufferAllocator allocator) {
        this.schema = schema;
        this.partition = partition;
        this.persistedThrough = partition.persistedThrough();
        this.rows = new OpenChunk(allocator, new TagIndexes());
    }

    /// Whether a write's rows of one table are few enough to be gathered with others.
    ///
    /// @param lengthBytes of the request
    public static boolean isSmall(int rowCount, int lengthBytes) {
        return OpenChunk.isSmall(rowCount, lengthBytes);
    }

    /// Tells how many rows will have been appended in the end, as far as can be told.
    public void expect(int rowCount) {
        rows.expect(rowCount);
    }

    /// Copies all rows of a table, which belong to this partition, unless they are in files.
    ///
    /// @param written the table's schema, at least as new as the rows
    /// @param sequence above that of all rows that are here
    /// @throws org.apache.arrow.memory.OutOfMemoryException if there is no memory; the rows are then as
    ///     before
    public void append(TableSchema written, ShapedRows source, SequenceNumber sequence) {
        if (!sequence.isAfter(persistedThrough)) {
            return;
        }
        rows.append(source, sequence);
        if (written.columns().size() > schema.columns().size()) {
            schema = written;
        }
        if (first.equals(SequenceNumber.NONE)) {
            first = sequence;
        }
        last = sequence;
    }

    /// How many rows there are.
    public int rowCount() {
        return rows.rowCount();
    }

    /// Whether there are no rows.
    boolean isEmpty() {
        return rows.isEmpty();
    }

    TableSchema schema() {
        return schema;
    }

    PartitionBuffer partition() {
        return partition;
    }

    SequenceNumber first() {
        return first;
    }

    SequenceNumber last() {
        return last;
    }

    /// Takes the rows out; this has none afterwards.
    Chunk take() {
        return rows.seal();
    }

    @Override
    public void close() {
        rows.close();
        partition.close();
    }
}
