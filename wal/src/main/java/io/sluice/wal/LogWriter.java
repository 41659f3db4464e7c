package io.sluice.wal;

import io.sluice.model.SequenceNumber;
import io.sluice.wal.WalRefusedException.Reason;
import io.sluice.wal.format.SegmentFormat;
import io.sluice.wal.format.SegmentFormat.SegmentHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jctools.queues.varhandle.MpscUnboundedVarHandleArrayQueue;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The log's one thread and the queue before it: takes what is queued, numbers it, writes it, syncs once, and
/// completes it in order. There is no timer: an idle log commits at once, a busy one commits together what came
/// during the last sync.
///
/// Once a write or a sync has failed nothing is synced ever again: what the disk holds is then unknown, and a second
/// sync may succeed without having written what the first one lost.
final class LogWriter {
    private static final Logger LOG = LoggerFactory.getLogger(LogWriter.class);
    private static final int QUEUE_CHUNK = 1_024;
    /// Entries are gathered here before they are written; a longer one is written in pieces.
    private static final int STAGING_BYTES = 1 << 20;
    /// A batch ends here, so that the first of many does not wait for the last.
    private static final long MAX_BATCH_BYTES = 8L << 20;

    private final WalSettings settings;
    private final SequenceSource sequences;
    private final SegmentFile.Factory files;
    private final SegmentList segments;
    private final InstantSource clock;
    private final LongSupplier nanoTime;
    private final WalMetrics metrics;
    private final Consumer<IOException> onFailure;
    private final Thread thread;

    private final MpscUnboundedVarHandleArrayQueue<Append> queue = new MpscUnboundedVarHandleArrayQueue<>(QUEUE_CHUNK);
    private final AtomicInteger queuedEntries = new AtomicInteger();
    private final AtomicLong queuedBytes = new AtomicLong();
    private volatile WalStatus.State state = WalStatus.State.RUNNING;
    private volatile Optional<IOException> failure = Optional.empty();
    private volatile boolean closing;
    private volatile boolean parked;

