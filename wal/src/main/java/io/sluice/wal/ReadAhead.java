package io.sluice.wal;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.zip.CRC32C;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A file, seen through a window that moves on; while one window is looked at, other threads read the next ones. For
/// one thread.
final class ReadAhead implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ReadAhead.class);
    /// After so many windows that followed one another those behind are read ahead: not yet for somebody who jumps back
    /// and forth, as a search behind damage does.
    private static final int STEADY = 2;
    /// Files from this length on are read with direct I/O where that goes: the log is larger than what the page cache
    /// should give up for it, and to take pages for it costs more than to read them.
    private static final long DIRECT_BYTES = 4L << 20;

    private final Path file;
    private final FileChannel channel;
    private final long sizeBytes;
    private final ReadAheadBuffers buffers;
    private final int windowBytes;
    private ByteBuffer window;
    private long windowAt;
    /// Windows that followed one another. Whoever begins at the beginning mostly reads on.
    private int steps = STEADY - 1;
    /// Those behind the window, one after another.
    private final Deque<Ahead> ahead = new ArrayDeque<>();

    private record Ahead(long at, Future<ByteBuffer> window) {}

    ReadAhead(Path file, ReadAheadBuffers buffers) throws IOException {
        this.file = file;
        this.channel = open(file, buffers);
        this.sizeBytes = channel.size();
        this.buffers = buffers;
        this.windowBytes = buffers.windowBytes();
        this.window = buffers.take(sizeBytes).limit(0);
    }

    private static FileChannel open(Path file, ReadAheadBuffers buffers) throws IOException {
        if (buffers.ahead() > 0 && Files.size(file) >= DIRECT_BYTES) {
            try {
                return DirectIo.openToRead(file);
            } catch (IOException | UnsupportedOperationException e) {
                LOG.debug("{} is read through the page cache: {}", file, e.toString());
            }
        }
        return FileChannel.open(file, StandardOpenOption.READ);
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
            move(at - at % windowBytes);
        }
        return (int) (at - windowAt);
    }

    private void move(long at) throws IOException {
        boolean isNext = at == windowAt + window.limit();
        steps = isNext ? Math.min(STEADY, steps + 1) : 0;
        Ahead next = ahead.peek();
        if (next != null && next.at() == at) {
            buffers.giveBack(window);
            window = result(ahead.remove().window());
        } else {
            giveUpAhead();
            window = read(window, at);
        }
        windowAt = at;
        if (steps == STEADY) {
            readAhead();
        }
    }

    private void readAhead() {
        long at = ahead.isEmpty() ? windowAt + window.limit() : ahead.getLast().at() + windowBytes;
        for (; at < sizeBytes && ahead.size() < buffers.ahead(); at += windowBytes) {
            ByteBuffer target = buffers.take(sizeBytes);
            long from = at;
            ahead.add(new Ahead(from, buffers.readers().submit(() -> read(target, from))));
        }
    }

    /// Waits for what is being read. What cannot be read harms nobody, as nobody looks at it.
    private void giveUpAhead() {
        while (!ahead.isEmpty()) {
            try {
                buffers.giveBack(result(ahead.remove().window()));
            } catch (IOException e) {
                LOG.debug("read ahead in vain", e);
            }
        }
    }

    private ByteBuffer read(ByteBuffer reused, long at) throws IOException {
        int wanted = (int) Math.min(windowBytes, sizeBytes - at);
        // Asks for whole blocks; only at the file's end there are fewer bytes.
        reused.clear();
        while (reused.position() < wanted) {
            int _ = channel.read(reused, at + reused.position());
            if (reused.position() < wanted && at + reused.position() >= channel.size()) {
                throw new EOFException("%s: shorter than its %d bytes".formatted(file, sizeBytes));
            }
        }
        return reused.position(wanted).flip();
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
        giveUpAhead();
        buffers.giveBack(window);
        channel.close();
    }
}
