package io.sluice.benches;

import io.sluice.model.SequenceNumber;
import io.sluice.wal.AppendListener;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/// No log at all: a write and a sync on the caller's own thread, which is what the disk asks for one entry. For a
/// single producer.
final class BareFile implements Contestant {
    private static final long SIZE_BYTES = 64L << 20;

    private final RecycledFile file;
    private long sequence;

    /// @param directory an empty folder
    BareFile(Path directory) throws IOException {
        this.file = RecycledFile.create(directory.resolve("bare"), SIZE_BYTES);
    }

    @Override
    public void append(byte[] payload, AppendListener listener) throws IOException {
        file.write(ByteBuffer.wrap(payload));
        file.sync();
        listener.durable(new SequenceNumber(++sequence));
    }

    @Override
    public boolean isBlocking() {
        return true;
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