    // The rest belongs to the log's thread.
    private final ByteBuffer staging = ByteBuffer.allocateDirect(STAGING_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    /// Entries that are taken and not answered yet.
    private final ArrayDeque<Append> batch = new ArrayDeque<>();
    private SegmentFile open;
    private SegmentHeader openHeader;
    private long openBytes;
    /// When the open segment got its first entry; means nothing before.
    private long firstEntryAtNs;
    /// Whether something was written to the open segment since it was synced.
    private boolean unsynced;
    private long lastSequence;

    /// Creates the first segment; starts nothing.
    ///
    /// @param lastSequence the last number given before
    LogWriter(
            WalSettings settings,
            SequenceSource sequences,
            SegmentFile.Factory files,
            SegmentList segments,
            long lastSequence,
            InstantSource clock,
            LongSupplier nanoTime,
            WalMetrics metrics,
            ThreadFactory threads,
            Consumer<IOException> onFailure)
            throws IOException {
        this.settings = settings;
        this.sequences = sequences;
        this.files = files;
        this.segments = segments;
        this.lastSequence = lastSequence;
        this.clock = clock;
        this.nanoTime = nanoTime;
        this.metrics = metrics;
        this.onFailure = onFailure;
        this.openHeader = header(segments.nextId());
        this.open = create(openHeader);
        this.openBytes = SegmentFormat.HEADER_BYTES;
        segments.opened(openHeader);
        this.thread = threads.newThread(this::run);
    }

    void start() {
        thread.start();
    }

    /// An entry that waits, its payload's checksum computed by the caller.
    private record Append(byte[] payload, int payloadCrc, AppendListener listener, long queuedAtNs) {
        long sizeBytes() {
            return SegmentFormat.ENTRY_HEADER_BYTES + (long) payload.length;
        }
    }

    void append(byte[] payload, AppendListener listener) throws WalRefusedException {
        if (payload.length < 1 || payload.length > SegmentFormat.MAX_PAYLOAD_BYTES) {
            throw new IllegalArgumentException(
                    "payload of %d bytes: expected 1 to %d".formatted(payload.length, SegmentFormat.MAX_PAYLOAD_BYTES));
        }
        // Counted before the state is read: the thread ends only once nothing is counted, so what is queued is seen.
        int entries = queuedEntries.incrementAndGet();
        long bytes = queuedBytes.addAndGet(payload.length);
        Optional<WalRefusedException> refusal = refusal(entries, bytes, payload.length);
        if (refusal.isPresent()) {
            dequeued(payload);
            throw refusal.get();
        }
        boolean queued = false;
        try {
            queued =
                    queue.offer(new Append(payload, SegmentFormat.payloadCrc(payload), listener, nanoTime.getAsLong()));
        } finally {
            if (!queued) {
                dequeued(payload); // no memory: close() must not wait for it
            }
        }
        if (parked) {
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
            case NO_SPACE ->
                Optional.of(new WalRefusedException(
                        Reason.NO_SPACE, "the log cannot create its next segment in " + settings.directory()));
            case FAILED ->
                Optional.of(new WalRefusedException(
                        Reason.FAILED,
                        "the log failed: " + failure.map(Throwable::getMessage).orElse("unknown")));
            case OPENED, CLOSED -> Optional.of(new WalRefusedException(Reason.CLOSED, "the log is closed"));
        };
    }

    private void dequeued(byte[] payload) {
        queuedBytes.addAndGet(-payload.length);
        queuedEntries.decrementAndGet();
    }

    WalStatus.State state() {
        return closing ? WalStatus.State.CLOSED : state;
    }

    Optional<IOException> failure() {
        return failure;
    }

    int queuedEntries() {
        return queuedEntries.get();
    }

    long queuedBytes() {
        return queuedBytes.get();
    }

    /// Whether the caller is the log's own thread, which must not wait for itself.
    boolean isCalledByItself() {
        return thread.equals(Thread.currentThread());
    }

    /// Commits what is queued and ends the thread.
    void close() throws IOException {
        closing = true;
        LockSupport.unpark(thread);
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true; // what is queued was promised an answer, so this waits all the same
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        open.close();
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

    /// Does what is to be done next; false if that is nothing ever again.
    private boolean step() throws IOException {
        if (state == WalStatus.State.NO_SPACE) {
            rotate();
        }
        if (take()) {
            commit();
        } else if (!closing) {
            await();
        } else if (queuedEntries.get() == 0) {
            return false;
        } else {
            Thread.onSpinWait(); // somebody is between counting and queueing
        }
        return true;
    }

    private boolean take() {
        long bytes = 0;
        while (bytes < MAX_BATCH_BYTES) {
            Append next = queue.poll();
            if (next == null) {
                break;
            }
            batch.add(next);
            bytes += next.sizeBytes();
        }
        return !batch.isEmpty();
    }

    /// Sleeps until something is queued, or the open segment is old enough to be closed.
    private void await() throws IOException {
        parked = true;
        try {
            // Looked at after the flag is up: who queues after this look sees the flag.
            if (queue.isEmpty() && !closing) {
                if (state == WalStatus.State.NO_SPACE) {
                    LockSupport.parkNanos(this, TimeUnit.MILLISECONDS.toNanos(100));
                } else if (openBytes == SegmentFormat.HEADER_BYTES || state == WalStatus.State.FAILED) {
                    LockSupport.park(this);
                } else {
                    LockSupport.parkNanos(this, Math.max(1, nanosToRotation(nanoTime.getAsLong())));
                }
            }
        } finally {
            parked = false;
        }
        if (queue.isEmpty() && state == WalStatus.State.RUNNING && isOld(nanoTime.getAsLong())) {
            rotate();
        }
    }

    private long nanosToRotation(long nowNs) {
        return settings.maxSegmentAge().toNanos() - (nowNs - firstEntryAtNs);
    }

    private boolean isOld(long nowNs) {
        return openBytes > SegmentFormat.HEADER_BYTES && nanosToRotation(nowNs) <= 0;
    }

    private boolean isFullFor(Append append) {
        return openBytes > SegmentFormat.HEADER_BYTES && openBytes + append.sizeBytes() > settings.segmentBytes();
    }

    /// Writes the batch, syncs once, and answers in order.
    ///
    /// @throws IOException if a write or a sync failed: then nothing of the batch is answered
    private void commit() throws IOException {
        if (failure.isPresent()) {
            failAll(failure.get());
            return;
        }
        long startNs = nanoTime.getAsLong();
        long bytes = 0;
        for (Append append : batch) {
            if (state == WalStatus.State.RUNNING && (isOld(startNs) || isFullFor(append))) {
                rotate();
            }
            write(append, startNs);
            bytes += append.sizeBytes();
        }
        drainStaging();
        sync();
        metrics.batchEntries.record(batch.size());
        metrics.batchBytes.record((double) bytes);
        metrics.writtenBytes.increment((double) bytes);
        segments.grown(openBytes, lastSequence);
        answer();
    }

    private void answer() {
        long nowNs = nanoTime.getAsLong();
        long sequence = lastSequence - batch.size() + 1;
        for (Append append = batch.poll(); append != null; append = batch.poll()) {
            dequeued(append.payload());
            metrics.append.record(nowNs - append.queuedAtNs(), TimeUnit.NANOSECONDS);
            try {
                append.listener().durable(new SequenceNumber(sequence));
            } catch (RuntimeException e) {
                LOG.error("entry {} is durable, and its listener threw; the log goes on", sequence, e);
            }
            sequence++;
        }
    }

    private void write(Append append, long nowNs) throws IOException {
        SequenceNumber sequence = sequences.next();
        if (sequence.value() != lastSequence + 1) {
            throw new IOException("sequence source: expected %d, found %s".formatted(lastSequence + 1, sequence));
        }
        if (staging.remaining() < SegmentFormat.ENTRY_HEADER_BYTES) {
            drainStaging();
        }
        byte[] payload = append.payload();
        SegmentFormat.putEntryHeader(
                staging, openHeader.segmentId(), payload.length, sequence.value(), append.payloadCrc());
        int copied = 0;
        while (copied < payload.length) {
            if (!staging.hasRemaining()) {
                drainStaging();
            }
            int length = Math.min(staging.remaining(), payload.length - copied);
            staging.put(payload, copied, length);
            copied += length;
        }
        if (openBytes == SegmentFormat.HEADER_BYTES) {
            firstEntryAtNs = nowNs;
        }
        openBytes += append.sizeBytes();
        lastSequence = sequence.value();
    }

    private void drainStaging() throws IOException {
        if (staging.position() > 0) {
            unsynced = true;
            open.write(staging.flip());
            staging.clear();
        }
    }

    private void sync() throws IOException {
        if (unsynced) {
            long startNs = nanoTime.getAsLong();
            open.sync();
            unsynced = false;
            metrics.sync.record(nanoTime.getAsLong() - startNs, TimeUnit.NANOSECONDS);
        }
    }

    /// The log's end: refuses what comes, tells who waits, and tells once whoever is to stop the process.
    private void poison(IOException cause) {
        if (failure.isEmpty()) {
            failure = Optional.of(cause);
            state = WalStatus.State.FAILED;
            LOG.error("the log in {} failed; nothing more is written to it", settings.directory(), cause);
            try {
                onFailure.accept(cause);
            } catch (RuntimeException e) {
                LOG.error("what was to hear of the log's failure threw", e);
            }
        }
        failAll(failure.orElse(cause));
    }

    private void failAll(IOException cause) {
        for (Append append = batch.poll(); append != null; append = batch.poll()) {
            dequeued(append.payload());
            try {
                append.listener().failed(cause);
            } catch (RuntimeException e) {
                LOG.error("the listener of a failed entry threw", e);
            }
        }
    }

    /// Closes the open segment and begins the next. If the next cannot be created, the open one goes on to be used
    /// for what is queued already, and new entries are refused until it can.
    ///
    /// @throws IOException if the open segment cannot be synced, which is final
    private void rotate() throws IOException {
        // In this order: were the next one created first, a loss of power in between would leave a torn segment whose
        // successor tells of entries that are missing.
        drainStaging();
        sync();
        SegmentHeader next = header(segments.nextId());
        SegmentFile file;
        try {
            file = create(next);
        } catch (IOException e) {
            if (state != WalStatus.State.NO_SPACE) {
                LOG.error(
                        "the log cannot create segment {} in {}; it refuses entries until it can",
                        next.segmentId(),
                        settings.directory(),
                        e);
            }
            state = WalStatus.State.NO_SPACE;
            return;
        }
        SegmentFile full = open;
        segments.grown(openBytes, lastSequence);
        segments.opened(next);
        open = file;
        openHeader = next;
        openBytes = SegmentFormat.HEADER_BYTES;
        if (state == WalStatus.State.NO_SPACE) {
            LOG.info("the log goes on in segment {}", next.segmentId());
        }
        state = WalStatus.State.RUNNING;
        try {
            full.close();
        } catch (IOException e) {
            LOG.warn("cannot close a segment that is synced and full", e);
        }
    }

    private SegmentHeader header(long id) {
        return new SegmentHeader(SegmentFormat.VERSION, id, lastSequence + 1, clock.millis());
    }

    /// Creates a segment and makes it and its name durable.
    private SegmentFile create(SegmentHeader header) throws IOException {
        SegmentFile file = files.create(SegmentDirectory.file(settings.directory(), header.segmentId()));
        boolean done = false;
        try {
            ByteBuffer bytes = ByteBuffer.allocate(SegmentFormat.HEADER_BYTES);
            SegmentFormat.putHeader(bytes, header);
            file.write(bytes.flip());
            file.sync();
            SegmentDirectory.sync(settings.directory());
            done = true;
            return file;
        } finally {
            if (!done) {
                abandon(file, header.segmentId());
            }
        }
    }

    private void abandon(SegmentFile file, long id) {
        try {
            file.close();
        } catch (IOException e) {
            LOG.warn("cannot close the unfinished segment {}", id, e);
        }
        segments.abandoned(id);
    }
}
