package io.sluice.ingester.replay;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.ingester.buffer.BufferTree;
import io.sluice.ingester.buffer.GatheredRows;
import io.sluice.ingester.door.DecodedWrite;
import io.sluice.ingester.door.InvalidWriteException;
import io.sluice.ingester.door.WriteDecoder;
import io.sluice.ingester.schema.SchemaConflictException;
import io.sluice.ingester.sink.StableWatermark;
import io.sluice.ingester.sink.WriteOperation;
import io.sluice.ingester.write.WriteGatherer;
import io.sluice.ingester.write.WritePreparer;
import io.sluice.model.SequenceNumber;
import io.sluice.wal.QuarantineFolder;
import io.sluice.wal.ReplayReport;
import io.sluice.wal.Wal;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.arrow.memory.OutOfMemoryException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Applies the log's writes to the buffer, in order, by the code of a live write but without the log. What is in files
/// already is skipped, so that however often a process crashes, no row comes twice. Used by one thread, once.
///
/// Three things go on at a time: the calling thread reads and checks the log, as many threads as there are processors
/// decode writes and cut them into partitions, a batch of neighbours each, and one applies the batches in log order.
/// Neighbours that are small are gathered first, so that the work of a thousand writes of one row is that of one of a
/// thousand; queries see them at once.
/// The batches on their way are bounded; while the buffer is full, the applying thread waits for persist, and so do
/// all.
///
/// A write that does not apply is a bug, as all were checked before they were logged: it is set aside in the log's
/// quarantine folder, counted and reported, and the start goes on. A write that finds no memory, or a catalog that does
/// not answer, is nothing of the kind: it ends the replay, and stays in the log.
public final class WalReplayer {
    private static final Logger LOG = LoggerFactory.getLogger(WalReplayer.class);
    /// A batch ends with the write by which it has so many payload bytes, or so many writes.
    private static final int BATCH_BYTES = 1 << 20;

    private static final int BATCH_WRITES = 2_048;
    /// Batches on their way besides those being decoded.
    private static final int BATCHES_AHEAD = 2;

    private final Path quarantine;
    private final WritePreparer preparer;
    private final BufferTree buffer;
    private final StableWatermark stable;
    private final MemoryRoom room;
    private final ThreadFactory threads;
    private final Counter writes;
    private final Counter rows;
    private final Counter skipped;
    private final Counter quarantined;
    /// Writes above it are in no file.
    private volatile SequenceNumber inFilesThrough = SequenceNumber.NONE;

    private final AtomicLong appliedRows = new AtomicLong();
    private final AtomicLong aheadBytes = new AtomicLong();
    /// Those that no thread uses now; each remembers what the writes before looked like.
    private final Queue<WriteGatherer> gatherers = new ConcurrentLinkedQueue<>();

    /// A write of the log.
    private record Logged(SequenceNumber sequence, byte[] payload) {}

    /// A write that was decoded, or several; or why one was not.
    private sealed interface Decoded {
        /// Of the last write.
        SequenceNumber sequence();

        /// Neighbours whose rows were gathered.
        ///
        /// @param writes those that have rows here
        /// @param rowCount of all of them, also of those that are in files
        /// @param skipped how many more there were, all of whose rows are in files
        record Gathered(
                List<Logged> writes, long rowCount, List<GatheredRows> rows, long skipped, SequenceNumber sequence)
                implements Decoded {}

        record Applicable(WriteOperation operation) implements Decoded {
            @Override
            public SequenceNumber sequence() {
                return operation.sequence();
            }
        }

        record Inapplicable(Logged write, Exception cause) implements Decoded {
            @Override
            public SequenceNumber sequence() {
                return write.sequence();
            }
        }

        /// There was no memory for its rows.
        record Postponed(Logged write) implements Decoded {
            @Override
            public SequenceNumber sequence() {
                return write.sequence();
            }
        }
    }

    /// Where replay waits when the buffer is full, until persist has made room: the limits hold as in steady state.
    @FunctionalInterface
    public interface MemoryRoom {
        /// Returns once there is room for more rows.
        ///
        /// @throws IOException if there never will be, because persist has ended
        void await() throws IOException, InterruptedException;
    }

    /// @param quarantine folder for writes that do not apply; created when needed
    /// @param threads makes the threads that read ahead, decode and apply
    public WalReplayer(
            Path quarantine,
            WritePreparer preparer,
            BufferTree buffer,
            StableWatermark stable,
            MemoryRoom room,
            ThreadFactory threads,
            MeterRegistry metrics) {
        this.quarantine = quarantine;
        this.preparer = preparer;
        this.buffer = buffer;
        this.stable = stable;
        this.room = room;
        this.threads = threads;
        this.writes = counter(metrics, "sluice.replay.writes", "Writes applied from the log at start");
        this.rows = counter(metrics, "sluice.replay.rows", "Rows applied from the log at start");
        this.skipped = counter(
                metrics,
                "sluice.replay.skipped",
                "Writes of the log that were skipped at start: all of each is in files");
        this.quarantined = counter(
                metrics, "sluice.replay.quarantined", "Writes of the log that did not apply and were set aside");
    }

