package io.sluice.wal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/// What a log does to its folder; a seam for tests that make a disk fail, or lose what was not synced. Any thread may
/// call.
interface Disk {
    /// Length, offset and address of every write to a segment are multiples of this: what direct I/O asks for.
    int BLOCK_BYTES = 4_096;

    /// Creates a file of zeros, and returns once its bytes are on disk; its name is only after [#syncFolder]. If it
    /// throws, there is no such file.
    ///
    /// @param sizeBytes a multiple of [#BLOCK_BYTES]
    void allocate(Path file, long sizeBytes) throws IOException;

    /// Opens a file that has its full length, for overwriting.
    SegmentFile open(Path file) throws IOException;

    /// Overwrites a few bytes of a file that no log writes to; they are on disk on return.
    void overwrite(Path file, ByteBuffer bytes, long position) throws IOException;

    /// Makes a file of a stretch of another; its bytes are on disk on return. Replaces what was there.
    void copy(Path from, long position, long lengthBytes, Path to) throws IOException;

    /// Makes a file of a few bytes, which are on disk on return; its name is only after [#syncFolder]. Replaces what
    /// was there.
    void create(Path file, byte[] bytes) throws IOException;

    /// Makes durable what a process that was killed may have left in the page cache.
    void sync(Path file) throws IOException;

    /// Gives a file another name, which must be free.
    void rename(Path from, Path to) throws IOException;

    void delete(Path file) throws IOException;

    /// Makes the names in a folder durable.
    void syncFolder(Path folder) throws IOException;
}
