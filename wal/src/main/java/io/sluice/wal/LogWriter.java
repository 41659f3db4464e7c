package io.sluice.wal;

import io.sluice.model.SequenceNumber;
import io.sluice.wal.WalRefusedException.Reason;
import io.sluice.wal.format.SegmentFormat;
import io.sluice.wal.format.SegmentFormat.SegmentHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
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
    private SegmentFile open;
    private SegmentHeader openHeader;
    private long openBytes;
    private long openSinceNs;
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
        this.openSinceNs = nanoTime.getAsLong();
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
        queue.offer(new Append(payload, SegmentFormat.payloadCrc(payload), listener, nanoTime.getAsLong()));
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
        List<Append> batch = new ArrayList<>();
        while (true) {
            if (state == WalStatus.State.NO_SPACE) {
                tryRotate();
            }
            if (take(batch)) {
                commit(batch);
                batch.clear();
            } else if (closing && queuedEntries.get() == 0) {
                return;
            } else if (closing) {
                Thread.onSpinWait(); // somebody is between counting and queueing
            } else {
                await();
            }
        }
    }

    private boolean take(List<Append> batch) {
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
    private void await() {
        parked = true;
        try {
            // Looked at after the flag is up: who queues after this look sees the flag.
            if (queue.isEmpty() && !closing) {
                if (state == WalStatus.State.NO_SPACE) {
                    LockSupport.parkNanos(this, TimeUnit.MILLISECONDS.toNanos(100));
                } else if (openBytes == SegmentFormat.HEADER_BYTES || state == WalStatus.State.FAILED) {
                    LockSupport.park(this);
                } else {
                    LockSupport.parkNanos(this, Math.max(1, nanosToRotation()));
                }
            }
        } finally {
            parked = false;
        }
        if (queue.isEmpty() && state == WalStatus.State.RUNNING && isOld()) {
            tryRotate();
        }
    }

    private long nanosToRotation() {
        return settings.maxSegmentAge().toNanos() - (nanoTime.getAsLong() - openSinceNs);
    }

    private boolean isOld() {
        return openBytes > SegmentFormat.HEADER_BYTES && nanosToRotation() <= 0;
    }

    private void commit(List<Append> batch) {
        if (failure.isPresent()) {
            fail(batch, failure.get());
            return;
        }
        long firstSequence = lastSequence + 1;
        long bytes = 0;
        try {
            for (Append append : batch) {
                if (isOld()
                        || (openBytes > SegmentFormat.HEADER_BYTES
                                && openBytes + append.sizeBytes() > settings.segmentBytes())) {
                    drainStaging();
                    tryRotate();
                }
                write(append);
                bytes += append.sizeBytes();
            }
            drainStaging();
            sync();
        } catch (IOException e) {
            poison(e);
            fail(batch, e);
            return;
        }
        metrics.batchEntries.record(batch.size());
        metrics.batchBytes.record((double) bytes);
        metrics.writtenBytes.increment((double) bytes);
        segments.grown(openBytes, lastSequence);
        long nowNs = nanoTime.getAsLong();
        for (int i = 0; i < batch.size(); i++) {
            Append append = batch.get(i);
            dequeued(append.payload());
            metrics.append.record(nowNs - append.queuedAtNs(), TimeUnit.NANOSECONDS);
            append.listener().durable(new SequenceNumber(firstSequence + i));
        }
    }

    private void write(Append append) throws IOException {
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
        openBytes += append.sizeBytes();
        lastSequence = sequence.value();
    }

    private void drainStaging() throws IOException {
        staging.flip();
        open.write(staging);
        staging.clear();
    }

    private void sync() throws IOException {
        long startNs = nanoTime.getAsLong();
        open.sync();
        metrics.sync.record(nanoTime.getAsLong() - startNs, TimeUnit.NANOSECONDS);
    }

    private void poison(IOException cause) {
        failure = Optional.of(cause);
        state = WalStatus.State.FAILED;
        LOG.error("the log in {} failed; nothing more is written to it", settings.directory(), cause);
        onFailure.accept(cause);
    }

    private void fail(List<Append> batch, IOException cause) {
        for (Append append : batch) {
            dequeued(append.payload());
            append.listener().failed(cause);
        }
    }

    /// Closes the open segment and begins the next. If the next cannot be created, the open one goes on to be used
    /// for what is queued already, and new entries are refused until it can.
    private void tryRotate() {
        SegmentHeader next = header(segments.nextId());
        SegmentFile file;
        try {
            file = create(next);
        } catch (IOException e) {
            if (state != WalStatus.State.NO_SPACE) {
                LOG.error("the log cannot create segment {} in {}", next.segmentId(), settings.directory(), e);
            }
            state = WalStatus.State.NO_SPACE;
            return;
        }
        try {
            sync();
            open.close();
        } catch (IOException e) {
            poison(e);
            return;
        }
        segments.grown(openBytes, lastSequence);
        segments.opened(next);
        open = file;
        openHeader = next;
        openBytes = SegmentFormat.HEADER_BYTES;
        openSinceNs = nanoTime.getAsLong();
        state = WalStatus.State.RUNNING;
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
                file.close();
                segments.abandoned(header.segmentId());
            }
        }
    }
}
