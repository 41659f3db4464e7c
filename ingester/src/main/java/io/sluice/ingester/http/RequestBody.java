package io.sluice.ingester.http;

import io.sluice.ingester.door.ByteBudget.Reservation;

/// A body, unpacked: `bytes[0, lengthBytes)`. Holds its room in the budget until it is closed.
record RequestBody(byte[] bytes, int lengthBytes, Reservation room) implements AutoCloseable {
    @Override
    public void close() {
        room.close();
    }
}
