package io.sluice.ingester.admission;

/// What requests are counted as. Pools know nothing of one another, so that queries cannot keep writes out.
public enum Pool {
    /// Writes that come alone.
    WRITE,
    QUERY,
    /// Streams of writes, open.
    WRITE_STREAM
}
