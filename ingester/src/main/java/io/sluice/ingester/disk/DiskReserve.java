package io.sluice.ingester.disk;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;

/// A file that takes room on a disk, to be let go of when the disk is full: what is left to do then has that room. It
/// grows by a little at a time, so that nobody waits for it. Its bytes mean nothing, and it is never synced: after a
/// crash what is there counts. For one thread at a time.
final class DiskReserve {
    /// Written at once: some milliseconds of a disk's time.
    static final int STEP_BYTES = 4 << 20;

    private final Path file;
    private long sizeBytes;

    /// @param file may be there from an earlier process
    DiskReserve(Path file) {
        this.file = file;
        this.sizeBytes = existing(file);
    }

    private static long existing(Path file) {
        try {
            return Files.isRegularFile(file) ? Files.size(file) : 0;
        } catch (IOException _) {
            return 0; // it is made anew, or that fails and is told
        }
    }

    long sizeBytes() {
        return sizeBytes;
    }

    /// Grows by a step, to so many bytes at most.
    ///
    /// @throws IOException if the disk does not take it; what is there stays
    void grow(long toBytes) throws IOException {
        int step = (int) Math.min(STEP_BYTES, toBytes - sizeBytes);
        if (step <= 0) {
            return;
        }
        // Not a channel, which an interrupt closes: a server that stops would tell of a disk that fails.
        try (RandomAccessFile growing = new RandomAccessFile(file.toFile(), "rw")) {
            growing.seek(sizeBytes);
            // Not as a hole, which would reserve nothing. One that was cut off by a crash goes on from where it ended.
            growing.write(new byte[step]);
        }
        sizeBytes += step;
    }

    /// Lets go of all.
    ///
    /// @return how many bytes that were
    long release() throws IOException {
        boolean _ = Files.deleteIfExists(file);
        long released = sizeBytes;
        sizeBytes = 0;
        return released;
    }
}
