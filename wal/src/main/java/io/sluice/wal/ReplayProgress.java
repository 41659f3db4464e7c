package io.sluice.wal;

/// How far a replay is.
///
/// @param doneBytes of the segments' files read so far
/// @param totalBytes of all of them
public record ReplayProgress(long doneBytes, long totalBytes) {}
