package io.sluice.wal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.stream.Stream;

/// I/O that passes the system's page cache by (`O_DIRECT`). Address, position and length of what is read or written are
/// multiples of the file system's block size; a read at the end of a file may be shorter.
final class DirectIo {
    private DirectIo() {}

    /// The option, by its name: the compiler warns of classes in the module jdk.unsupported, which has it.
    ///
    /// @throws IOException if this JDK has none
    static OpenOption option() throws IOException {
        try {
            return Stream.of(
                            Class.forName("com.sun.nio.file.ExtendedOpenOption").getEnumConstants())
                    .map(OpenOption.class::cast)
                    .filter(option -> option.toString().equals("DIRECT"))
                    .findFirst()
                    .orElseThrow(() -> new IOException("this JDK has no direct I/O"));
        } catch (ClassNotFoundException e) {
            throw new IOException("this JDK has no direct I/O", e);
        }
    }

    /// Fails if a file's system has blocks that ours do not fill.
    static void checkBlockSize(Path file) throws IOException {
        long blockBytes = Files.getFileStore(file).getBlockSize();
        if (Disk.BLOCK_BYTES % blockBytes != 0) {
            throw new IOException(
                    "%s: expected blocks of at most %d bytes, found %d".formatted(file, Disk.BLOCK_BYTES, blockBytes));
        }
    }

    /// Memory that begins at a multiple of [Disk#BLOCK_BYTES].
    ///
    /// @param bytes a multiple of it
    static ByteBuffer allocate(int bytes) {
        return ByteBuffer.allocateDirect(bytes + Disk.BLOCK_BYTES)
                .alignedSlice(Disk.BLOCK_BYTES)
                .limit(bytes)
                .slice();
    }

    /// Opens a file, and reads its first block, as some file systems refuse only that.
    ///
    /// @throws IOException if it cannot be read in this way
    static FileChannel openToRead(Path file) throws IOException {
        checkBlockSize(file);
        FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, option());
        boolean done = false;
        try {
            int _ = channel.read(allocate(Disk.BLOCK_BYTES), 0);
            done = true;
            return channel;
        } finally {
            if (!done) {
                channel.close();
            }
        }
    }
}
