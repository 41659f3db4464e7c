package io.sluice.benches;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// A file that is written over again and again, so that a sync never has to record a new length or new blocks. One
/// thread at a time.
final class RecycledFile implements AutoCloseable {
    private static final int ZEROS_BYTES = 1 << 20;

    private final FileChannel channel;
    private final long sizeBytes;
    private long position;

    private RecycledFile(FileChannel channel, long sizeBytes) {
        this.channel = channel;
        this.sizeBytes = sizeBytes;
    }

    /// Creates the file, full of zeros that are on disk.
    static RecycledFile create(Path file, long sizeBytes) throws IOException {
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        boolean done = false;
        try {
            ByteBuffer zeros = ByteBuffer.allocateDirect(ZEROS_BYTES);
            long left = sizeBytes;
            while (left > 0) {
                zeros.clear().limit((int) Math.min(ZEROS_BYTES, left));
                left -= channel.write(zeros);
            }
            channel.force(true);
            channel.position(0);
            done = true;
            return new RecycledFile(channel, sizeBytes);
        } finally {
            if (!done) {
                channel.close();
            }
        }
    }

    /// Writes all that remains in the buffers behind what was written before; at the end of the file, from its start.
    ///
    /// @throws IllegalArgumentException if it is more than the file holds
    void write(ByteBuffer... buffers) throws IOException {
        long left = 0;
        for (ByteBuffer buffer : buffers) {
            left += buffer.remaining();
        }
        if (left > sizeBytes) {
            throw new IllegalArgumentException("%d bytes into a file of %d".formatted(left, sizeBytes));
        }
        if (position + left > sizeBytes) {
            channel.position(0);
            position = 0;
        }
        position += left;
        while (left > 0) {
            left -= channel.write(buffers);
        }
    }

    /// Returns once all that was written is on disk.
    void sync() throws IOException {
        channel.force(false);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
