package io.sluice.wal;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;

/// What reading a log takes: threads that read ahead, and the windows, which one file hands to the next. For one
/// thread.
final class ReadAheadBuffers implements AutoCloseable {
    /// Two requests keep a disk busy from one to the next.
    private static final int THREADS = 2;

    private static final int WINDOW_BYTES = 1 << 20;
    /// Windows that are read, or being read, behind the one that is looked at: a disk that answers late now and then
    /// keeps nobody waiting.
    private static final int AHEAD = 4;

    private static final int PEEK_BYTES = 64 << 10;

    private final ExecutorService readers;
    private final int windowBytes;
    private final int ahead;
    private final ArrayDeque<ByteBuffer> free = new ArrayDeque<>();

    /// @param threads makes those that read ahead
    ReadAheadBuffers(ThreadFactory threads) {
        this(Executors.newFixedThreadPool(THREADS, threads), WINDOW_BYTES, AHEAD);
    }

    private ReadAheadBuffers(ExecutorService readers, int windowBytes, int ahead) {
        this.readers = readers;
        this.windowBytes = windowBytes;
        this.ahead = ahead;
    }

    /// For a look at the beginning of files: small windows, and nothing is read ahead. Need not be closed.
    ReadAheadBuffers forPeeks() {
        return new ReadAheadBuffers(readers, PEEK_BYTES, 0);
    }

    ExecutorService readers() {
        return readers;
    }

    /// Windows begin at multiples of this.
    int windowBytes() {
        return windowBytes;
    }

    /// How many windows may be read ahead.
    int ahead() {
        return ahead;
    }

    /// A window for a file of a length; smaller than [#windowBytes] if the file is. A whole one may be read into with
    /// direct I/O.
    ByteBuffer take(long fileBytes) {
        int neededBytes = (int) Math.min(windowBytes, fileBytes);
        ByteBuffer pooled = free.poll();
        if (pooled != null && pooled.capacity() >= neededBytes) {
            return pooled;
        }
        ByteBuffer made =
                neededBytes == windowBytes ? DirectIo.allocate(windowBytes) : ByteBuffer.allocateDirect(neededBytes);
        return made.order(ByteOrder.LITTLE_ENDIAN);
    }

    void giveBack(ByteBuffer window) {
        free.push(window);
    }

    @Override
    public void close() {
        readers.shutdown();
    }
}
