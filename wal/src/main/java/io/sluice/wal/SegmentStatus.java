package io.sluice.wal;

import io.sluice.model.SequenceNumber;
import java.time.Instant;

/// A segment of a running log.
///
/// @param sizeBytes of its file
/// @param first number of its first entry, now or to come
/// @param last number of its last entry; one below `first` if it has none
public record SegmentStatus(long id, long sizeBytes, SequenceNumber first, SequenceNumber last, Instant createdAt) {}
