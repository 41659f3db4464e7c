package io.sluice.persist.catalog;

import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionId;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableName;
import java.time.Instant;

/// One Parquet file of one partition.
///
/// @param objectName where it lies in the object store
/// @param minSequence above the partition's persisted-through before this file; no write of it is below
/// @param maxSequence the partition's persisted-through with this file; no write of it is above
/// @param rowCount rows in the file, after merging equal keys
/// @param sizeBytes length of the file
/// @param minTimeNs least timestamp in the file, nanoseconds since the epoch
/// @param maxTimeNs greatest timestamp in the file
/// @param createdAt when it was uploaded
public record FileRecord(
        String objectName,
        NamespaceName namespace,
        TableName table,
        PartitionId partition,
        IngesterId ingester,
        SequenceNumber minSequence,
        SequenceNumber maxSequence,
        long rowCount,
        long sizeBytes,
        long minTimeNs,
        long maxTimeNs,
        Instant createdAt) {
    /// @throws IllegalArgumentException if a range is upside down or a size is not positive
    public FileRecord {
        if (minSequence.isAfter(maxSequence)) {
            throw new IllegalArgumentException(
                    "minSequence %s is after maxSequence %s".formatted(minSequence, maxSequence));
        }
        if (minTimeNs > maxTimeNs) {
            throw new IllegalArgumentException("minTimeNs %d is after maxTimeNs %d".formatted(minTimeNs, maxTimeNs));
        }
        if (rowCount < 1 || sizeBytes < 1) {
            throw new IllegalArgumentException("file of %d rows and %d bytes".formatted(rowCount, sizeBytes));
        }
    }
}
