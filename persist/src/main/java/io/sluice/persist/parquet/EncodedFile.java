package io.sluice.persist.parquet;

import java.time.Duration;

/// What was written.
///
/// @param minTimeNs least timestamp, nanoseconds since the epoch
/// @param maxTimeNs greatest timestamp, nanoseconds since the epoch
/// @param merge time spent on bringing values into order and merging them, of all threads together
/// @param encode time spent on encoding and compressing, of all threads together
/// @param write time that the stream took
public record EncodedFile(
        long rowCount,
        long sizeBytes,
        long minTimeNs,
        long maxTimeNs,
        Duration merge,
        Duration encode,
        Duration write) {}
