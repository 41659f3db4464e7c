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
    public void overwrite(Path file, ByteBuffer bytes, long position) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            while (bytes.hasRemaining()) {
                channel.write(bytes, position + bytes.position());
            }
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