    private static Counter counter(MeterRegistry metrics, String name, String description) {
        return Counter.builder(name).description(description).register(metrics);
    }

    /// Rows applied so far. Any thread may ask.
    public long appliedRows() {
        return appliedRows.get();
    }

    /// Bytes of writes that were read and are not applied yet. Any thread may ask.
    public long aheadBytes() {
        return aheadBytes.get();
    }

    /// Replays the whole log.
    ///
    /// @param inFiles the highest number of the ingester that was in any file when the process started:
    ///     writes up to it may be in files as a whole, and are then skipped after a look at their names and
    ///     timestamps
    /// @throws IOException if the log cannot be read, the catalog cannot answer, there is no memory for a
    ///     write, or one cannot be set aside
    public ReplayReport replay(Wal wal, SequenceNumber inFiles) throws IOException, InterruptedException {
        inFilesThrough = inFiles;
        int decoders = Runtime.getRuntime().availableProcessors();
        try (ExecutorService pool = Executors.newFixedThreadPool(decoders, threads);
                ExecutorService applier = Executors.newSingleThreadExecutor(threads)) {
            Pipeline pipeline = new Pipeline(pool, decoders + BATCHES_AHEAD);
            Future<?> applying = applier.submit(() -> pipeline.applyAll());
            try {
                ReplayReport report = wal.replay(pipeline::add, threads);
                pipeline.end();
                await(applying);
                return report;
            } catch (IOException | InterruptedException | RuntimeException | Error e) {
                pipeline.abandon();
                awaitEnd(applying);
                throw e;
            } finally {
                pipeline.close();
            }
        }
    }

    private static void await(Future<?> applying) throws IOException, InterruptedException {
        try {
            applying.get();
        } catch (ExecutionException e) {
            throw asIoException(e);
        }
    }

    /// The first failure counts; this one is a consequence.
    private static void awaitEnd(Future<?> applying) throws InterruptedException {
        try {
            applying.get();
        } catch (ExecutionException e) {
            LOG.debug("applying ended, too", e);
        }
    }

    private static IOException asIoException(ExecutionException e) {
        return e.getCause() instanceof IOException cause
                ? cause
                : new IOException("the log cannot be replayed: " + e.getCause(), e.getCause());
    }

    /// Batches on their way, in log order.
    private final class Pipeline {
        private final ExecutorService decoders;
        private final BlockingQueue<Future<List<Decoded>>> batches;
        /// Of the batches there, and those about to come there or just taken out.
        private final Queue<Long> lengths = new ConcurrentLinkedQueue<>();
        private List<Logged> batch = new ArrayList<>();
        private long batchBytes;
        private volatile boolean abandoned;
        private volatile boolean ended;
        private volatile Optional<IOException> failure = Optional.empty();

        Pipeline(ExecutorService decoders, int capacity) {
            this.decoders = decoders;
            this.batches = new ArrayBlockingQueue<>(capacity);
        }

        /// Called for each entry of the log, by the thread that reads it.
        void add(SequenceNumber sequence, byte[] payload) throws IOException, InterruptedException {
            batch.add(new Logged(sequence, payload));
            batchBytes += payload.length;
            if (batchBytes >= BATCH_BYTES || batch.size() >= BATCH_WRITES) {
                send();
            }
        }

        private void send() throws IOException, InterruptedException {
            List<Logged> full = batch;
            lengths.add(batchBytes);
            aheadBytes.addAndGet(batchBytes);
            batch = new ArrayList<>();
            batchBytes = 0;
            hand(decoders.submit(() -> decode(full)));
        }

        private void hand(Future<List<Decoded>> next) throws IOException, InterruptedException {
            while (!batches.offer(next, 100, TimeUnit.MILLISECONDS)) {
                if (failure.isPresent()) {
                    throw failure.get();
                }
            }
            if (failure.isPresent()) {
                throw failure.get();
            }
        }

        /// The last entry was added.
        void end() throws IOException, InterruptedException {
            if (!batch.isEmpty()) {
                send();
            }
            ended = true;
        }

        /// Nothing is held any more.
        void close() {
            for (Long length = lengths.poll(); length != null; length = lengths.poll()) {
                aheadBytes.addAndGet(-length);
            }
        }

        /// What is decoded is released, and not applied.
        void abandon() {
            abandoned = true;
            ended = true;
        }

