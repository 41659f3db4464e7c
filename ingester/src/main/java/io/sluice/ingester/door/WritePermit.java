package io.sluice.ingester.door;

/// Room for one write among those in flight. It belongs to the write, not to its client: who holds it gives it back
/// when the outcome is known, whatever the client did meanwhile.
public interface WritePermit extends AutoCloseable {
    /// Gives the room back; idempotent.
    @Override
    void close();
}
