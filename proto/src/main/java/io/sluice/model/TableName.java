package io.sluice.model;

/// The name of a table, unique within its namespace: 1 to 255 bytes of UTF-8 without control characters.
public record TableName(String value) implements Comparable<TableName> {
    /// @throws IllegalArgumentException if `value` breaks that rule
    public TableName {
        Names.check("table name", value);
    }

    @Override
    public int compareTo(TableName other) {
        return value.compareTo(other.value);
    }

    @Override
    public String toString() {
        return value;
    }
}
