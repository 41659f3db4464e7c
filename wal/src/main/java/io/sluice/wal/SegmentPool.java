package io.sluice.wal;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.sluice.wal.format.SegmentFormat;
import io.sluice.wal.format.SegmentFormat.SegmentHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Has the log's next segment ready before it is needed: an allocated file under its name, made on a thread of this
/// pool's own from a segment that was let go of, or else from zeros. So the log's thread neither fills files nor syncs
/// folders.
///
/// Any thread may call any method; one takes.
final class SegmentPool {
    private static final Logger LOG = LoggerFactory.getLogger(SegmentPool.class);

    private final Disk disk;
    private final Path directory;
    private final long segmentBytes;
    private final int maxSpares;
    private final LongSupplier ids;
    private final Thread thread;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    /// Files of the full length whose content nobody needs.
    @GuardedBy("lock")
    private final Deque<Path> spares = new ArrayDeque<>();

    @GuardedBy("lock")
    private Optional<NewSegment> next = Optional.empty();

    @GuardedBy("lock")
    private boolean wanted;

    /// Whether the thread is at work.
    @GuardedBy("lock")
    private boolean making;

    /// Why the next segment could not be made, until it is asked for again.
    @GuardedBy("lock")
    private Optional<IOException> failure = Optional.empty();

    @GuardedBy("lock")
    private boolean closed;

    /// A segment without a header of its own: its content is zeros, or an earlier use's.
    record NewSegment(long id, Path path, SegmentFile file, long sizeBytes) {}

    /// Starts nothing.
    ///
    /// @param maxSpares files that are kept besides the next segment; more are deleted
    /// @param ids gives each new segment its id; any thread may ask
    /// @param found files of the full length, from an earlier process
    SegmentPool(
            Disk disk,
            Path directory,
            long segmentBytes,
            int maxSpares,
            LongSupplier ids,
            List<Path> found,
            ThreadFactory threads) {
        this.disk = disk;
        this.directory = directory;
        this.segmentBytes = segmentBytes;
        this.maxSpares = maxSpares;
        this.ids = ids;
        this.spares.addAll(found);
        this.thread = threads.newThread(this::run);
    }

    void start() {
        thread.start();
    }

    /// Asks for the next segment to be made, and does not wait.
    void prepare() {
        lock.lock();
        try {
            wanted = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /// Waits for the next segment and takes it.
    ///
    /// @throws IOException why it cannot be made now
    NewSegment take() throws IOException {
        lock.lock();
        try {
            wanted = true;
            failure = Optional.empty();
            changed.signalAll();
            while (next.isEmpty() && failure.isEmpty() && !closed) {
                changed.awaitUninterruptibly();
            }
            if (next.isEmpty()) {
                throw new IOException(
                        failure.map(Throwable::getMessage).orElse("the log is closed"), failure.orElse(null));
            }
            NewSegment taken = next.get();
            next = Optional.empty();
            return taken;
        } finally {
            lock.unlock();
        }
    }

    /// Makes a segment that is longer than the others, on the calling thread. What was made ready becomes a spare:
    /// its id is lower, and ids must rise in the order in which segments are used.
    ///
    /// @param sizeBytes a multiple of [Disk#BLOCK_BYTES]
    NewSegment makeLarge(long sizeBytes) throws IOException {
        Optional<NewSegment> unused;
        lock.lock();
        try {
            wanted = false;
            while (making) {
                changed.awaitUninterruptibly();
            }
            unused = next;
            next = Optional.empty();
        } finally {
            lock.unlock();
        }
        if (unused.isPresent()) {
            retire(unused.get());
        }
        return make(Optional.empty(), sizeBytes);
    }

    private void retire(NewSegment unused) throws IOException {
        unused.file().close();
        Path spare = SegmentDirectory.spare(unused.path());
        disk.rename(unused.path(), spare);
        lock.lock();
        try {
            spares.addFirst(spare);
        } finally {
            lock.unlock();
        }
    }

    /// Takes a file whose segment is not needed any more.
    void recycle(Path file, long sizeBytes) throws IOException {
        Path spare = SegmentDirectory.spare(file);
        boolean keep;
        lock.lock();
        try {
            keep = !closed && sizeBytes == segmentBytes && spares.size() < maxSpares;
        } finally {
            lock.unlock();
        }
        if (!keep) {
            disk.delete(file);
            // For good: segments are used again, oldest first, so those that a loss of power brings back are the newest
            // of those that were let go of, without a gap. One that comes back from before would look like a gap.
            disk.syncFolder(directory);
            return;
        }
        disk.rename(file, spare);
        lock.lock();
        try {
            spares.addLast(spare);
        } finally {
            lock.unlock();
        }
    }

    int spareCount() {
        lock.lock();
        try {
            return spares.size() + (next.isPresent() ? 1 : 0);
        } finally {
            lock.unlock();
        }
    }

    /// Ends the thread. The next segment becomes a spare again.
    void close() throws IOException {
        lock.lock();
        try {
            closed = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        Threads.join(thread);
        Optional<NewSegment> unused;
        lock.lock();
        try {
            unused = next;
            next = Optional.empty();
        } finally {
            lock.unlock();
        }
        if (unused.isPresent()) {
            retire(unused.get());
        }
    }

    private void run() {
        while (awaitWanted()) {
            Optional<NewSegment> made = Optional.empty();
            Optional<IOException> failed = Optional.empty();
            try {
                made = Optional.of(make(pollSpare(), segmentBytes));
            } catch (IOException e) {
                failed = Optional.of(e);
            } catch (RuntimeException | Error e) {
                LOG.error("making the log's next segment failed", e);
                failed = Optional.of(new IOException("the next segment: " + e, e));
            }
            lock.lock();
            try {
                wanted = false;
                making = false;
                next = made;
                failure = failed;
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }

    private boolean awaitWanted() {
        lock.lock();
        try {
            while (!closed && (!wanted || next.isPresent())) {
                changed.awaitUninterruptibly();
            }
            making = !closed;
            return !closed;
        } finally {
            lock.unlock();
        }
    }

    private Optional<Path> pollSpare() {
        lock.lock();
        try {
            return Optional.ofNullable(spares.pollFirst());
        } finally {
            lock.unlock();
        }
    }

    private NewSegment make(Optional<Path> recycled, long sizeBytes) throws IOException {
        long id = ids.getAsLong();
        Path path = SegmentDirectory.file(directory, id);
        Path source = recycled.orElse(SegmentDirectory.spare(path));
        if (recycled.isEmpty()) {
            disk.allocate(source, sizeBytes);
        }
        boolean done = false;
        try {
            disk.rename(source, path);
            if (recycled.isEmpty()) {
                disk.syncFolder(directory);
            }
            // A recycled file is in the folder for good, under this name or an earlier one; its header tells the id. To
            // sync the folder would make the disk flush between the log's writes.
            // Otherwise, if power is lost in the first write to the new segment, the header of the old one may stand
            // before
            // torn content, and look like damage.
            ByteBuffer header = ByteBuffer.allocate(SegmentFormat.HEADER_BYTES);
            SegmentFormat.putHeader(header, SegmentHeader.notBegun(id));
            disk.overwrite(path, header.flip(), 0);
            SegmentFile file = disk.open(path);
            done = true;
            return new NewSegment(id, path, file, sizeBytes);
        } finally {
            if (!done) {
                discard(source);
                discard(path);
            }
        }
    }

    private void discard(Path file) {
        try {
            disk.delete(file);
        } catch (IOException e) {
            LOG.warn("cannot delete the unused file {}; the next start takes it up", file, e);
        }
    }
}
