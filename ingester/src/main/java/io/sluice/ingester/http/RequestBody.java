package io.sluice.ingester.http;

import io.sluice.ingester.door.ByteBudget.Reservation;

/// A body, unpacked. Holds its array, and the room for it in the budget, until it is closed; then another body may be
/// in
/// the array. For one thread at a time.
final class RequestBody implements AutoCloseable {
    private final byte[] bytes;
    private final int lengthBytes;
    private final Reservation room;
    private final BodyArrays arrays;
    private boolean closed;

    RequestBody(byte[] bytes, int lengthBytes, Reservation room, BodyArrays arrays) {
        this.bytes = bytes;
        this.lengthBytes = lengthBytes;
        this.room = room;
        this.arrays = arrays;
    }

    /// The body is `[0, lengthBytes)` of it.
    byte[] bytes() {
        return bytes;
    }

    int lengthBytes() {
        return lengthBytes;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            arrays.give(bytes);
            room.close();
        }
    }
}
