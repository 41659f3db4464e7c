package io.sluice.wal;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.sluice.wal.format.SegmentFormat;
import io.sluice.wal.format.SegmentFormat.SegmentHeader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The segments of a log: the closed ones, and the open one at the end. Any thread may call any method; only one adds.
final class SegmentList {
    private static final Logger LOG = LoggerFactory.getLogger(SegmentList.class);

    private final Path directory;
    private final WalMetrics metrics;
    private final ReentrantLock lock = new ReentrantLock();

    /// By id.
    @GuardedBy("lock")
    private final TreeMap<Long, Segment> closed = new TreeMap<>();

    @GuardedBy("lock")
    private Optional<Segment> open = Optional.empty();

    @GuardedBy("lock")
    private long highestId;

    SegmentList(Path directory, WalMetrics metrics) {
        this.directory = directory;
        this.metrics = metrics;
    }

    /// Adds a segment found at start.
    void found(Segment segment) {
        lock.lock();
        try {
            closed.put(segment.id(), segment);
            highestId = Math.max(highestId, segment.id());
        } finally {
            lock.unlock();
        }
    }

    /// An id above all that were ever given out, whose file name is free.
    long nextId() {
        while (true) {
            long id = higherId();
            if (!Files.exists(SegmentDirectory.file(directory, id), LinkOption.NOFOLLOW_LINKS)) {
                return id;
            }
        }
    }

    private long higherId() {
        lock.lock();
        try {
            highestId++;
            return highestId;
        } finally {
            lock.unlock();
        }
    }

    /// A new segment follows the open one, which is closed now.
    void opened(SegmentHeader header) {
        lock.lock();
        try {
            open.ifPresent(segment -> closed.put(segment.id(), segment));
            open = Optional.of(new Segment(
                    header.segmentId(),
                    SegmentDirectory.file(directory, header.segmentId()),
                    SegmentFormat.HEADER_BYTES,
                    header.firstSequence(),
                    header.firstSequence() - 1,
                    header.createdAtMillis()));
        } finally {
            lock.unlock();
        }
    }

    /// The open segment has become longer.
    void grown(long sizeBytes, long lastSequence) {
        lock.lock();
        try {
            open = open.map(segment -> new Segment(
                    segment.id(),
                    segment.file(),
                    sizeBytes,
                    segment.firstSequence(),
                    lastSequence,
                    segment.createdAtMillis()));
        } finally {
            lock.unlock();
        }
    }

    /// A segment could not be created: what there is of it goes.
    void abandoned(long id) {
        Path file = SegmentDirectory.file(directory, id);
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            LOG.warn("cannot delete the unfinished segment {}; the next start finds it empty", file, e);
        }
    }

    /// Deletes the closed segments whose last number is below `firstNeeded`, oldest first. One that cannot be deleted
    /// is tried again at the next call, and those behind it wait: a log without its middle looks damaged.
    void deleteBelow(long firstNeeded) {
        List<Segment> free;
        lock.lock();
        try {
            free = closed.values().stream()
                    .takeWhile(segment -> segment.lastSequence() < firstNeeded)
                    .toList();
        } finally {
            lock.unlock();
        }
        List<Segment> deleted = new ArrayList<>();
        for (Segment segment : free) {
            try {
                Files.deleteIfExists(segment.file());
                deleted.add(segment);
                LOG.debug(
                        "segment {} is deleted: its writes up to {} are in files",
                        segment.id(),
                        segment.lastSequence());
            } catch (IOException e) {
                metrics.deleteFailures.increment();
                LOG.warn("cannot delete segment {}; it is tried again", segment.file(), e);
                break;
            }
        }
        lock.lock();
        try {
            deleted.forEach(segment -> closed.remove(segment.id()));
        } finally {
            lock.unlock();
        }
    }

    int count() {
        lock.lock();
        try {
            return closed.size() + (open.isPresent() ? 1 : 0);
        } finally {
            lock.unlock();
        }
    }

    long sizeBytes() {
        lock.lock();
        try {
            return closed.values().stream().mapToLong(Segment::sizeBytes).sum()
                    + open.map(Segment::sizeBytes).orElse(0L);
        } finally {
            lock.unlock();
        }
    }

    /// The last number in any segment; 0 if there is none.
    long lastSequence() {
        lock.lock();
        try {
            long last = closed.values().stream()
                    .mapToLong(Segment::lastSequence)
                    .max()
                    .orElse(0);
            return Math.max(last, open.map(Segment::lastSequence).orElse(0L));
        } finally {
            lock.unlock();
        }
    }

    Optional<Instant> oldestCreatedAt() {
        lock.lock();
        try {
            Optional<Segment> oldest =
                    closed.isEmpty() ? open : Optional.of(closed.firstEntry().getValue());
            return oldest.map(segment -> Instant.ofEpochMilli(segment.createdAtMillis()));
        } finally {
            lock.unlock();
        }
    }
}
