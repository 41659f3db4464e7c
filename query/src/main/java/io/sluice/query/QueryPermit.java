package io.sluice.query;

/// A query's place among those that are let in: at first among those that work on their first batch, then among those
/// that send. Any thread may close it.
public interface QueryPermit extends AutoCloseable {
    /// A batch is ready: moves on to those that send, unless it has, or there is no room. Then it stays where it is,
    /// and may be asked again.
    void sends();

    /// The query is about to wait for its client, perhaps for long: nobody need leave a processor to it any more.
    void waits();

    /// Gives the place back. Idempotent.
    @Override
    void close();
}
