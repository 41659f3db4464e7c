package io.sluice.wal;

import java.nio.file.Path;
import java.time.Duration;

/// How a log is kept.
///
/// @param directory the log's folder; one process at a time
/// @param segmentBytes length of a segment's file, rounded up to whole blocks of 4 KiB; an entry that is
///     longer gets a segment of its own
/// @param maxBytes bytes of all segments from which on none is added, and entries are refused
/// @param maxSegmentAge time after its first entry from which on a segment is closed
/// @param maxQueueBytes payload bytes that may wait to be durable
/// @param maxQueueEntries entries that may wait to be durable
/// @param group what shares a sync
/// @param compression of payloads
/// @param directIo whether direct I/O is used where the file system has it
public record WalSettings(
        Path directory,
        long segmentBytes,
        long maxBytes,
        Duration maxSegmentAge,
        long maxQueueBytes,
        int maxQueueEntries,
        GroupLimits group,
        Compression compression,
        boolean directIo,
        CorruptionPolicy onCorruption) {
    private static final int MIN_SPARES = 4;
    private static final int MAX_SPARES = 16;
    private static final Duration LONGEST_AGE = Duration.ofNanos(Long.MAX_VALUE);

    /// How payloads are stored.
    public enum Compression {
        /// As they are.
        NONE,
        /// As LZ4 blocks, where that makes them shorter.
        LZ4
    }

    /// @throws IllegalArgumentException if a limit is not positive, the age above 292 years, or if two
    ///     segments are more than `maxBytes`
    public WalSettings {
        if (segmentBytes < 1 || maxQueueBytes < 1 || maxQueueEntries < 1) {
            throw new IllegalArgumentException(
                    "segmentBytes, maxQueueBytes and maxQueueEntries must be positive: %d, %d, %d"
                            .formatted(segmentBytes, maxQueueBytes, maxQueueEntries));
        }
        segmentBytes = (segmentBytes + Disk.BLOCK_BYTES - 1) & -Disk.BLOCK_BYTES;
        if (maxBytes < 2 * segmentBytes) {
            throw new IllegalArgumentException(
                    "maxBytes must be at least two segments of %d bytes: %d".formatted(segmentBytes, maxBytes));
        }
        if (!maxSegmentAge.isPositive() || maxSegmentAge.compareTo(LONGEST_AGE) > 0) {
            throw new IllegalArgumentException(
                    "maxSegmentAge must be positive and at most %s: %s".formatted(LONGEST_AGE, maxSegmentAge));
        }
    }

    /// 64 MiB or 5 minutes a segment, 4 GiB in all, 128 MiB or 65,536 entries in the queue, no delay, no compression,
    /// direct I/O, quarantine.
    public static WalSettings defaults(Path directory) {
        return new WalSettings(
                directory,
                64L << 20,
                4L << 30,
                Duration.ofMinutes(5),
                128L << 20,
                65_536,
                GroupLimits.DEFAULT,
                Compression.NONE,
                true,
                CorruptionPolicy.QUARANTINE);
    }

    /// The same with payloads stored in another way.
    public WalSettings withCompression(Compression other) {
        return new WalSettings(
                directory,
                segmentBytes,
                maxBytes,
                maxSegmentAge,
                maxQueueBytes,
                maxQueueEntries,
                group,
                other,
                directIo,
                onCorruption);
    }

    /// Files that are kept to become segments; more are deleted. Segments are let go of many at once, when a
    /// partition's rows are in a file, and a new file of zeros makes the log's writes wait for the disk ten times
    /// as long.
    int maxSpares() {
        return Math.clamp(maxBytes / 4 / segmentBytes, MIN_SPARES, MAX_SPARES);
    }
}
