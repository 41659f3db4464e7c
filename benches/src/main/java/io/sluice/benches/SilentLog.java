package io.sluice.benches;

import io.sluice.model.SequenceNumber;
import io.sluice.wal.AppendListener;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedTransferQueue;

/// Writes nothing: a thread answers what comes. What it reaches is what the producers, and waking them, leave of the
/// machine; no log can be faster.
final class SilentLog implements Contestant {
    private final BlockingQueue<AppendListener> queue = new LinkedTransferQueue<>();
    private final Thread thread = Thread.ofPlatform().name("silent").unstarted(this::run);
    private long sequence;

    static SilentLog start() {
        SilentLog log = new SilentLog();
        log.thread.start();
        return log;
    }

    @Override
    public void append(byte[] payload, AppendListener listener) {
        queue.add(listener);
    }

    private void run() {
        try {
            while (true) {
                queue.take().durable(new SequenceNumber(++sequence));
            }
        } catch (InterruptedException _) {
            // closed
        }
    }

    @Override
    public boolean isBlocking() {
        return false;
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
