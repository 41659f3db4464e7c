package io.sluice.benches;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/// Plain reading of files, and the system's cache of them.
final class FileReads {
    private static final int BLOCK_BYTES = 1 << 20;

    private FileReads() {}

    /// Reads files from end to end, one after another, a block of 1 MiB at a time.
    ///
    /// @return how many bytes
    static long readAll(List<Path> files) throws IOException {
        ByteBuffer block = ByteBuffer.allocateDirect(BLOCK_BYTES);
        long bytes = 0;
        for (Path file : files) {
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
                while (channel.read(block.clear()) >= 0) {
                    bytes += block.position();
                }
            }
        }
        return bytes;
    }

    /// Asks the system to drop what it caches of files. Java cannot say that (`posix_fadvise`); `dd` of GNU coreutils
    /// can, without reading or writing anything.
    ///
    /// @return whether it was asked: not, if there is no such `dd`
    static boolean dropFromCache(List<Path> files) throws IOException, InterruptedException {
        for (Path file : files) {
            Process process;
            try {
                process = new ProcessBuilder("dd", "of=" + file, "oflag=nocache", "conv=notrunc,fdatasync", "count=0")
                        .redirectErrorStream(true)
                        .redirectOutput(Redirect.DISCARD)
                        .start();
            } catch (IOException _) {
                return false; // no dd
            }
            if (process.waitFor() != 0) {
                return false; // one that does not know the flags
            }
        }
        return true;
    }
}
