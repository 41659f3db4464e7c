package io.sluice.wal;

import java.nio.file.Path;

/// A closed segment.
///
/// @param firstSequence number of its first entry, or the one that entry would have had
/// @param lastSequence number of its last entry; `firstSequence - 1` if it has none
record Segment(long id, Path file, long sizeBytes, long firstSequence, long lastSequence, long createdAtMillis) {}
