package io.sluice.model;

/// The type of a column's values. A column keeps its type for ever.
public enum ColumnType {
    /// Signed 64-bit integer; nanoseconds since the epoch in the TIME column.
    I64,
    /// Unsigned 64-bit integer.
    U64,
    /// IEEE 754 double.
    F64,
    /// True or false.
    BOOL,
    /// UTF-8. Every tag is one.
    STRING
}
