package io.sluice.ingester.replay;

import java.time.Duration;
import java.util.Optional;

/// How far the replay of the log is, at one moment.
///
/// @param doneBytes of the log read so far
/// @param totalBytes of the log; 0 until it is known
/// @param rows applied so far
/// @param elapsed since the replay began; how long it took, if it has ended
/// @param left how long it will take at the rate so far; empty if that cannot be told yet, zero if it has
///     ended
public record ReplayStatus(long doneBytes, long totalBytes, long rows, Duration elapsed, Optional<Duration> left) {
    /// From 0 to 100.
    public int percent() {
        if (totalBytes == 0) {
            return isEnded() ? 100 : 0;
        }
        return (int) Math.min(100, doneBytes * 100 / totalBytes);
    }

    /// Whether there is nothing left to do.
    public boolean isEnded() {
        return left.filter(Duration::isZero).isPresent();
    }
}
