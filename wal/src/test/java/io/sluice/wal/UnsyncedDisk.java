package io.sluice.wal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/// Real files without syncs, for tests that start a log thousands of times and lose no power.
final class UnsyncedDisk extends ForwardingDisk {
    UnsyncedDisk() {
        super(new RealDisk(false));
    }

    @Override
    public void allocate(Path file, long sizeBytes) throws IOException {
        Files.write(file, new byte[Math.toIntExact(sizeBytes)], StandardOpenOption.CREATE_NEW);
    }

    @Override
    public SegmentFile open(Path file) throws IOException {
        FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE);
        return new SegmentFile() {
            @Override
            public void write(ByteBuffer bytes, long position) throws IOException {
                writeFully(channel, bytes, position);
            }

            @Override
            public void close() throws IOException {
                channel.close();
            }
        };
    }

    private static void writeFully(FileChannel channel, ByteBuffer bytes, long position) throws IOException {
        long start = position - bytes.position();
        while (bytes.hasRemaining()) {
            channel.write(bytes, start + bytes.position());
        }
    }

    @Override
    public void overwrite(Path file, ByteBuffer bytes, long position) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            writeFully(channel, bytes, position);
        }
    }

    @Override
    public void copy(Path from, long position, long lengthBytes, Path to) throws IOException {
        byte[] bytes = Files.readAllBytes(from);
        Files.write(to, Arrays.copyOfRange(bytes, (int) position, (int) (position + lengthBytes)));
    }

    @Override
    public void create(Path file, byte[] bytes) throws IOException {
        Files.write(file, bytes);
    }

    @Override
    public void sync(Path file) {
        // no power is lost
    }

    @Override
    public void syncFolder(Path folder) {
        // no power is lost
    }
}
