package io.sluice.wal;

import io.sluice.model.SequenceNumber;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/// What the log is doing at one moment.
///
/// @param bytes of all segments
/// @param lastSequence the last number that was given; NONE if there was none
/// @param oldestSegmentAt when the oldest segment was created
/// @param queuedEntries entries that wait to be durable
/// @param spareSegments files that are ready to become segments
/// @param maxBytes from which on entries are refused
/// @param writingFor how long the disk has been at the write, or the next segment, that the log waits for;
///     zero if it waits for none
/// @param failure why the log failed, if it did
public record WalStatus(
        Path directory,
        State state,
        int segments,
        long bytes,
        SequenceNumber lastSequence,
        Optional<Instant> oldestSegmentAt,
        int queuedEntries,
        long queuedBytes,
        int spareSegments,
        long maxBytes,
        Duration writingFor,
        Optional<String> failure) {
    /// Where in its life the log is.
    public enum State {
        /// Opened, not started.
        OPENED,
        /// Takes entries.
        RUNNING,
        /// Cannot create its next segment; takes no entries until it can.
        NO_SPACE,
        /// Has as many bytes as it may have; takes no entries until segments are let go of.
        FULL,
        /// A write or a sync failed.
        FAILED,
        /// Closed, or being closed.
        CLOSED
    }
}
