package io.sluice.wal;

/// How far a replay is.
///
/// @param doneBytes of the segments' entries read so far
/// @param totalBytes of all of them; before a segment is read, what its first entries and numbers let expect
public record ReplayProgress(long doneBytes, long totalBytes) {}
