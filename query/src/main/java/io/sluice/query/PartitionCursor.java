package io.sluice.query;

/// A place in the rows of one partition, of which it holds references until it is closed. For one thread.
interface PartitionCursor extends AutoCloseable {
    /// Whether there are more rows.
    boolean hasMore();

    /// Puts the next rows into an empty batch, until it is full or there are no more.
    ///
    /// @param max the most rows that are wanted, at least 1
    void fill(BatchBuilder batch, long max);

    /// Releases the rows; calls after the first do nothing.
    @Override
    void close();
}
