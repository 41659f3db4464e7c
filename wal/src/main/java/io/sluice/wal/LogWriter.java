package io.sluice.wal;

import io.sluice.model.SequenceNumber;
import io.sluice.wal.SegmentPool.NewSegment;
import io.sluice.wal.WalRefusedException.Reason;
import io.sluice.wal.format.SegmentFormat;
import io.sluice.wal.format.SegmentFormat.SegmentHeader;
import java.io.IOException;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jctools.queues.varhandle.MpscUnboundedVarHandleArrayQueue;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The log's one writing thread and the queue before it: takes what is queued, numbers it, and makes it durable with
/// one write. There is no timer by default: an idle log commits at once, a busy one commits together what came during
/// the last write.
///
/// Once a write has failed nothing is written ever again: what the disk holds is then unknown, and a second try may
/// succeed without what the first one lost.
final class LogWriter {
    private static final Logger LOG = LoggerFactory.getLogger(LogWriter.class);
    private static final int QUEUE_CHUNK = 1_024;
    /// How often a log without room looks whether there is some.
    private static final long ROOM_CHECK_NS = TimeUnit.MILLISECONDS.toNanos(100);

    /// How long a group waits for those who heard of the one before, if none of them comes.
    private static final long QUIET_NS = TimeUnit.MICROSECONDS.toNanos(40);

    /// How often it looks at most meanwhile.
    private static final int QUIET_LOOKS = 1_000;

    /// Waits in vain, one after another, behind which only every so many groups waits.
    private static final int MAX_VAIN_WAITS = 4;

    private static final int SELDOM = 64;

    private final WalSettings settings;
    private final Supplier<GroupLimits> groupLimits;
    private final LongSupplier maxBytes;
    private final SequenceSource sequences;
    private final SegmentList segments;
    private final SegmentPool pool;
    private final InstantSource clock;
    private final LongSupplier nanoTime;
    private final WalMetrics metrics;
    private final UUID ownerId;
    private final WalListener owner;
    private final Completions completions;
    private final Thread thread;

    private final MpscUnboundedVarHandleArrayQueue<Append> queue = new MpscUnboundedVarHandleArrayQueue<>(QUEUE_CHUNK);
    /// Entries that the thread has not taken; raised before an entry is queued.
    private final AtomicInteger queued = new AtomicInteger();
    /// Entries whose listeners were not called, and their payloads' bytes.
    private final AtomicInteger waitingEntries = new AtomicInteger();

    private final AtomicLong waitingBytes = new AtomicLong();
    private volatile WalStatus.State state = WalStatus.State.RUNNING;
    private volatile Optional<IOException> failure = Optional.empty();
    private volatile String noRoom = "";
    private volatile boolean closing;
    private volatile boolean parked;
    /// Since when the thread waits for the disk: for a write, or for the next segment; 0 = it does not.
    private volatile long writingSinceNs;

    // The rest belongs to the log's thread.
    private final Staging staging = new Staging();
    /// Taken, and did not fit into the group before.
    private @Nullable Append held;

    private NewSegment open;
    private SegmentHeader openHeader;
    /// When the open segment got its first entry; means nothing before.
    private long firstEntryAtNs;

    private int lastGroupSize;
    private int vainWaits;
    private boolean hasEntries;
    private long lastSequence;

    /// Makes the first segment; starts nothing.
    ///
    /// @param maxBytes of all segments; asked for each
    /// @param lastSequence the last number given before
    LogWriter(
            WalSettings settings,
            Supplier<GroupLimits> groupLimits,
            LongSupplier maxBytes,
            SequenceSource sequences,
            SegmentList segments,
            SegmentPool pool,
            long lastSequence,
            InstantSource clock,
            LongSupplier nanoTime,
            WalMetrics metrics,
            ThreadFactory threads,
            UUID ownerId,
            WalListener owner)
            throws IOException {
        this.ownerId = ownerId;
        this.settings = settings;
        this.groupLimits = groupLimits;
        this.maxBytes = maxBytes;
        this.sequences = sequences;
        this.segments = segments;
        this.pool = pool;
        this.lastSequence = lastSequence;
        this.clock = clock;
        this.nanoTime = nanoTime;
        this.metrics = metrics;
        this.owner = owner;
        this.completions = new Completions(owner, nanoTime, metrics, this::told, this::isNextGroupThere, threads);
        this.open = pool.take();
        this.openHeader = begin(open);
        drain(); // so that a log without entries still knows its numbers
        this.thread = threads.newThread(this::run);
    }

