package io.sluice.persist;

/// How many persist jobs may be at work at once, and in how much memory; can be changed while they are.
///
/// @param slots jobs that may sort, encode and upload at once
/// @param memoryBytes what those jobs may take together, bytes; a larger one runs alone
/// @param timeout how long a job waits before it asks again
public record PersistGateSettings(int slots, long memoryBytes, GateTimeout timeout) {
    /// The most slots: each is a thread.
    public static final int MAX_SLOTS = 1_000;

    /// 4 at once in 2 GiB.
    public static final PersistGateSettings DEFAULT = new PersistGateSettings(4, 2L << 30, GateTimeout.DEFAULT);

    /// @throws IllegalArgumentException if a number is not in its range; the message says which
    public PersistGateSettings {
        if (slots < 1 || slots > MAX_SLOTS) {
            throw new IllegalArgumentException("slots is %d: expected 1 to %d".formatted(slots, MAX_SLOTS));
        }
        if (memoryBytes < 1) {
            throw new IllegalArgumentException("memoryBytes is %d: expected 1 or more".formatted(memoryBytes));
        }
    }
}
