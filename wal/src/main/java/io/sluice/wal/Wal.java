package io.sluice.wal;

import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.model.SequenceNumber;
import io.sluice.wal.WalStatus.State;
import io.sluice.wal.format.SegmentFormat;
import io.sluice.wal.format.SegmentFormat.SegmentHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;

/// The write-ahead log: [#append] makes a payload durable under the next number, [#replay] brings all payloads back
/// after a crash, [#deleteBelow] lets go of those that are not needed any more. It knows nothing of what the payloads
/// mean.
///
/// In order: [#open], [#replay] once, [#start], then any thread may append, delete and look; [#close] at the end.
/// Layout on disk: [io.sluice.wal.format.SegmentFormat].
public final class Wal implements AutoCloseable {
    /// A file in the log's folder that is none of the log's: whoever sees to it that the disk has room puts it there.
    public static final String RESERVE = "disk.reserve";

    /// Folders that logs of this process have.
    private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

    private final WalSettings settings;
    private final Disk disk;
    private final InstantSource clock;
    private final LongSupplier nanoTime;
    private final WalMetrics metrics;
    private final FileChannel lockFile;
    private final SegmentList segments;
    private final LogReplay replay;
    private final Path held;
    private final AtomicBoolean replayed = new AtomicBoolean();
    private final AtomicBoolean started = new AtomicBoolean();
    private final AtomicBoolean closed = new AtomicBoolean();
    private volatile GroupLimits group;
    private volatile long maxBytes;
    private volatile Optional<SegmentPool> pool = Optional.empty();
    private volatile Optional<LogWriter> writer = Optional.empty();

    private Wal(
            WalSettings settings,
            Disk disk,
            InstantSource clock,
            LongSupplier nanoTime,
            MeterRegistry registry,
            Path held,
            FileChannel lockFile) {
        this.settings = settings;
        this.group = settings.group();
        this.maxBytes = settings.maxBytes();
        this.disk = disk;
        this.clock = clock;
        this.nanoTime = nanoTime;
        this.held = held;
        this.lockFile = lockFile;
        this.metrics = new WalMetrics(registry);
        this.segments = new SegmentList(settings.directory(), metrics);
        this.replay = new LogReplay(settings, disk, segments, metrics);
        metrics.gauge("sluice.wal.segments", "Segments on disk, the open one included", segments::count);
        metrics.gauge("sluice.wal.bytes", "Bytes of all segments", segments::sizeBytes);
        metrics.gauge(
                "sluice.wal.queue.entries",
                "Entries that wait to be durable",
                () -> writer.map(LogWriter::waitingEntries).orElse(0));
        metrics.gauge(
                "sluice.wal.queue.bytes",
                "Payload bytes that wait to be durable",
                () -> writer.map(LogWriter::waitingBytes).orElse(0L));
        metrics.gauge(
                "sluice.wal.spare.segments",
                "Files that are ready to become segments",
                () -> pool.map(SegmentPool::spareCount).orElse(0));
        metrics.gauge(
                "sluice.wal.writing.seconds",
                "How long the disk has been at the write, or the next segment, that the log waits for",
                () -> writer.map(LogWriter::writingForNs).orElse(0L) / 1e9);
        metrics.gauge(
                "sluice.wal.oldest.segment.age.seconds",
                "Age of the oldest segment",
                () -> segments.oldestCreatedAt()
                        .map(at -> (clock.millis() - at.toEpochMilli()) / 1000.0)
                        .orElse(0.0));
    }

    /// Takes the log's folder, creating it if there is none. Starts no thread and reads no entry.
    ///
    /// @param clock for the time at which segments are created
    /// @param nanoTime for durations
    /// @throws WalLockedException if another process has the folder
    public static Wal open(WalSettings settings, InstantSource clock, LongSupplier nanoTime, MeterRegistry metrics)
            throws IOException {
        return open(settings, new RealDisk(settings.directIo()), clock, nanoTime, metrics);
    }

    static Wal open(WalSettings settings, Disk disk, InstantSource clock, LongSupplier nanoTime, MeterRegistry metrics)
            throws IOException {
        createDurably(settings.directory());
        Path folder = settings.directory().toRealPath();
        // Asked before the lock file is touched: a process loses its POSIX lock when it closes any descriptor of the
        // file.
        if (!HELD.add(folder)) {
            throw new WalLockedException(settings.directory(), thisProcess());
        }
        boolean done = false;
        try {
            Wal wal = new Wal(settings, disk, clock, nanoTime, metrics, folder, lock(settings.directory()));
            done = true;
            return wal;
        } finally {
            if (!done) {
                HELD.remove(folder);
            }
        }
    }

