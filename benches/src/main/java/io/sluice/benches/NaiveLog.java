package io.sluice.benches;

import io.sluice.model.SequenceNumber;
import io.sluice.wal.AppendListener;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.zip.CRC32C;

/// Group commit as one writes it in an afternoon: a blocking queue, and a thread that takes all there is, writes it
/// with one gathering write into a recycled file, syncs and answers. It has no segments, and nothing reads it.
final class NaiveLog implements Contestant {
    private static final long SIZE_BYTES = 128L << 20;
    private static final int HEADER_BYTES = 8;
    /// Two buffers each, as many as Linux takes in one gathering write (1,024).
    private static final int MAX_BATCH_ENTRIES = 512;

    private final BlockingQueue<Entry> queue = new LinkedBlockingQueue<>(MAX_BATCH_ENTRIES);
    private final RecycledFile file;
    private final Thread thread = Thread.ofPlatform().name("naive").unstarted(this::run);
    private long sequence;

    private record Entry(ByteBuffer header, ByteBuffer payload, AppendListener listener) {}

    /// @param directory an empty folder
    static NaiveLog start(Path directory) throws IOException {
        NaiveLog log = new NaiveLog(RecycledFile.create(directory.resolve("naive"), SIZE_BYTES));
        log.thread.start();
        return log;
    }

    private NaiveLog(RecycledFile file) {
        this.file = file;
    }

    @Override
    public void append(byte[] payload, AppendListener listener) throws InterruptedException {
        CRC32C crc = new CRC32C();
        crc.update(payload);
        ByteBuffer header = ByteBuffer.allocate(HEADER_BYTES)
                .putInt(payload.length)
                .putInt((int) crc.getValue())
                .flip();
        queue.put(new Entry(header, ByteBuffer.wrap(payload), listener));
    }

    private void run() {
        List<Entry> batch = new ArrayList<>(MAX_BATCH_ENTRIES);
        Optional<IOException> failure = Optional.empty();
        while (true) {
            try {
                batch.add(queue.take());
            } catch (InterruptedException _) {
                return; // closed
            }
            queue.drainTo(batch, MAX_BATCH_ENTRIES - 1);
            try {
                if (failure.isEmpty()) {
                    commit(batch);
                }
            } catch (IOException e) {
                failure = Optional.of(e);
            }
            for (Entry entry : batch) {
                failure.ifPresentOrElse(
                        entry.listener()::failed, () -> entry.listener().durable(new SequenceNumber(++sequence)));
            }
            batch.clear();
        }
    }

    private void commit(List<Entry> batch) throws IOException {
        ByteBuffer[] buffers = new ByteBuffer[2 * batch.size()];
        for (int i = 0; i < batch.size(); i++) {
            buffers[2 * i] = batch.get(i).header();
            buffers[2 * i + 1] = batch.get(i).payload();
        }
        file.write(buffers);
        file.sync();
    }

    @Override
    public boolean isBlocking() {
        return false;
    }

    @Override
    public void close() throws IOException {
        thread.interrupt();
        file.close();
    }
}
