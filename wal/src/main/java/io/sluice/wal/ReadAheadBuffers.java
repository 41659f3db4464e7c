package io.sluice.wal;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;

/// What reading a log takes: a thread that reads ahead, and the windows, which one file hands to the next. For one
/// thread.
final class ReadAheadBuffers implements AutoCloseable {
    static final int WINDOW_BYTES = 2 << 20;

    private final ExecutorService reader;
    private final ArrayDeque<ByteBuffer> free = new ArrayDeque<>();

    ReadAheadBuffers(ThreadFactory threads) {
        this.reader = Executors.newSingleThreadExecutor(threads);
    }

    ExecutorService reader() {
        return reader;
    }

    /// A window for a file of a length; smaller than [#WINDOW_BYTES] if the file is.
    ByteBuffer take(long fileBytes) {
        int neededBytes = (int) Math.min(WINDOW_BYTES, fileBytes);
        ByteBuffer pooled = free.poll();
        return pooled != null && pooled.capacity() >= neededBytes
                ? pooled
                : ByteBuffer.allocateDirect(neededBytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    void giveBack(ByteBuffer window) {
        free.push(window);
    }

    @Override
    public void close() {
        reader.shutdown();
    }
}