    void start() {
        completions.start();
        thread.start();
    }

    /// Queues an entry; never blocks.
    void append(Append append) throws WalRefusedException {
        int length = append.payload().length;
        int entries = waitingEntries.incrementAndGet();
        long bytes = waitingBytes.addAndGet(length);
        // Raised before the state is read: the thread ends only once nothing is counted, so what is queued is seen.
        queued.incrementAndGet();
        boolean taken = false;
        try {
            Optional<WalRefusedException> refusal = refusal(entries, bytes, length);
            if (refusal.isPresent()) {
                throw refusal.get();
            }
            taken = queue.offer(append);
        } finally {
            if (!taken) {
                queued.decrementAndGet();
                waitingEntries.decrementAndGet();
                waitingBytes.addAndGet(-length);
            }
        }
        if (parked) {
            parked = false; // one is enough to wake it
            LockSupport.unpark(thread);
        }
    }

    private Optional<WalRefusedException> refusal(int entries, long bytes, int lengthBytes) {
        if (closing) {
            return Optional.of(new WalRefusedException(Reason.CLOSED, "the log is closed"));
        }
        if (entries > settings.maxQueueEntries() || (bytes > settings.maxQueueBytes() && bytes > lengthBytes)) {
            return Optional.of(new WalRefusedException(
                    Reason.QUEUE_FULL,
                    "the log's queue is full: %d of %d entries, %d of %d bytes"
                            .formatted(
                                    entries - 1,
                                    settings.maxQueueEntries(),
                                    bytes - lengthBytes,
                                    settings.maxQueueBytes())));
        }
        return switch (state) {
            case RUNNING -> Optional.empty();
            case NO_SPACE -> Optional.of(noSpace());
            case FULL -> Optional.of(full());
            case FAILED ->
                Optional.of(new WalRefusedException(
                        Reason.FAILED,
                        "the log failed: " + failure.map(Throwable::getMessage).orElse("unknown")));
            case OPENED, CLOSED -> Optional.of(new WalRefusedException(Reason.CLOSED, "the log is closed"));
        };
    }

    private WalRefusedException noSpace() {
        return new WalRefusedException(
                Reason.NO_SPACE,
                "the log cannot create its next segment in %s: %s".formatted(settings.directory(), noRoom));
    }

    private WalRefusedException full() {
        return new WalRefusedException(
                Reason.FULL,
                "the log is full: its segments have %d of %d bytes (--wal-max-bytes), and what they hold is not in files yet"
                        .formatted(segments.sizeBytes(), maxBytes.getAsLong()));
    }

    private void told(List<Append> appends) {
        long bytes = 0;
        for (Append append : appends) {
            bytes += append.payload().length;
        }
        waitingBytes.addAndGet(-bytes);
        waitingEntries.addAndGet(-appends.size());
    }

    WalStatus.State state() {
        return closing ? WalStatus.State.CLOSED : state;
    }

    Optional<IOException> failure() {
        return failure;
    }

    int waitingEntries() {
        return waitingEntries.get();
    }

    long waitingBytes() {
        return waitingBytes.get();
    }

    /// For how long the disk has been at the write, or the next segment, that the log waits for; 0 if it waits for
    /// none.
    long writingForNs() {
        long since = writingSinceNs;
        return since == 0 ? 0 : Math.max(0, nanoTime.getAsLong() - since);
    }

