package io.sluice.persist.parquet;

/// What was written.
///
/// @param minTimeNs least timestamp, nanoseconds since the epoch
/// @param maxTimeNs greatest timestamp, nanoseconds since the epoch
public record EncodedFile(long rowCount, long sizeBytes, long minTimeNs, long maxTimeNs) {}