    private static String thisProcess() {
        return "process " + ProcessHandle.current().pid();
    }

    private static void createDurably(Path directory) throws IOException {
        Path absolute = directory.toAbsolutePath();
        if (!Files.isDirectory(absolute)) {
            Path parent = absolute.getParent();
            if (parent != null) {
                createDurably(parent);
            }
            Files.createDirectories(absolute);
            if (parent != null) {
                SegmentDirectory.sync(parent);
            }
        }
    }

    private static FileChannel lock(Path directory) throws IOException {
        Path path = directory.resolve(SegmentDirectory.LOCK);
        FileChannel channel =
                FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        boolean done = false;
        try {
            if (channel.tryLock() == null) {
                throw new WalLockedException(directory, owner(channel));
            }
            channel.truncate(0);
            channel.write(ByteBuffer.wrap(thisProcess().getBytes(StandardCharsets.UTF_8)));
            done = true;
            return channel;
        } finally {
            if (!done) {
                channel.close();
            }
        }
    }

    private static String owner(FileChannel channel) throws IOException {
        ByteBuffer text = ByteBuffer.allocate(64);
        channel.read(text, 0);
        String owner = new String(text.array(), 0, text.position(), StandardCharsets.UTF_8).strip();
        return owner.isEmpty() ? "another process" : owner;
    }

    /// The last number that the log knows of, from entries and from headers; NONE if there is none. Right from the
    /// end of [#replay] on.
    public SequenceNumber lastSequence() {
        return new SequenceNumber(segments.lastSequence());
    }

    /// Under whose name the numbers in a log's folder are given, from the last segment that tells; empty if none does.
    /// May be asked before [#replay].
    public Optional<UUID> owner() throws IOException {
        for (Path segment : SegmentDirectory.list(settings.directory())
                .segments()
                .descendingMap()
                .values()) {
            Optional<UUID> owner = SegmentDirectory.header(segment).map(SegmentHeader::owner);
            if (owner.isPresent() && !owner.get().equals(new UUID(0, 0))) {
                return owner;
            }
        }
        return Optional.empty();
    }

    /// Says under whose name the log's numbers are given, before [#replay]: segments that tell another are none of this
    /// log.
    public void belongsTo(UUID owner) {
        replay.belongsTo(owner);
    }

    /// Hands over every entry, in order, and puts the folder in order: ends a torn tail, sets damage aside in the
    /// folder `quarantine`. To be called once, before [#start].
    ///
    /// @param threads makes those that read ahead
    /// @throws WalVersionException if a newer version wrote a segment
    /// @throws CorruptEntryException if something is damaged and the policy is FAIL
    public ReplayReport replay(EntryHandler handler, ThreadFactory threads) throws IOException, InterruptedException {
        if (started.get() || !replayed.compareAndSet(false, true)) {
            throw new IllegalStateException("a log is replayed once, before it is started");
        }
        return replay.run(handler, threads);
    }

    /// How far [#replay] is. Any thread may call.
    public ReplayProgress replayProgress() {
        return replay.progress();
    }

    /// Deletes every segment: the caller gave up their numbering. After [#replay], before [#start].
    public void discardAll() throws IOException {
        segments.deleteAll((file, _) -> disk.delete(file));
        if (segments.count() > 0) {
            throw new IOException("cannot delete the segments in " + settings.directory());
        }
        disk.syncFolder(settings.directory());
    }

    /// Begins a new segment and the log's threads. Once, and after [#replay], unless the folder holds no segment.
    ///
    /// @param sequences its first number must be one above [#lastSequence]
    /// @param ownerId under whose name the numbers are given; each segment tells it
    /// @param threads makes three: one writes, one calls listeners, one makes segments
    /// @param owner hears what concerns the whole log
    public void start(SequenceSource sequences, UUID ownerId, ThreadFactory threads, WalListener owner)
            throws IOException {
        if (!replayed.get()
                && !SegmentDirectory.list(settings.directory()).segments().isEmpty()) {
            throw new IllegalStateException("replay comes before start: the log has entries, and they have numbers");
        }
        if (closed.get() || !started.compareAndSet(false, true)) {
            throw new IllegalStateException("a log is started once, before it is closed");
        }
        SegmentPool made = new SegmentPool(
                disk,
                settings.directory(),
                settings.segmentBytes(),
                settings.maxSpares(),
                segments::nextId,
                replay.spares(),
                threads);
        made.start();
        boolean done = false;
        try {
            LogWriter begun = new LogWriter(
                    settings,
                    () -> group,
                    () -> maxBytes,
                    sequences,
                    segments,
                    made,
                    segments.lastSequence(),
                    clock,
                    nanoTime,
                    metrics,
                    threads,
                    ownerId,
                    owner);
            pool = Optional.of(made);
            writer = Optional.of(begun);
            begun.start();
            done = true;
        } finally {
            if (!done) {
                made.close();
            }
        }
    }

