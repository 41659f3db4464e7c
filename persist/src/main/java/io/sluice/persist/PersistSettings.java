package io.sluice.persist;

import java.time.Duration;

/// How much is persisted at once, and how patiently.
///
/// @param workers lanes, each with a thread of its own; the jobs of a partition run one after another on
///     one of them. They are cheap: what costs memory is bounded by `gate`
/// @param queueDepth accepted and unfinished jobs from which on the queue is saturated, until half of that
///     is free
/// @param gate how many jobs may sort, encode and upload at once, and in how much memory
/// @param firstRetryDelay the most to wait after a job's first failure, doubled with each further one
/// @param maxRetryDelay the most to wait after a failure that may pass by itself: the store or the catalog
///     is away
/// @param parkedRetryDelay the most to wait after a failure that is not expected to pass: the catalog
///     contradicts, or a bug. Only the partition waits, not the others of its lane
public record PersistSettings(
        int workers,
        int queueDepth,
        PersistGateSettings gate,
        Duration firstRetryDelay,
        Duration maxRetryDelay,
        Duration parkedRetryDelay) {
    // Delays are computed in nanoseconds. Before DEFAULT, whose check reads it.
    private static final Duration MAX_DELAY = Duration.ofDays(1);

    /// The most workers: each is a thread.
    public static final int MAX_WORKERS = 1_000;

    /// 32 workers, a queue of 250, 4 jobs at once in 2 GiB; retries after 100 ms to 30 s, after 5 min when parked.
    public static final PersistSettings DEFAULT = new PersistSettings(
            32,
            250,
            PersistGateSettings.DEFAULT,
            Duration.ofMillis(100),
            Duration.ofSeconds(30),
            Duration.ofMinutes(5));

    /// @throws IllegalArgumentException if a number is not in its range; the message says which
    public PersistSettings {
        check("workers", workers, 1, MAX_WORKERS);
        check("queueDepth", queueDepth, 1, 1_000_000);
        check("firstRetryDelay", firstRetryDelay, Duration.ofNanos(1));
        check("maxRetryDelay", maxRetryDelay, firstRetryDelay);
        check("parkedRetryDelay", parkedRetryDelay, firstRetryDelay);
    }

    private static void check(String name, long value, long min, long max) {
        if (value < min || value > max) {
            throw new IllegalArgumentException("%s is %d: expected %d to %d".formatted(name, value, min, max));
        }
    }

    private static void check(String name, Duration value, Duration min) {
        if (value.compareTo(min) < 0 || value.compareTo(MAX_DELAY) > 0) {
            throw new IllegalArgumentException("%s is %s: expected %s to %s".formatted(name, value, min, MAX_DELAY));
        }
    }
}
