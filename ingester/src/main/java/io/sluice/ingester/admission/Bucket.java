package io.sluice.ingester.admission;

/// Where in its pool a request is counted. A pool's later bucket stands right behind its earlier one.
public enum Bucket {
    /// Writes that need the catalog, or may.
    NEW(Pool.WRITE, BucketPair.FIRST, "writes that need the catalog", "--admission-write-new"),
    /// Writes whose tables are known.
    EXISTING(Pool.WRITE, BucketPair.SECOND, "writes", "--admission-write-existing"),
    /// Queries whose first batch is not ready.
    INITIAL(Pool.QUERY, BucketPair.FIRST, "queries without a first batch", "--admission-query-initial"),
    /// Queries whose batches are being sent.
    STREAMING(Pool.QUERY, BucketPair.SECOND, "queries that send", "--admission-query-streaming"),
    /// Streams of writes.
    OPEN(Pool.WRITE_STREAM, BucketPair.FIRST, "write streams", "--admission-write-streams");

    private final Pool pool;
    private final int side;
    private final String description;
    private final String option;

    Bucket(Pool pool, int side, String description, String option) {
        this.pool = pool;
        this.side = side;
        this.description = description;
        this.option = option;
    }

    public Pool pool() {
        return pool;
    }

    /// Of its pool's [BucketPair].
    int side() {
        return side;
    }

    /// Whether requests go on to this bucket from another one, once the scarce thing was theirs.
    boolean isLater() {
        return side == BucketPair.SECOND;
    }

    /// What is in it, in the plural.
    String description() {
        return description;
    }

    /// The setting that is its limit.
    String option() {
        return option;
    }
}
