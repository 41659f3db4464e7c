package io.sluice.ingester.sink;

import io.sluice.ingester.door.ShapedRows;
import io.sluice.model.NamespaceName;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableSchema;
import io.sluice.rows.RowBatch;
import io.sluice.wal.AppendSession;
import java.util.List;

/// A write that has passed every check: what the log stores, and the same rows by partition, ready to be applied. Held
/// by one thread at a time; closed once, or taken apart by the buffer.
public final class WriteOperation implements AutoCloseable {
    private final byte[] payload;
    private final NamespaceName namespace;
    private final List<PartitionWrite> partitions;
    private AppendSession session = new AppendSession();
    private SequenceNumber sequence = SequenceNumber.NONE;

    /// Takes the rows over.
    ///
    /// @param payload the bytes of the `sluice.v1.WriteRequest`
    /// @param partitions each partition at most once
    public WriteOperation(byte[] payload, NamespaceName namespace, List<PartitionWrite> partitions) {
        this.payload = payload;
        this.namespace = namespace;
        this.partitions = List.copyOf(partitions);
    }

    /// The rows of one write that belong to one partition.
    public sealed interface PartitionWrite extends AutoCloseable {
        /// Where they go.
        PreparedPartition partition();

        /// Of the table, at least as new as the rows.
        TableSchema schema();

        int rowCount();

        /// Bytes of Arrow memory that the rows hold.
        long memoryBytes();

        /// Releases the rows, and lets go of the partition.
        @Override
        void close();
    }

    /// Rows in Arrow memory: to apply them is to link them.
    public record CopiedRows(PreparedPartition partition, TableSchema schema, RowBatch rows) implements PartitionWrite {
        @Override
        public int rowCount() {
            return rows.rowCount();
        }

        @Override
        public long memoryBytes() {
            return rows.memoryBytes();
        }

        @Override
        public void close() {
            rows.close();
            partition.close();
        }
    }

    /// Few rows, which lie in the request: to apply them is to copy them from there to where small writes gather.
    public record ReceivedRows(PreparedPartition partition, TableSchema schema, ShapedRows rows)
            implements PartitionWrite {
        @Override
        public int rowCount() {
            return rows.rowCount();
        }

        @Override
        public long memoryBytes() {
            return 0;
        }

        @Override
        public void close() {
            partition.close();
        }
    }

    /// The request as it was received. Not to be changed.
    public byte[] payload() {
        return payload;
    }

    public NamespaceName namespace() {
        return namespace;
    }

    public List<PartitionWrite> partitions() {
        return partitions;
    }

    public long rowCount() {
        return partitions.stream().mapToLong(PartitionWrite::rowCount).sum();
    }

    /// Bytes of Arrow memory that the write holds.
    public long memoryBytes() {
        return partitions.stream().mapToLong(PartitionWrite::memoryBytes).sum();
    }

    /// Makes the write one of several of which none must be in the log without those before it. Before it is handed on.
    public void join(AppendSession writes) {
        session = writes;
    }

    /// The writes that it must not be without; itself alone if it [joined][#join] none.
    AppendSession session() {
        return session;
    }

    /// Gives the write its place in the order, once.
    public void assign(SequenceNumber number) {
        if (!sequence.equals(SequenceNumber.NONE)) {
            throw new IllegalStateException("write has number %s already, not %s".formatted(sequence, number));
        }
        sequence = number;
    }

    /// The write's number.
    ///
    /// @throws IllegalStateException if none was assigned
    public SequenceNumber sequence() {
        if (sequence.equals(SequenceNumber.NONE)) {
            throw new IllegalStateException("write has no number yet");
        }
        return sequence;
    }

    /// Releases the rows.
    @Override
    public void close() {
        partitions.forEach(PartitionWrite::close);
    }
}
