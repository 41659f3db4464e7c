package io.sluice.persist.catalog;

import io.sluice.model.PartitionKey;

/// What a partition has in files.
///
/// @param files how many
/// @param rowCount rows in them
/// @param sizeBytes of them
/// @param minTimeNs least timestamp in them, nanoseconds since the epoch
/// @param maxTimeNs greatest timestamp in them
public record PartitionSummary(
        PartitionKey key, long files, long rowCount, long sizeBytes, long minTimeNs, long maxTimeNs) {}
