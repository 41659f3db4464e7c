package io.sluice.model;

/// The catalog's number for a table, the same for all ingesters of one catalog. Positive.
public record TableId(long value) {
    /// @throws IllegalArgumentException unless positive
    public TableId {
        if (value < 1) {
            throw new IllegalArgumentException("table id must be positive: " + value);
        }
    }

    @Override
    public String toString() {
        return Long.toString(value);
    }
}