    /// Whether the caller is one of the log's own threads, which must not wait for themselves.
    boolean isCalledByItself() {
        return thread.equals(Thread.currentThread()) || completions.isCalledByItself();
    }

    /// Room may have been made.
    void look() {
        LockSupport.unpark(thread);
    }

    /// Commits what is queued and ends the threads.
    void close() throws IOException {
        closing = true;
        LockSupport.unpark(thread);
        Threads.join(thread);
        completions.close();
        pool.close();
        open.file().close();
    }

    private void run() {
        boolean more = true;
        while (more) {
            try {
                more = step();
            } catch (IOException e) {
                poison(e);
            } catch (RuntimeException | Error e) {
                // A bug, or no memory: whoever waits must not wait for a thread that is gone.
                poison(new IOException("the log's thread failed: " + e, e));
            }
        }
    }

    /// The entries of the group that is being gathered or written.
    private List<Append> group = new ArrayList<>();

    /// Does what is to be done next; false if that is nothing ever again.
    private boolean step() throws IOException {
        if (isWithoutRoom() && hasRoom()) {
            rotateNow();
        }
        awaitReturn();
        Append first = held != null ? held : poll();
        held = null;
        if (first != null) {
            commit(first);
        } else if (!closing) {
            await();
        } else if (queued.get() == 0) {
            return false;
        } else {
            Thread.onSpinWait(); // somebody is between counting and queueing
        }
        return true;
    }

    /// Most of those who heard of the last group come back with their next write within microseconds. Waiting for
    /// half of them, as long as they keep coming, makes few large groups of many small ones; and the other half
    /// comes back while those are written. It lets others run meanwhile and does not sleep, as to be woken takes
    /// longer than all of this.
    @SuppressWarnings("ThreadPriorityCheck") // whether a yield does anything is a matter of speed only
    private void awaitReturn() {
        if (held != null || closing || isNextGroupThere()) {
            return;
        }
        if (vainWaits >= MAX_VAIN_WAITS && vainWaits++ % SELDOM != 0) {
            return; // those who write now do not wait for one another
        }
        int before = queued.get();
        int seen = before;
        int looks = 0;
        long sinceNs = nanoTime.getAsLong();
        while (!isNextGroupThere() && looks < QUIET_LOOKS && nanoTime.getAsLong() - sinceNs < QUIET_NS) {
            Thread.yield();
            looks++;
            int now = queued.get();
            if (now != seen) {
                seen = now;
                looks = 0;
                sinceNs = nanoTime.getAsLong();
            }
        }
        vainWaits = seen > before ? 0 : vainWaits + 1;
    }

    /// Whether so many wait that the next group is worth writing.
    private boolean isNextGroupThere() {
        return queued.get() >= (lastGroupSize + 1) / 2;
    }

    /// The next entry that is queued; tells those on the way whose session has ended.
    private @Nullable Append poll() {
        while (true) {
            Append next = queue.poll();
            if (next == null) {
                return null;
            }
            queued.decrementAndGet();
            Optional<WalRefusedException> refusal = next.session().refusal();
            if (refusal.isEmpty()) {
                return next;
            }
            completions.refused(List.of(next), refusal.get());
        }
    }

    private boolean isWithoutRoom() {
        return state == WalStatus.State.NO_SPACE || state == WalStatus.State.FULL;
    }

    /// Sleeps until something is queued, or the open segment is old enough to be closed.
    private void await() throws IOException {
        parked = true;
        try {
            // Looked at after the flag is up: who queues after this look sees the flag.
            if (queue.isEmpty() && !closing) {
                if (isWithoutRoom()) {
                    LockSupport.parkNanos(this, ROOM_CHECK_NS);
                } else if (!hasEntries || state == WalStatus.State.FAILED) {
                    LockSupport.park(this);
                } else {
                    LockSupport.parkNanos(this, Math.max(1, nanosToRotation(nanoTime.getAsLong())));
                }
            }
        } finally {
            parked = false;
        }
        if (queue.isEmpty() && state == WalStatus.State.RUNNING && isOld(nanoTime.getAsLong()) && hasRoom()) {
            rotateNow();
        }
    }

