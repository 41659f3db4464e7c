package io.sluice.wal;

import java.nio.file.Path;
import java.time.Duration;

/// How a log is kept.
///
/// @param directory the log's folder; one process at a time
/// @param segmentBytes length from which on a segment is closed; an entry that is longer gets a segment of
///     its own
/// @param maxSegmentAge time after its first entry from which on a segment is closed
/// @param maxQueueBytes payload bytes that may wait to be durable
/// @param maxQueueEntries entries that may wait to be durable
public record WalSettings(
        Path directory,
        long segmentBytes,
        Duration maxSegmentAge,
        long maxQueueBytes,
        int maxQueueEntries,
        CorruptionPolicy onCorruption) {
    private static final Duration LONGEST_AGE = Duration.ofNanos(Long.MAX_VALUE);

    /// @throws IllegalArgumentException if a limit is not positive, or the age above 292 years
    public WalSettings {
        if (segmentBytes < 1 || maxQueueBytes < 1 || maxQueueEntries < 1) {
            throw new IllegalArgumentException(
                    "segmentBytes, maxQueueBytes and maxQueueEntries must be positive: %d, %d, %d"
                            .formatted(segmentBytes, maxQueueBytes, maxQueueEntries));
        }
        if (!maxSegmentAge.isPositive() || maxSegmentAge.compareTo(LONGEST_AGE) > 0) {
            throw new IllegalArgumentException(
                    "maxSegmentAge must be positive and at most %s: %s".formatted(LONGEST_AGE, maxSegmentAge));
        }
    }

    /// 64 MiB or 5 minutes a segment, 128 MiB or 65,536 entries in the queue, quarantine.
    public static WalSettings defaults(Path directory) {
        return new WalSettings(
                directory, 64L << 20, Duration.ofMinutes(5), 128L << 20, 65_536, CorruptionPolicy.QUARANTINE);
    }
}
