package io.sluice.persist;

import io.sluice.model.PartitionId;
import io.sluice.persist.catalog.FileRecord;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One request on its way into a file, over all its attempts. Owns the request, and closes it once.
///
/// The thread that enqueues makes it; then it belongs to its lane, whose thread alone calls what changes it. Any
/// thread may ask for [#progress], and end it with [#fail].
final class PersistJob {
    private static final Logger LOG = LoggerFactory.getLogger(PersistJob.class);

    private final PersistRequest request;
    private final PartitionId partition;
    private final InstantSource clock;
    private final LongSupplier nanoTime;
    private final CompletableFuture<PersistedFile> result = new CompletableFuture<>();
    private final AtomicBoolean isOpen = new AtomicBoolean(true);
    private final Map<PersistStage, Duration> spent = new EnumMap<>(PersistStage.class);
    private long stageStartNanos;
    private Duration merge = Duration.ZERO;
    private Duration encode = Duration.ZERO;
    private Duration write = Duration.ZERO;
    private volatile Progress progress;
    private PersistGate.@Nullable Ticket ticket;
    private @Nullable Uploaded uploaded;

    /// @param at the stage that the job is in
    /// @param since when it came there
    /// @param failures attempts that failed
    record Progress(PersistStage at, Instant since, int failures, Optional<String> lastError) {}

    /// An object that is in the store and perhaps not in the catalog.
    record Uploaded(FileRecord file, Instant at) {}

    /// Takes the request over.
    PersistJob(PersistRequest request, InstantSource clock, LongSupplier nanoTime) {
        this.request = request;
        this.partition = request.partition();
        this.clock = clock;
        this.nanoTime = nanoTime;
        this.stageStartNanos = nanoTime.getAsLong();
        this.progress = new Progress(PersistStage.QUEUED, clock.instant(), 0, Optional.empty());
    }

    PersistRequest request() {
        return request;
    }

    PartitionId partition() {
        return partition;
    }

    Progress progress() {
        return progress;
    }

    /// What the one who enqueued the request waits for.
    CompletionStage<PersistedFile> result() {
        return result.minimalCompletionStage();
    }

    /// Notes that another stage begins.
    void enter(PersistStage stage) {
        end();
        Progress last = progress;
        progress = new Progress(stage, clock.instant(), last.failures, last.lastError);
    }

    /// Notes that the stage ends.
    void end() {
        long now = nanoTime.getAsLong();
        spent.merge(progress.at, Duration.ofNanos(now - stageStartNanos), Duration::plus);
        stageStartNanos = now;
    }

    /// Notes that an attempt failed.
    ///
    /// @return how many have failed
    int failed(String error) {
        Progress last = progress;
        int failures = last.failures + 1;
        progress = new Progress(last.at, last.since, failures, Optional.of(error));
        return failures;
    }

    /// Time spent in these stages so far, the current one up to its beginning.
    Duration in(PersistStage... stages) {
        Duration sum = Duration.ZERO;
        for (PersistStage stage : stages) {
            sum = sum.plus(spent.getOrDefault(stage, Duration.ZERO));
        }
        return sum;
    }

    /// Time spent in all stages so far, the current one up to its beginning.
    Duration sinceEnqueued() {
        return in(PersistStage.values());
    }

    /// Notes what encoding took; of several attempts all count, as they do for stages.
    void encoded(FileFormat.Encoded encoded) {
        merge = merge.plus(encoded.merge());
        encode = encode.plus(encoded.encode());
        write = write.plus(encoded.write());
    }

    /// Time spent on bringing values into order and merging them, of all threads together.
    Duration merge() {
        return merge;
    }

    /// Time spent on encoding and compressing, of all threads together.
    Duration encode() {
        return encode;
    }

    /// Time that the object store took to get the bytes and to have them for good.
    Duration upload() {
        return write.plus(in(PersistStage.UPLOAD));
    }

    /// Its place at the gate: the same over all attempts.
    PersistGate.Ticket ticket(PersistGate gate, long bytes, PersistGate.Precedence precedence) {
        PersistGate.Ticket drawn = ticket;
        if (drawn == null) {
            drawn = gate.ticket(bytes, precedence);
            ticket = drawn;
        }
        return drawn;
    }

    Optional<Uploaded> uploaded() {
        return Optional.ofNullable(uploaded);
    }

    /// Remembers what an attempt uploaded, for the next one if the catalog fails.
    void uploaded(FileRecord file) {
        uploaded = new Uploaded(file, clock.instant());
    }

    /// Tells that the rows are in a file. Actions that depend on the result run here.
    void succeed(PersistedFile file) {
        result.complete(file);
    }

    /// Tells that the rows will not be in a file, unless the result is known already.
    void fail(Throwable cause) {
        result.completeExceptionally(cause);
    }

    /// Whether [#succeed] or [#fail] was called.
    boolean isDone() {
        return result.isDone();
    }

    /// Lets go of the rows, once. Never while an attempt reads them.
    void close() {
        if (!isOpen.compareAndSet(true, false)) {
            return;
        }
        try {
            request.close();
        } catch (RuntimeException e) {
            LOG.error("rows of {} could not be released", this, e);
        }
    }

    /// Namespace, table, partition and sequence range, for messages.
    @Override
    public String toString() {
        return "%s.%s partition %s, writes %s to %s of ingester %s"
                .formatted(
                        request.schema().namespace(),
                        request.schema().table(),
                        request.key(),
                        request.minSequence(),
                        request.maxSequence(),
                        request.ingester());
    }
}
