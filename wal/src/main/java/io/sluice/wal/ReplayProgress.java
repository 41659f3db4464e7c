package io.sluice.wal;

/// How far a replay is.
///
/// @param doneBytes of the segments' entries read so far
/// @param totalBytes of all of them, as far as that is known before they are read: room at the end of a
///     segment that was closed before it was full is counted until the segment was read
public record ReplayProgress(long doneBytes, long totalBytes) {}
