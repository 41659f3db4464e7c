package io.sluice.model;

/// The name of a namespace: 1 to 255 bytes of UTF-8 without control characters.
public record NamespaceName(String value) implements Comparable<NamespaceName> {
    /// @throws IllegalArgumentException if `value` breaks that rule
    public NamespaceName {
        Names.check("namespace name", value);
    }

    @Override
    public int compareTo(NamespaceName other) {
        return value.compareTo(other.value);
    }

    @Override
    public String toString() {
        return value;
    }
}
