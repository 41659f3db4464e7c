package io.sluice.wal;

import io.sluice.wal.format.SegmentFormat;

/// An entry that waits to be durable, encoded by its caller.
///
/// @param payload as it is written
/// @param payloadCrc its CRC32C
/// @param session what it is refused with
/// @param queuedAtNs when it was queued
record Append(
        int kind, byte[] payload, int payloadCrc, AppendSession session, AppendListener listener, long queuedAtNs) {
    /// What it takes in a segment.
    long sizeBytes() {
        return SegmentFormat.entryBytes(payload.length);
    }
}
