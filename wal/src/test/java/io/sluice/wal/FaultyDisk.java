package io.sluice.wal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/// The real disk, which can be made to fail, or to wait, when something is written.
final class FaultyDisk extends ForwardingDisk {
    final AtomicInteger writes = new AtomicInteger();
    final AtomicInteger allocations = new AtomicInteger();
    volatile boolean failWrite;
    volatile boolean failAllocate;
    volatile boolean failRename;
    volatile CountDownLatch gate = new CountDownLatch(0);
    volatile CountDownLatch allocateGate = new CountDownLatch(0);
    volatile CountDownLatch writing = new CountDownLatch(1);

    FaultyDisk() {
        super(new RealDisk(true));
    }

    private void awaitGate(CountDownLatch closed) throws IOException {
        if (closed.getCount() > 0) {
            writing.countDown();
            try {
                closed.await();
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
        }
    }

    @Override
    public void allocate(Path file, long sizeBytes) throws IOException {
        awaitGate(allocateGate);
        if (failAllocate) {
            throw new IOException("no space left (made to fail)");
        }
        allocations.incrementAndGet();
        super.allocate(file, sizeBytes);
    }

    @Override
    public SegmentFile open(Path file) throws IOException {
        SegmentFile opened = super.open(file);
        return new SegmentFile() {
            @Override
            public void write(ByteBuffer bytes, long position) throws IOException {
                writes.incrementAndGet();
                awaitGate(gate);
                if (failWrite) {
                    throw new IOException("write (made to fail)");
                }
                opened.write(bytes, position);
            }

            @Override
            public void close() throws IOException {
                opened.close();
            }
        };
    }

    @Override
    public void rename(Path from, Path to) throws IOException {
        if (failRename) {
            throw new IOException("rename (made to fail)");
        }
        super.rename(from, to);
    }
}
