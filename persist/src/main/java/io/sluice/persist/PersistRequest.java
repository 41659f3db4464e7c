package io.sluice.persist;

import io.sluice.model.IngesterId;
import io.sluice.model.PartitionId;
import io.sluice.model.PartitionKey;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableSchema;
import io.sluice.rows.RowBatch;
import java.util.List;

/// The frozen rows of one partition that are to become one file. It holds references to the batches' memory;
/// whoever takes the request closes it.
///
/// @param schema of the table, at least as new as every batch
/// @param minSequence above everything of the partition that is in files or in an earlier request
/// @param maxSequence no write of the rows is above
/// @param batches in apply order, at least one row in all
public record PersistRequest(
        TableSchema schema,
        PartitionKey key,
        IngesterId ingester,
        SequenceNumber minSequence,
        SequenceNumber maxSequence,
        List<RowBatch> batches,
        FreezeReason reason)
        implements AutoCloseable {
    /// @throws IllegalArgumentException if there are no rows
    public PersistRequest {
        batches = List.copyOf(batches);
        if (batches.stream().mapToLong(RowBatch::rowCount).sum() < 1) {
            throw new IllegalArgumentException("persist request without rows for " + schema.table() + " " + key);
        }
    }

    public PartitionId partition() {
        return new PartitionId(schema.tableId(), key);
    }

    /// Rows before merging equal keys.
    public long rowCount() {
        return batches.stream().mapToLong(RowBatch::rowCount).sum();
    }

    /// Bytes of Arrow memory that the request keeps alive.
    public long memoryBytes() {
        return batches.stream().mapToLong(RowBatch::memoryBytes).sum();
    }

    @Override
    public void close() {
        batches.forEach(RowBatch::close);
    }
}