    /// Something else shares a sync from now on.
    public void reconfigure(GroupLimits newGroup) {
        group = newGroup;
    }

    /// Segments may have so many bytes from now on. If that is more, a log that was full takes writes again; if it is
    /// less than they have, it takes none until some were deleted.
    ///
    /// @throws IllegalArgumentException if that is less than two segments
    public void reconfigure(long newMaxBytes) {
        if (newMaxBytes < 2 * settings.segmentBytes()) {
            throw new IllegalArgumentException("maxBytes must be at least two segments of %d bytes: %d"
                    .formatted(settings.segmentBytes(), newMaxBytes));
        }
        maxBytes = newMaxBytes;
        writer.ifPresent(LogWriter::look);
    }

    /// As [#append(byte\[\], AppendSession, AppendListener)], of a payload that depends on no other.
    public void append(byte[] payload, AppendListener listener) throws WalRefusedException {
        append(payload, new AppendSession(), listener);
    }

    /// Queues a payload to be made durable. Packs it and computes its checksum on the calling thread, and never blocks.
    ///
    /// @param payload 1 byte to 1 GiB; not to be changed from now on
    /// @param session of the payloads that it must not be without
    /// @param listener hears what became of it, unless this throws
    /// @throws WalRefusedException if it was not taken
    public void append(byte[] payload, AppendSession session, AppendListener listener) throws WalRefusedException {
        Optional<LogWriter> running = writer;
        if (running.isEmpty()) {
            throw new WalRefusedException(WalRefusedException.Reason.CLOSED, "the log is not started");
        }
        if (payload.length < 1 || payload.length > SegmentFormat.MAX_PAYLOAD_BYTES) {
            throw new IllegalArgumentException(
                    "payload of %d bytes: expected 1 to %d".formatted(payload.length, SegmentFormat.MAX_PAYLOAD_BYTES));
        }
        running.get().append(Payloads.encode(payload, settings.compression(), session, listener, nanoTime.getAsLong()));
    }

    /// Lets go of the closed segments whose entries are all numbered below `firstNeeded`, but for the newest as long as
    /// the log is not started. Any thread may call.
    public void deleteBelow(SequenceNumber firstNeeded) {
        Optional<SegmentPool> running = pool;
        boolean any = segments.deleteBelow(firstNeeded.value(), (file, sizeBytes) -> {
            if (running.isPresent()) {
                running.get().recycle(file, sizeBytes);
            } else {
                disk.delete(file);
            }
        });
        if (any) {
            writer.ifPresent(LogWriter::look);
        }
    }

    /// The closed segments and the open one, oldest first. Any thread may call.
    public List<SegmentStatus> segments() {
        return segments.list();
    }

    /// What the log is doing. Any thread may call.
    public WalStatus status() {
        Optional<LogWriter> running = writer;
        State state =
                closed.get() ? State.CLOSED : running.map(LogWriter::state).orElse(State.OPENED);
        return new WalStatus(
                settings.directory(),
                state,
                segments.count(),
                segments.sizeBytes(),
                lastSequence(),
                segments.oldestCreatedAt(),
                running.map(LogWriter::waitingEntries).orElse(0),
                running.map(LogWriter::waitingBytes).orElse(0L),
                pool.map(SegmentPool::spareCount).orElse(0),
                maxBytes,
                Duration.ofNanos(running.map(LogWriter::writingForNs).orElse(0L)),
                running.flatMap(LogWriter::failure).map(Throwable::getMessage));
    }

    /// Makes durable what is queued, ends the log's thread and lets go of the folder.
    ///
    /// @throws IllegalStateException if a listener calls, on one of the log's threads, which would wait for
    ///     itself
    @Override
    public void close() throws IOException {
        if (writer.map(LogWriter::isCalledByItself).orElse(false)) {
            throw new IllegalStateException("the log cannot be closed on its own thread");
        }
        if (closed.compareAndSet(false, true)) {
            try (lockFile) {
                if (writer.isPresent()) {
                    writer.get().close();
                }
            } finally {
                HELD.remove(held);
            }
        }
    }
}
