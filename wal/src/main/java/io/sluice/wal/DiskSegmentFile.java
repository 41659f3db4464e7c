package io.sluice.wal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// A segment's file on a real disk.
final class DiskSegmentFile implements SegmentFile {
    private final FileChannel channel;

    private DiskSegmentFile(FileChannel channel) {
        this.channel = channel;
    }

    static SegmentFile create(Path file) throws IOException {
        return new DiskSegmentFile(FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE));
    }

    @Override
    public void write(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    @Override
    public void sync() throws IOException {
        channel.force(false); // fdatasync: it syncs the length too, as that is needed to read the data back
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
