package io.sluice.wal;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The disk. Segments are written with direct, synchronous I/O (`O_DIRECT|O_DSYNC`) where the file system has it, which
/// costs neither a copy to the page cache nor a second system call; elsewhere with a write and an `fdatasync`.
final class RealDisk implements Disk {
    private static final Logger LOG = LoggerFactory.getLogger(RealDisk.class);
    private static final int ALLOCATION_CHUNK_BYTES = 1 << 20;

    private volatile boolean tryDirect;
    /// Whether a write has gone through: the next file need not be tried.
    private volatile boolean isProven;

    /// @param tryDirect false: never direct I/O
    RealDisk(boolean tryDirect) {
        this.tryDirect = tryDirect;
    }

    @Override
    public void allocate(Path file, long sizeBytes) throws IOException {
        boolean done = false;
        try (FileChannel channel = openForZeros(file)) {
            int chunkBytes = (int) Math.min(ALLOCATION_CHUNK_BYTES, sizeBytes);
            ByteBuffer zeros = DirectIo.allocate(chunkBytes);
            for (long position = 0; position < sizeBytes; position += chunkBytes) {
                zeros.clear().limit((int) Math.min(chunkBytes, sizeBytes - position));
                writeFully(channel, zeros, position);
            }
            channel.force(true);
            done = true;
        } finally {
            if (!done) {
                Files.deleteIfExists(file);
            }
        }
    }

    /// Makes a file whose writes pass the page cache by, if that is known to go: what lies there is written at the sync
    /// all at once, and keeps the log's own writes waiting.
    private FileChannel openForZeros(Path file) throws IOException {
        return isProven
                ? FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, DirectIo.option())
                : FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    }

    @Override
    public SegmentFile open(Path file) throws IOException {
        if (tryDirect) {
            try {
                return openDirect(file);
            } catch (IOException | UnsupportedOperationException e) {
                LOG.info(
                        "no direct I/O on the file system of {}: the log uses write and fdatasync ({})",
                        file,
                        e.toString());
                tryDirect = false;
            }
        }
        return new SyncedFile(FileChannel.open(file, StandardOpenOption.WRITE), true);
    }

    /// A file system may refuse direct I/O when the file is opened, or when its first block is written: so that is
    /// tried, with the bytes that the block has.
    private SegmentFile openDirect(Path file) throws IOException {
        if (isProven) {
            return new SyncedFile(openChannel(file), false);
        }
        DirectIo.checkBlockSize(file);
        ByteBuffer block = DirectIo.allocate(BLOCK_BYTES);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            while (block.hasRemaining() && channel.read(block, block.position()) >= 0) {
                // reads on
            }
        }
        FileChannel channel = openChannel(file);
        boolean done = false;
        try {
            SegmentFile opened = new SyncedFile(channel, false);
            opened.write(block.flip(), 0);
            isProven = true;
            done = true;
            return opened;
        } finally {
            if (!done) {
                channel.close();
            }
        }
    }

    private static FileChannel openChannel(Path file) throws IOException {
        return FileChannel.open(file, StandardOpenOption.WRITE, StandardOpenOption.DSYNC, DirectIo.option());
    }

    @Override
    public void overwrite(Path file, ByteBuffer bytes, long position) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            writeFully(channel, bytes, position);
            channel.force(false); // the length stays
        }
    }

    @Override
    public void copy(Path from, long position, long lengthBytes, Path to) throws IOException {
        try (FileChannel source = FileChannel.open(from, StandardOpenOption.READ);
                FileChannel target = FileChannel.open(
                        to,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.TRUNCATE_EXISTING,
                        StandardOpenOption.WRITE)) {
            long copied = 0;
            while (copied < lengthBytes) {
                long count = source.transferTo(position + copied, lengthBytes - copied, target);
                if (count <= 0) {
                    throw new EOFException("%s: ended at %d".formatted(from, position + copied));
                }
                copied += count;
            }
            target.force(true);
        }
    }

    @Override
    public void create(Path file, byte[] bytes) throws IOException {
        try (FileChannel channel = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            writeFully(channel, ByteBuffer.wrap(bytes), 0);
            channel.force(true);
        }
    }

    @Override
    public void sync(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
    }

    @Override
    public void rename(Path from, Path to) throws IOException {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    }

    @Override
    public void delete(Path file) throws IOException {
        Files.deleteIfExists(file);
    }

    @Override
    public void syncFolder(Path folder) throws IOException {
        SegmentDirectory.sync(folder);
    }

    private static void writeFully(FileChannel channel, ByteBuffer bytes, long position) throws IOException {
        int start = bytes.position();
        while (bytes.hasRemaining()) {
            channel.write(bytes, position + bytes.position() - start);
        }
    }

    /// @param force whether a write is on disk only after a sync
    private record SyncedFile(FileChannel channel, boolean force) implements SegmentFile {
        @Override
        public void write(ByteBuffer bytes, long position) throws IOException {
            writeFully(channel, bytes, position);
            if (force) {
                channel.force(false); // fdatasync
            }
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}
