package io.sluice.ingester.door;

/// A place among those who wait for room.
public interface Waiting {
    /// Gives the place up: true if the room will never come, false if it has come, or is just coming.
    boolean cancel();
}
