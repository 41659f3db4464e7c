package io.sluice.ingester.replay;

/// Hears how far the replay is, several times a second, on one thread.
@FunctionalInterface
public interface ReplayListener {
    /// The last time with a status that has ended, unless the start fails.
    void progress(ReplayStatus status);
}