        /// Applies batches until the last.
        @SuppressWarnings("NullAway") // a Callable<Void> has nothing else to return
        Void applyAll() throws InterruptedException, IOException {
            while (true) {
                boolean isLast = ended;
                Future<List<Decoded>> next = batches.poll(isLast ? 0 : 10, TimeUnit.MILLISECONDS);
                if (next == null && isLast) {
                    break;
                }
                if (next != null) {
                    applyNext(next);
                    aheadBytes.addAndGet(-Objects.requireNonNullElse(lengths.poll(), 0L));
                }
            }
            if (failure.isPresent()) {
                throw failure.get();
            }
            return null;
        }

        private void applyNext(Future<List<Decoded>> next) throws InterruptedException {
            List<Decoded> decoded;
            try {
                decoded = next.get();
            } catch (ExecutionException e) {
                fail(asIoException(e));
                return;
            }
            for (Decoded write : decoded) {
                if (abandoned || failure.isPresent()) {
                    release(write);
                    continue;
                }
                try {
                    apply(write);
                } catch (IOException e) {
                    fail(e);
                }
            }
        }

        private void fail(IOException cause) {
            if (failure.isEmpty()) {
                failure = Optional.of(cause);
            }
        }
    }

    private static void release(Decoded write) {
        switch (write) {
            case Decoded.Applicable(WriteOperation operation) -> operation.close();
            case Decoded.Gathered gathered -> gathered.rows().forEach(GatheredRows::close);
            case Decoded.Inapplicable _, Decoded.Postponed _ -> {}
        }
    }

    private List<Decoded> decode(List<Logged> batch) throws IOException {
        List<Decoded> decoded = new ArrayList<>();
        boolean done = false;
        long lengthBytes = 0;
        for (Logged write : batch) {
            lengthBytes += write.payload().length;
        }
        try (Gathering gathering = new Gathering(decoded, lengthBytes)) {
            for (Logged write : batch) {
                gathering.add(write);
            }
            gathering.end();
            done = true;
            return decoded;
        } finally {
            if (!done) {
                decoded.forEach(WalReplayer::release);
            }
        }
    }

    /// Decodes writes that follow one another: small ones together, the others one by one. For one thread.
    private final class Gathering implements AutoCloseable {
        private final WriteGatherer gatherer;
        private final List<Decoded> decoded;
        private List<Logged> gathered = new ArrayList<>();
        private long rowCount;
        private long skippedWrites;
        private SequenceNumber last = SequenceNumber.NONE;

        /// @param decoded where all goes, in order
        /// @param lengthBytes of all writes that will be added
        Gathering(List<Decoded> decoded, long lengthBytes) {
            this.decoded = decoded;
            WriteGatherer idle = gatherers.poll();
            this.gatherer = idle == null ? preparer.gatherer() : idle;
            gatherer.begin(lengthBytes);
        }

        void add(Logged write) throws IOException {
            if (!write.sequence().isAfter(inFilesThrough) && gatherer.isInFiles(write.payload(), write.sequence())) {
                skippedWrites++;
            } else {
                addRows(write);
            }
            last = write.sequence();
        }

        private void addRows(Logged write) throws IOException {
            try {
                if (!tryGather(write)) {
                    addUnlike(write);
                }
            } catch (InvalidWriteException | SchemaConflictException e) {
                end();
                decoded.add(new Decoded.Inapplicable(write, e));
            } catch (RuntimeException e) {
                oneByOne(write, e);
            }
        }

        private boolean tryGather(Logged write) throws SchemaConflictException, IOException {
            long added = gatherer.tryAdd(write.payload(), write.sequence());
            if (added == 0) {
                return false;
            }
            gathered.add(write);
            rowCount += added;
            return true;
        }

        /// One that looks like none before it, or is not to be gathered.
        private void addUnlike(Logged write) throws InvalidWriteException, SchemaConflictException, IOException {
            DecodedWrite columns = WriteDecoder.decode(write.payload());
            if (!gatherer.learn(columns, write.payload().length) || !tryGather(write)) {
                end();
                decoded.add(decode(write, columns));
            }
        }

        /// No memory, or a bug: whichever write it is that cannot be applied shows by itself.
        private void oneByOne(Logged added, RuntimeException cause) throws IOException {
            LOG.debug("writes {} to {} are not gathered", first(added), added.sequence(), cause);
            gatherer.close();
            List<Logged> writes = gathered;
            gathered = new ArrayList<>();
            rowCount = 0;
            for (Logged write : writes) {
                decoded.add(decode(write));
            }
            decoded.add(decode(added));
        }

        private SequenceNumber first(Logged added) {
            return gathered.isEmpty() ? added.sequence() : gathered.getFirst().sequence();
        }

