package io.sluice.model;

/// What a column is for. A column keeps its kind for ever.
public enum ColumnKind {
    /// Part of a row's key; a string, may be null.
    TAG,
    /// A measured value; may be null.
    FIELD,
    /// The row's timestamp; exactly one in each table, named `time`, never null.
    TIME
}
