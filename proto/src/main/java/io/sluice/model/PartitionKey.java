package io.sluice.model;

/// Names one partition of a table, as its namespace's [PartitionTemplate] renders it: `2026-11-21`,
/// `2026-11-21|eu|web-1`.
public record PartitionKey(String value) implements Comparable<PartitionKey> {
    /// @throws IllegalArgumentException if empty
    public PartitionKey {
        if (value.isEmpty()) {
            throw new IllegalArgumentException("partition key is empty");
        }
    }

    @Override
    public int compareTo(PartitionKey other) {
        return value.compareTo(other.value);
    }

    @Override
    public String toString() {
        return value;
    }
}
