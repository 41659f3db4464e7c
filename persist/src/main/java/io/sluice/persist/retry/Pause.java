package io.sluice.persist.retry;

import java.time.Duration;

/// Waits, in a server; in a test it does not.
@FunctionalInterface
public interface Pause {
    /// Returns when the time is over.
    ///
    /// @throws InterruptedException if the thread was interrupted
    void await(Duration duration) throws InterruptedException;
}
