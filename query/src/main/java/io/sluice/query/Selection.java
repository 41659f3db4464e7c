package io.sluice.query;

/// The rows of one chunk that a query asks for, ascending.
sealed interface Selection {
    /// No row.
    static Selection none() {
        return new Some(new int[0], 0);
    }

    /// How many rows.
    int count();

    /// All rows of the chunk.
    record All(int count) implements Selection {}

    /// Some rows: the first `count` numbers of `rows`.
    record Some(int[] rows, int count) implements Selection {}

    /// The row at a place among those selected.
    default int row(int place) {
        return switch (this) {
            case All _ -> place;
            case Some some -> some.rows()[place];
        };
    }
}
