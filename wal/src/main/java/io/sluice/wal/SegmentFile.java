package io.sluice.wal;

import java.io.IOException;
import java.nio.ByteBuffer;

/// The open segment's file, as the log's thread needs it; a seam for tests that make a disk fail.
interface SegmentFile extends AutoCloseable {
    /// Appends all that remains in the buffer.
    void write(ByteBuffer bytes) throws IOException;

    /// Returns once all that was written is on disk.
    void sync() throws IOException;

    @Override
    void close() throws IOException;

    /// Creates segments' files.
    @FunctionalInterface
    interface Factory {
        /// Creates a file that did not exist. Its name is durable once the folder is synced.
        SegmentFile create(java.nio.file.Path file) throws IOException;
    }
}
