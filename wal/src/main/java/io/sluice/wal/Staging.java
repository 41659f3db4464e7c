package io.sluice.wal;

import io.sluice.wal.format.SegmentFormat;
import io.sluice.wal.format.SegmentFormat.SegmentHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/// Where entries are gathered to be written to the open segment together, in whole blocks. The last block, when it is
/// not full, stays and is written again with what comes behind. Its first bytes are the same then, so that a write
/// which is cut short cannot harm what was acknowledged. For the log's thread.
final class Staging {
    /// What is written at once; a longer entry is written in pieces.
    private static final int STAGING_BYTES = (int) GroupLimits.MOST_BYTES;

    private static final byte[] ZEROS = new byte[2 * Disk.BLOCK_BYTES];

    /// Has a block more than is used for entries, for the zeros behind them.
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(STAGING_BYTES + 2 * Disk.BLOCK_BYTES)
            .alignedSlice(Disk.BLOCK_BYTES)
            .order(ByteOrder.LITTLE_ENDIAN)
            .limit(STAGING_BYTES);

    /// Where in the file the buffer's first byte goes.
    private long blockStart;

    /// Writes what is staged, by way of whoever knows where to.
    @FunctionalInterface
    interface Drain {
        void drain() throws IOException;
    }

    /// Begins a segment with its header, which goes to disk with the first entries.
    void begin(SegmentHeader header) {
        buffer.clear().limit(STAGING_BYTES);
        SegmentFormat.putHeader(buffer, header);
        blockStart = 0;
    }

    /// Where in the segment the next entry begins.
    long endBytes() {
        return blockStart + buffer.position();
    }

    boolean hasRoomFor(Append append) {
        return append.sizeBytes() <= buffer.remaining();
    }

    /// Adds an entry for which there is room.
    void put(Append append, long segmentId, long sequence, int indexInGroup) {
        putHeader(append, segmentId, sequence, indexInGroup);
        buffer.put(append.payload());
        align();
    }

    /// Adds an entry that is longer than what is written at once, writing all of it but its end. It is alone in its
    /// group.
    void putLong(Append append, long segmentId, long sequence, Drain drain) throws IOException {
        if (buffer.remaining() < SegmentFormat.ENTRY_HEADER_BYTES) {
            drain.drain();
        }
        putHeader(append, segmentId, sequence, 0);
        byte[] payload = append.payload();
        int copied = 0;
        while (copied < payload.length) {
            if (!buffer.hasRemaining()) {
                drain.drain();
            }
            int length = Math.min(buffer.remaining(), payload.length - copied);
            buffer.put(payload, copied, length);
            copied += length;
        }
        if (!buffer.hasRemaining()) {
            drain.drain();
        }
        align();
    }

    private void putHeader(Append append, long segmentId, long sequence, int indexInGroup) {
        SegmentFormat.putEntryHeader(
                buffer, segmentId, append.payload().length, sequence, append.kind(), indexInGroup, append.payloadCrc());
    }

    private void align() {
        int gap = -buffer.position() & (SegmentFormat.ALIGNMENT_BYTES - 1);
        buffer.put(ZEROS, 0, gap);
    }

    /// Writes what is staged, in whole blocks with zeros behind it, and keeps the last block if it is not full. If this
    /// throws, nothing more may be written.
    ///
    /// @param sizeBytes of the file
    void write(SegmentFile file, long sizeBytes) throws IOException {
        int end = buffer.position();
        int whole = end & -Disk.BLOCK_BYTES;
        int rest = end - whole;
        long roomBytes = sizeBytes - blockStart;
        int padded = (int) Math.min(
                roomBytes, (end + SegmentFormat.TERMINATOR_BYTES + Disk.BLOCK_BYTES - 1) & -(long) Disk.BLOCK_BYTES);
        buffer.limit(padded).put(ZEROS, 0, padded - end);
        buffer.flip();
        file.write(buffer, blockStart);
        blockStart += whole;
        buffer.clear().limit(STAGING_BYTES);
        buffer.put(0, buffer, whole, rest).position(rest);
    }
}
