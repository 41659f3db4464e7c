package io.sluice.query;

/// How large the batches of a stream are. One ends at `maxRows`, or before the row with which its values would take
/// more than `maxBytes`; it has at least one row, however long.
///
/// @param minSliceRows of a chunk that is wanted whole, fewer rows are copied beside others: a piece of
///     memory for each of their columns would cost more than the copy
record BatchLimits(int maxRows, long maxBytes, int minSliceRows) {
    /// Large enough that a batch's own cost does not count, small enough to be under way soon.
    static final BatchLimits STANDARD = new BatchLimits(64 * 1024, 4L << 20, 512);

    BatchLimits {
        if (maxRows < 1 || maxBytes < 1 || minSliceRows < 1) {
            throw new IllegalArgumentException("maxRows is %d, maxBytes %d, minSliceRows %d: expected positive numbers"
                    .formatted(maxRows, maxBytes, minSliceRows));
        }
    }
}
