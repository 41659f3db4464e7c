package io.sluice.wal;

import io.sluice.wal.format.SegmentFormat;
import io.sluice.wal.format.SegmentFormat.SegmentHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;

/// Sets a segment right that no log writes to, so that the next start finds nothing wrong. All is on disk on return.
final class SegmentRepair {
    private final Disk disk;

    SegmentRepair(Disk disk) {
        this.disk = disk;
    }

    /// Writes a header where a damaged one was.
    void writeHeader(Path file, SegmentHeader header) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(SegmentFormat.HEADER_BYTES);
        SegmentFormat.putHeader(bytes, header);
        disk.overwrite(file, bytes.flip(), 0);
    }

    /// Makes of a damaged stretch a filler, whose payload is the stretch itself behind its first bytes.
    ///
    /// @param length of the payload
    /// @param sequence the last number that is missing
    /// @param payloadCrc CRC32C of the payload
    void writeFiller(Path file, long id, long position, int length, long sequence, int payloadCrc) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(SegmentFormat.ENTRY_HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        SegmentFormat.putEntryHeader(bytes, id, length, sequence, SegmentFormat.KIND_FILLER, 0, payloadCrc);
        disk.overwrite(file, bytes.flip(), position);
    }

    /// Ends the entries at a position.
    void terminate(Path file, long position, long sizeBytes) throws IOException {
        int length = (int) Math.min(SegmentFormat.ENTRY_HEADER_BYTES, sizeBytes - position);
        disk.overwrite(file, ByteBuffer.allocate(length), position);
    }
}
