package io.sluice.wal;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.sluice.model.SequenceNumber;
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

    @GuardedBy("lock")
    private long letGoBelow;

    @GuardedBy("lock")
    private int link = SegmentFormat.UNLINKED;

    SegmentList(Path directory, WalMetrics metrics) {
        this.directory = directory;
        this.metrics = metrics;
    }

    /// What the next segment has to say of the one before it.
    int link() {
        lock.lock();
        try {
            return link;
        } finally {
            lock.unlock();
        }
    }

    /// The segments found at start end with one that has this link.
    void endsWith(int lastLink) {
        lock.lock();
        try {
            link = lastLink;
        } finally {
            lock.unlock();
        }
    }

    /// Nothing below a number is needed any more.
    void letGoBelow(long firstNeeded) {
        lock.lock();
        try {
            letGoBelow = Math.max(letGoBelow, firstNeeded);
        } finally {
            lock.unlock();
        }
    }

    /// The number below which nothing is needed any more.
    long letGoBelow() {
        lock.lock();
        try {
            return letGoBelow;
        } finally {
            lock.unlock();
        }
    }

    /// What becomes of a segment's file that is not needed any more.
    @FunctionalInterface
    interface FileRemoval {
        void remove(Path file, long sizeBytes) throws IOException;
    }

    /// An id that was seen: the next ones are above it.
    void sawId(long id) {
        lock.lock();
        try {
            highestId = Math.max(highestId, id);
        } finally {
            lock.unlock();
        }
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
    void opened(SegmentHeader header, long sizeBytes) {
        lock.lock();
        try {
            open.ifPresent(segment -> closed.put(segment.id(), segment));
            link = SegmentFormat.link(header);
            open = Optional.of(new Segment(
                    header.segmentId(),
                    SegmentDirectory.file(directory, header.segmentId()),
                    sizeBytes,
                    header.firstSequence(),
                    header.firstSequence() - 1,
                    header.createdAtMillis()));
        } finally {
            lock.unlock();
        }
    }

    /// The open segment has more entries.
    void grown(long lastSequence) {
        lock.lock();
        try {
            open = open.map(segment -> new Segment(
                    segment.id(),
                    segment.file(),
                    segment.sizeBytes(),
                    segment.firstSequence(),
                    lastSequence,
                    segment.createdAtMillis()));
        } finally {
            lock.unlock();
        }
    }

    /// Deletes the closed segments whose last number is below `firstNeeded`, oldest first. One that cannot be deleted
    /// is tried again at the next call, and those behind it wait: a log without its middle looks damaged.
    ///
    /// The newest segment stays until another is open: without it nothing would tell which numbers were given,
    /// neither to who goes on from there nor to the next start.
    ///
    /// @return whether any went
    boolean deleteBelow(long firstNeeded, FileRemoval removal) {
        List<Segment> free;
        lock.lock();
        try {
            letGoBelow = Math.max(letGoBelow, firstNeeded);
            free = closed.values().stream()
                    .limit(open.isPresent() ? closed.size() : Math.max(0, closed.size() - 1))
                    .takeWhile(segment -> segment.lastSequence() < firstNeeded)
                    .toList();
        } finally {
            lock.unlock();
        }
        return delete(free, removal);
    }

    /// Deletes the closed segments whatever their numbers, as [#deleteBelow] does. The numbers are given up with them.
    void deleteAll(FileRemoval removal) {
        List<Segment> all;
        lock.lock();
        try {
            all = List.copyOf(closed.values());
            link = SegmentFormat.UNLINKED;
        } finally {
            lock.unlock();
        }
        boolean _ = delete(all, removal);
    }

    private boolean delete(List<Segment> free, FileRemoval removal) {
        List<Segment> deleted = new ArrayList<>();
        for (Segment segment : free) {
            try {
                removal.remove(segment.file(), segment.sizeBytes());
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
        return !deleted.isEmpty();
    }

    /// Oldest first.
    List<SegmentStatus> list() {
        lock.lock();
        try {
            List<Segment> all = new ArrayList<>(closed.values());
            open.ifPresent(all::add);
            return all.stream()
                    .map(segment -> new SegmentStatus(
                            segment.id(),
                            segment.sizeBytes(),
                            new SequenceNumber(segment.firstSequence()),
                            new SequenceNumber(segment.lastSequence()),
                            Instant.ofEpochMilli(segment.createdAtMillis())))
                    .toList();
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
