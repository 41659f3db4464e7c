package io.sluice.model;

/// Identifies one partition of one table.
public record PartitionId(TableId tableId, PartitionKey key) {}