        /// What was gathered so far stays together, and nothing else comes to it.
        void end() {
            if (!gathered.isEmpty() || skippedWrites > 0) {
                decoded.add(new Decoded.Gathered(gathered, rowCount, gatherer.take(), skippedWrites, last));
                gathered = new ArrayList<>();
                rowCount = 0;
                skippedWrites = 0;
            }
        }

        @Override
        public void close() {
            gatherer.close();
            gatherers.add(gatherer);
        }
    }

    private Decoded decode(Logged write) throws IOException {
        try {
            return decode(write, WriteDecoder.decode(write.payload()));
        } catch (InvalidWriteException | RuntimeException e) {
            return new Decoded.Inapplicable(write, e);
        }
    }

    private Decoded decode(Logged write, DecodedWrite columns) throws IOException {
        try {
            WriteOperation operation = preparer.prepareLogged(write.payload(), columns);
            operation.assign(write.sequence());
            return new Decoded.Applicable(operation);
        } catch (OutOfMemoryException e) {
            // Batches are decoded ahead of the room that persist makes: this one comes again when it is its turn.
            LOG.debug("write {} finds no memory yet", write.sequence(), e);
            return new Decoded.Postponed(write);
        } catch (InvalidWriteException | SchemaConflictException | RuntimeException e) {
            return new Decoded.Inapplicable(write, e);
        }
    }

    private void apply(Decoded decoded) throws IOException, InterruptedException {
        boolean hasRoom = false;
        try {
            room.await();
            hasRoom = true;
        } finally {
            if (!hasRoom) {
                release(decoded);
            }
        }
        switch (decoded) {
            case Decoded.Inapplicable(Logged write, Exception cause) -> setAside(write, cause);
            case Decoded.Applicable(WriteOperation operation) -> apply(operation);
            case Decoded.Gathered gathered -> apply(gathered);
            case Decoded.Postponed(Logged write) -> {
                switch (decode(write)) {
                    case Decoded.Applicable(WriteOperation operation) -> apply(operation);
                    case Decoded.Inapplicable(Logged _, Exception cause) -> setAside(write, cause);
                    case Decoded.Gathered _ -> throw new IllegalStateException("one write was gathered");
                    // Acknowledged, and nothing is wrong with it: set aside, it would be lost to all queries.
                    case Decoded.Postponed _ -> throw noMemory(write, "for its rows");
                }
            }
        }
        stable.publish(decoded.sequence());
    }

    private void apply(WriteOperation operation) throws IOException {
        Logged write = new Logged(operation.sequence(), operation.payload());
        long rowCount = operation.rowCount();
        try {
            var _ = buffer.apply(operation);
            writes.increment();
            rows.increment((double) rowCount);
            appliedRows.addAndGet(rowCount);
        } catch (OutOfMemoryException e) {
            throw noMemory(write, String.valueOf(e.getMessage()));
        } catch (RuntimeException e) {
            setAside(write, e);
        }
    }

    private void apply(Decoded.Gathered gathered) throws IOException {
        List<GatheredRows> rows = gathered.rows();
        int taken = 0;
        try {
            while (taken < rows.size()) {
                buffer.apply(rows.get(taken++));
            }
            writes.increment((double) gathered.writes().size());
            this.rows.increment((double) gathered.rowCount());
            skipped.increment((double) gathered.skipped());
            appliedRows.addAndGet(gathered.rowCount());
        } catch (OutOfMemoryException e) {
            throw noMemory(gathered.writes().getLast(), String.valueOf(e.getMessage()));
        } catch (RuntimeException e) {
            // Which of them it was does not show any more.
            for (Logged write : gathered.writes()) {
                setAside(write, e);
            }
        } finally {
            rows.subList(taken, rows.size()).forEach(GatheredRows::close);
        }
    }

    private static IOException noMemory(Logged write, String detail) {
        return new IOException("no memory to replay write %s of the log, %d bytes: %s"
                .formatted(write.sequence(), write.payload().length, detail));
    }

    private void setAside(Logged write, Exception cause) throws IOException {
        SequenceNumber sequence = write.sequence();
        Files.createDirectories(quarantine);
        Path file = quarantine.resolve(QuarantineFolder.writeName(sequence));
        Path temporary = quarantine.resolve("write-%020d.tmp".formatted(sequence.value()));
        Files.write(temporary, write.payload());
        sync(temporary, StandardOpenOption.WRITE);
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
        // The name too: from here on the log may delete the segment.
        sync(quarantine, StandardOpenOption.READ);
        quarantined.increment();
        LOG.error("write {} of the log does not apply; it was set aside in {}", sequence, file, cause);
    }

    private static void sync(Path path, StandardOpenOption mode) throws IOException {
        try (FileChannel channel = FileChannel.open(path, mode)) {
            channel.force(true);
        }
    }
}
