package io.sluice.model;

/// The name of a column, unique within its table: 1 to 255 bytes of UTF-8 without control characters.
public record ColumnName(String value) implements Comparable<ColumnName> {
    /// @throws IllegalArgumentException if `value` breaks that rule
    public ColumnName {
        Names.check("column name", value);
    }

    @Override
    public int compareTo(ColumnName other) {
        return value.compareTo(other.value);
    }

    @Override
    public String toString() {
        return value;
    }
}
