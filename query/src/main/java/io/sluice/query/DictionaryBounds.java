package io.sluice.query;

/// How large the dictionary of one tag may become in a stream. Beyond that, the tag's values are sent as plain strings:
/// a dictionary stands on the heap and leaves ahead of the first row, and saves nothing where each row has a value of
/// its own.
///
/// @param anyValues up to so many are never too many, by their number
/// @param maxValues more are always too many; in between they are if they are more than half of the rows
///     looked at
/// @param maxBytes the most that all values may take together, in bytes of UTF-8
record DictionaryBounds(int anyValues, int maxValues, long maxBytes) {
    /// What a `TagIndex` has numbers for is united without hashing it in each query; beyond that a dictionary costs
    /// more than it saves, unless the rows are many more than the values. A million values take some 160 MB of the
    /// heap while they are gathered; 16 MiB are four full batches ahead of the first row.
    static final DictionaryBounds STANDARD = new DictionaryBounds(1 << 16, 1 << 20, 16L << 20);

    /// Nothing is too much.
    static final DictionaryBounds NONE = new DictionaryBounds(Integer.MAX_VALUE, Integer.MAX_VALUE, Long.MAX_VALUE);

    DictionaryBounds {
        if (anyValues < 1 || maxValues < anyValues || maxBytes < 1) {
            throw new IllegalArgumentException(
                    "anyValues is %d, maxValues %d, maxBytes %d: expected positive numbers, anyValues at most maxValues"
                            .formatted(anyValues, maxValues, maxBytes));
        }
    }

    /// Whether so many values are too many.
    ///
    /// @param rows that were looked at, of which these are the values
    boolean arePassed(int values, long bytes, long rows) {
        return (values > anyValues && values > rows / 2) || values > maxValues || bytes > maxBytes;
    }
}
