package io.sluice.query;

import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionKey;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.rows.RowBatch;
import io.sluice.rows.TimeRange;
import java.util.List;
import java.util.Optional;

/// Where queries find rows: the port that the buffer implements. Any thread may call any method.
public interface QuerySource {
    /// Begins to read a table: fixes the set of its partitions and the last write that is seen. Empty if there is no
    /// such table.
    Optional<TableScan> scan(NamespaceName namespace, TableName table);

    /// The schemas of all tables that can be read, in no particular order.
    List<TableSchema> tables();

    /// One table at one moment. Holds no rows.
    interface TableScan {
        TableSchema schema();

        IngesterId ingester();

        /// The stream shows this write and all before it, and none after it.
        SequenceNumber asOf();

        /// Each partition once, by key.
        List<Partition> partitions();
    }

    /// One partition of a scan.
    interface Partition {
        PartitionKey key();

        /// Takes references to the rows that the scan shows and that are not in files at this moment. The caller closes
        /// them.
        ///
        /// @param times of rows that the caller wants; chunks that have none of them may be left out
        PartitionRows read(TimeRange times);
    }

    /// Rows of one partition, together with how much of it is in files: both from the same moment.
    ///
    /// @param persistedThrough writes of the partition up to this number are in files, and not in `batches`
    /// @param batches in apply order; every write above `persistedThrough` and up to the scan's `asOf`,
    ///     but for chunks that were left out
    /// @param prunedChunks how many chunks were left out, as their rows are of other times
    record PartitionRows(SequenceNumber persistedThrough, List<RowBatch> batches, int prunedChunks)
            implements AutoCloseable {
        public PartitionRows {
            batches = List.copyOf(batches);
        }

        @Override
        public void close() {
            batches.forEach(RowBatch::close);
        }
    }
}