    private long nanosToRotation(long nowNs) {
        return settings.maxSegmentAge().toNanos() - (nowNs - firstEntryAtNs);
    }

    private boolean isOld(long nowNs) {
        return hasEntries && nanosToRotation(nowNs) <= 0;
    }

    private boolean fits(Append append) {
        return staging.endBytes() + append.sizeBytes() <= open.sizeBytes();
    }

    /// Gathers a group that begins with an entry, and makes it durable.
    ///
    /// @throws IOException if the write failed: then nothing of the group is answered
    private void commit(Append first) throws IOException {
        group.add(first);
        if (failure.isPresent()) {
            completions.failed(takeGroup(), failure.get());
            return;
        }
        long startNs = nanoTime.getAsLong();
        if (!fits(first) || (state == WalStatus.State.RUNNING && isOld(startNs))) {
            group.clear();
            if (!makeRoom(first)) {
                return;
            }
            group.add(first);
        }
        if (!hasEntries) {
            hasEntries = true;
            firstEntryAtNs = startNs;
            pool.prepare();
        }
        long firstSequence = lastSequence + 1;
        long bytes = first.sizeBytes();
        if (!staging.hasRoomFor(first)) {
            staging.putLong(first, openHeader.segmentId(), nextSequence(), this::drain);
        } else {
            staging.put(first, openHeader.segmentId(), nextSequence(), 0);
            bytes = gather(startNs, bytes);
        }
        drain();
        metrics.batchEntries.record(group.size());
        metrics.batchBytes.record((double) bytes);
        metrics.writtenBytes.increment((double) bytes);
        segments.grown(lastSequence);
        completions.durable(takeGroup(), firstSequence);
    }

    private List<Append> takeGroup() {
        lastGroupSize = group.size();
        List<Append> taken = group;
        group = new ArrayList<>();
        return taken;
    }

    /// Adds what is queued to the group, as long as it fits; returns the group's bytes.
    ///
    /// @param firstBytes of the entry that is in it
    private long gather(long startNs, long firstBytes) throws IOException {
        long bytes = firstBytes;
        GroupLimits limits = groupLimits.get();
        boolean mayWait = limits.delay().isPositive() && owner.writesInFlight() > limits.siblings();
        while (true) {
            Append next = poll();
            if (next == null) {
                long leftNs = limits.delay().toNanos() - (nanoTime.getAsLong() - startNs);
                if (!mayWait || leftNs <= 0 || closing) {
                    return bytes;
                }
                parked = true;
                if (queue.isEmpty()) {
                    LockSupport.parkNanos(this, leftNs);
                }
                parked = false;
            } else if (bytes + next.sizeBytes() <= limits.maxBytes() && fits(next) && staging.hasRoomFor(next)) {
                staging.put(next, openHeader.segmentId(), nextSequence(), group.size());
                group.add(next);
                bytes += next.sizeBytes();
            } else {
                held = next;
                return bytes;
            }
        }
    }

    private long nextSequence() throws IOException {
        SequenceNumber sequence = sequences.next();
        if (sequence.value() != lastSequence + 1) {
            throw new IOException("sequence source: expected %d, found %s".formatted(lastSequence + 1, sequence));
        }
        lastSequence = sequence.value();
        return lastSequence;
    }

    /// Makes durable what is staged.
    private void drain() throws IOException {
        long startNs = noteWaiting();
        staging.write(open.file(), open.sizeBytes());
        writingSinceNs = 0;
        metrics.sync.record(nanoTime.getAsLong() - startNs, TimeUnit.NANOSECONDS);
    }

    private long noteWaiting() {
        long nowNs = nanoTime.getAsLong();
        writingSinceNs = nowNs == 0 ? 1 : nowNs;
        return nowNs;
    }

