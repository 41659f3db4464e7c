package io.sluice.persist.retry;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.random.RandomGenerator;

/// How long to wait after a failure: doubled each time up to a limit, and spread over the upper half of that, so
/// that many who failed together do not come back together. Any thread may call any method.
public final class Backoff {
    private final Duration first;
    private final Duration max;

    // Shared with other backoffs, so it is its own lock.
    @GuardedBy("random")
    private final RandomGenerator random;

    /// A wait that grows from `first` to `max`.
    ///
    /// @param first the most to wait after the first failure
    /// @param max the most to wait after any
    public Backoff(Duration first, Duration max, RandomGenerator random) {
        this.first = first;
        this.max = max;
        this.random = random;
    }

    /// How long to wait after so many failures.
    ///
    /// @param failures how many in a row, at least 1
    public Duration delay(int failures) {
        long maxNanos = max.toNanos();
        // 2^62 ns is longer than any limit, so doubling stops there.
        int doublings = Math.min(failures - 1, Long.numberOfLeadingZeros(first.toNanos()) - 2);
        long nanos = Math.min(maxNanos, first.toNanos() << doublings);
        return spread(nanos);
    }

    /// The limit, spread likewise.
    public Duration longest() {
        return spread(max.toNanos());
    }

    private Duration spread(long nanos) {
        synchronized (random) {
            return Duration.ofNanos(nanos - random.nextLong(nanos / 2 + 1));
        }
    }
}
