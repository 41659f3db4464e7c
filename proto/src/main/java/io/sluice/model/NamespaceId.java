package io.sluice.model;

/// The catalog's number for a namespace, the same for all ingesters of one catalog. Positive.
public record NamespaceId(long value) {
    /// @throws IllegalArgumentException unless positive
    public NamespaceId {
        if (value < 1) {
            throw new IllegalArgumentException("namespace id must be positive: " + value);
        }
    }

    @Override
    public String toString() {
        return Long.toString(value);
    }
}
