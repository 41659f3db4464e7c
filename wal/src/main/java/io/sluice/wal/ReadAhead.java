package io.sluice.wal;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/// A file, seen through a window that moves on; while one window is looked at, another thread reads the next. For one
/// thread.
final class ReadAhead implements AutoCloseable {
    /// Windows begin at multiples of this.
    private static final int WINDOW_BYTES = ReadAheadBuffers.WINDOW_BYTES;

    private final Path file;
    private final FileChannel channel;
    private final long sizeBytes;
    private final ReadAheadBuffers buffers;
    private ByteBuffer window;
    private long windowAt;
    private ByteBuffer spare;
    private long nextAt;
    private @Nullable Future<ByteBuffer> next;

    ReadAhead(Path file, ReadAheadBuffers buffers) throws IOException {
        this.file = file;
        this.channel = FileChannel.open(file, StandardOpenOption.READ);
        this.sizeBytes = channel.size();
        this.buffers = buffers;
        this.window = buffers.take(sizeBytes).limit(0);
        this.spare = buffers.take(sizeBytes);
    }

    long sizeBytes() {
        return sizeBytes;
    }

    /// Copies bytes of the file.
    void copy(long from, byte[] into, int length) throws IOException {
        int done = 0;
        while (done < length) {
            int offset = show(from + done);
            int count = Math.min(length - done, window.limit() - offset);
            window.get(offset, into, done, count);
            done += count;
        }
    }

    /// Adds bytes of the file to a checksum.
    void update(CRC32C crc, long from, long length) throws IOException {
        long done = 0;
        while (done < length) {
            int offset = show(from + done);
            int count = (int) Math.min(length - done, window.limit() - offset);
            crc.update(window.slice(offset, count));
            done += count;
        }
    }

    /// The first position from `from` on, below `to`, whose byte is not zero; `to` if there is none.
    long firstNonZero(long from, long to) throws IOException {
        long at = from;
        while (at < to) {
            int offset = show(at);
            int end = (int) Math.min(window.limit(), offset + (to - at));
            int i = offset;
            while (i < end && window.get(i) == 0) {
                i++;
            }
            if (i < end) {
                return at + i - offset;
            }
            at += end - offset;
        }
        return to;
    }

    /// Little-endian bytes of the file, `length` of them from the buffer's returned index on, if the window has them
    /// all; else -1.
    int indexOf(long at, int length) throws IOException {
        int offset = show(at);
        return offset + length <= window.limit() ? offset : -1;
    }

    /// Void when anything else is asked for.
    ByteBuffer window() {
        return window;
    }

    /// Moves the window to a position; returns the position's index in it.
    private int show(long at) throws IOException {
        if (at < windowAt || at >= windowAt + window.limit()) {
            move(at - at % WINDOW_BYTES);
        }
        return (int) (at - windowAt);
    }

    private void move(long at) throws IOException {
        boolean isNext = at == windowAt + window.limit();
        Future<ByteBuffer> ahead = next;
        next = null;
        if (ahead != null && nextAt == at) {
            spare = window;
            window = result(ahead);
        } else {
            if (ahead != null) {
                spare = result(ahead);
            }
            window = read(window, at);
        }
        windowAt = at;
        long following = at + window.limit();
        if (isNext && following < sizeBytes) {
            ByteBuffer target = spare;
            nextAt = following;
            next = buffers.reader().submit(() -> read(target, following));
        }
    }

    private ByteBuffer read(ByteBuffer reused, long at) throws IOException {
        reused.clear().limit((int) Math.min(WINDOW_BYTES, sizeBytes - at));
        while (reused.hasRemaining()) {
            if (channel.read(reused, at + reused.position()) < 0) {
                throw new EOFException("%s: shorter than its %d bytes".formatted(file, sizeBytes));
            }
        }
        return reused.flip();
    }

    private static ByteBuffer result(Future<ByteBuffer> read) throws IOException {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return read.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                } catch (ExecutionException e) {
                    throw new IOException(String.valueOf(e.getCause()), e.getCause());
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    public void close() throws IOException {
        try (channel) {
            if (next != null) {
                var _ = result(next);
            }
        } finally {
            buffers.giveBack(window);
            buffers.giveBack(spare);
        }
    }
}
