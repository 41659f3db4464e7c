package io.sluice.wal;

import java.io.IOException;
import java.nio.ByteBuffer;

/// The file of the open segment: has its full length, and is overwritten in place. For one thread.
interface SegmentFile extends AutoCloseable {
    /// Writes all that remains in the buffer, and returns once it is on disk.
    ///
    /// @param bytes direct memory; its address, length and `position` are multiples of [Disk#BLOCK_BYTES]
    /// @param position byte offset in the file
    void write(ByteBuffer bytes, long position) throws IOException;

    @Override
    void close() throws IOException;
}