    /// The log's end: refuses what comes, tells who waits, and tells once whoever is to stop the process.
    private void poison(IOException cause) {
        writingSinceNs = 0;
        if (failure.isEmpty()) {
            failure = Optional.of(cause);
            state = WalStatus.State.FAILED;
            LOG.error("the log in {} failed; nothing more is written to it", settings.directory(), cause);
            try {
                owner.failed(cause);
            } catch (RuntimeException e) {
                LOG.error("what was to hear of the log's failure threw", e);
            }
        }
        completions.failed(takeGroup(), failure.orElse(cause));
    }

    private boolean hasRoom() {
        if (segments.sizeBytes() + settings.segmentBytes() <= maxBytes.getAsLong()) {
            return true;
        }
        if (state != WalStatus.State.FULL) {
            LOG.warn("{}; it refuses writes until there is room", full().getMessage());
        }
        state = WalStatus.State.FULL;
        return false;
    }

    /// Begins the segment that an entry goes to. If there is none, the entry and all that is queued are refused, and so
    /// is what comes until there is room.
    private boolean makeRoom(Append first) {
        WalRefusedException refusal;
        if (!hasRoom()) {
            refusal = full();
        } else {
            long neededBytes = SegmentFormat.HEADER_BYTES + first.sizeBytes();
            boolean done = neededBytes <= settings.segmentBytes() ? rotate() : rotateTo(neededBytes);
            if (done) {
                return true;
            }
            refusal = noSpace();
        }
        // Their sessions first: what comes behind them, from now on or a moment ago, may find room again.
        for (Append next = first; next != null; next = poll()) {
            next.session().refuse(refusal);
            group.add(next);
        }
        completions.refused(takeGroup(), refusal);
        return false;
    }

    /// Begins the next segment though there is no entry for it: its header tells the numbers when all others are gone.
    private void rotateNow() throws IOException {
        if (rotate()) {
            drain();
        }
    }

    /// Begins the next segment; false if it cannot be made.
    private boolean rotate() {
        var _ = noteWaiting();
        try {
            opened(pool.take());
            return true;
        } catch (IOException e) {
            if (state != WalStatus.State.NO_SPACE) {
                LOG.error(
                        "the log cannot create a segment in {}; it refuses writes until it can",
                        settings.directory(),
                        e);
            }
            noRoom = String.valueOf(e.getMessage());
            state = WalStatus.State.NO_SPACE;
            return false;
        } finally {
            writingSinceNs = 0;
        }
    }

    /// Begins a segment of its own for an entry that is longer than a segment; false if it cannot be made.
    private boolean rotateTo(long neededBytes) {
        var _ = noteWaiting();
        try {
            opened(pool.makeLarge((neededBytes + Disk.BLOCK_BYTES - 1) & -Disk.BLOCK_BYTES));
            return true;
        } catch (IOException e) {
            LOG.error("the log cannot create a segment of {} bytes in {}", neededBytes, settings.directory(), e);
            noRoom = String.valueOf(e.getMessage());
            return false;
        } finally {
            writingSinceNs = 0;
        }
    }

    private void opened(NewSegment segment) {
        NewSegment full = open;
        open = segment;
        openHeader = begin(segment);
        if (isWithoutRoom()) {
            LOG.info("the log goes on in segment {}", segment.id());
        }
        state = WalStatus.State.RUNNING;
        try {
            full.file().close();
        } catch (IOException e) {
            LOG.warn("cannot close a segment that is full", e);
        }
    }

    /// Stages a segment's header; it goes to disk with the first entries.
    private SegmentHeader begin(NewSegment segment) {
        long first = lastSequence + 1;
        SegmentHeader header = new SegmentHeader(
                SegmentFormat.VERSION,
                segments.link(),
                segment.id(),
                first,
                clock.millis(),
                Math.clamp(segments.letGoBelow(), 1, first),
                ownerId);
        staging.begin(header);
        hasEntries = false;
        segments.opened(header, segment.sizeBytes());
        return header;
    }
}
