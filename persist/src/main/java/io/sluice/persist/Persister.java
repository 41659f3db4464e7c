package io.sluice.persist;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.model.IngesterId;
import io.sluice.persist.PersistJob.Progress;
import io.sluice.persist.catalog.Catalog;
import io.sluice.persist.catalog.StaleEpochException;
import io.sluice.persist.parquet.EncodeHelpers;
import io.sluice.persist.parquet.ParquetSettings;
import io.sluice.persist.retry.Backoff;
import io.sluice.persist.store.ObjectStore;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Turns frozen rows into catalogued files: each request becomes exactly one file, however often the store or the
/// catalog fails on the way, or is said to have failed.
///
/// The requests of a partition are served one after another, in the order in which they were enqueued. A failure
/// never gives up a request: it is tried again, with growing delays, until it succeeds or the persister ends; until
/// then no later request of the partition is served. So a stage fails only if the persister ended, with
/// [PersistStoppedException], or [StaleEpochException] if this process was replaced by another; then all later
/// requests of the partition fail as well.
///
/// Any thread may call any method. Stages complete on the worker's thread: what depends on them should be short.
public final class Persister {
    private static final Logger LOG = LoggerFactory.getLogger(Persister.class);

    // After the deadline, for a worker to notice that it was interrupted.
    private static final Duration STOP_GRACE = Duration.ofMillis(500);

    private final InstantSource clock;
    private final LongSupplier nanoTime;
    private final PersistListener listener;
    private final FileFormat format;
    private final PersistGate gate;
    private final PersistQueue queue;
    private final PersistMetrics metrics;
    private final PersistSteps steps;
    private final CountDownLatch lanesLeft;
    private final List<PersistLane> lanes = new ArrayList<>();
    private final AtomicReference<@Nullable Throwable> endCause = new AtomicReference<>();

    @GuardedBy("threads")
    private final List<Thread> threads = new ArrayList<>();

    /// Starts nothing. Catalog and store stay the caller's, and are closed after [#stop].
    ///
    /// @param epochs the epoch under which an ingester was registered in the catalog, for each whose
    ///     requests come
    /// @param clock the time of day, for what is shown and recorded
    /// @param nanoTime monotonic time, nanoseconds, for what is measured
    /// @param random spreads the delays of retries; used by one thread at a time
    public Persister(
            PersistSettings settings,
            Catalog catalog,
            ObjectStore store,
            FileFormat format,
            ToLongFunction<IngesterId> epochs,
            InstantSource clock,
            LongSupplier nanoTime,
            RandomGenerator random,
            MeterRegistry registry,
            PersistListener listener) {
        this(
                settings,
                catalog,
                store,
                format,
                epochs,
                clock,
                nanoTime,
                PersistQueue.Alarm.REAL,
                random,
                registry,
                listener);
    }

    Persister(
            PersistSettings settings,
            Catalog catalog,
            ObjectStore store,
            FileFormat format,
            ToLongFunction<IngesterId> epochs,
            InstantSource clock,
            LongSupplier nanoTime,
            PersistQueue.Alarm alarm,
            RandomGenerator random,
            MeterRegistry registry,
            PersistListener listener) {
        this.clock = clock;
        this.nanoTime = nanoTime;
        this.listener = listener;
        this.format = format;
        this.gate = new PersistGate(settings.gate(), nanoTime, registry);
        this.queue = new PersistQueue(settings.workers(), settings.queueDepth(), nanoTime, alarm, this::tellSaturated);
        this.metrics = new PersistMetrics(registry, queue, gate);
        this.steps = new PersistSteps(catalog, store, format, epochs, gate, queue, clock);
        var retryBackoff = new Backoff(settings.firstRetryDelay(), settings.maxRetryDelay(), random);
        var parkedBackoff = new Backoff(settings.parkedRetryDelay(), settings.parkedRetryDelay(), random);
        this.lanesLeft = new CountDownLatch(settings.workers());
        for (int i = 0; i < settings.workers(); i++) {
            lanes.add(new PersistLane(i, queue, steps, retryBackoff, parkedBackoff, metrics, clock, this::end));
        }
    }

    /// A persister of Parquet files. Starts nothing.
    ///
    /// @param parquet asked for each file
    /// @param epochs the epoch under which each ingester whose requests come was registered in the catalog
    /// @param nanoTime monotonic time, nanoseconds
    /// @param random spreads the delays of retries
    public static Persister create(
            PersistSettings settings,
            Supplier<ParquetSettings> parquet,
            Catalog catalog,
            ObjectStore store,
            ToLongFunction<IngesterId> epochs,
            InstantSource clock,
            LongSupplier nanoTime,
            RandomGenerator random,
            MeterRegistry registry,
            PersistListener listener) {
        var helpers = new EncodeHelpers(Math.max(0, Runtime.getRuntime().availableProcessors() - 1));
        return new Persister(
                settings,
                catalog,
                store,
                new ParquetFormat(parquet, helpers, clock, nanoTime),
                epochs,
                clock,
                nanoTime,
                PersistQueue.Alarm.REAL,
                random,
                registry,
                listener);
    }

    /// Starts the workers. Requests that were enqueued before are served now.
    ///
    /// @param threadFactory makes a thread for each worker, and those that help to encode
    /// @throws IllegalStateException if started before
    public void start(ThreadFactory threadFactory) {
        synchronized (threads) {
            if (!threads.isEmpty()) {
                throw new IllegalStateException("the persister was started before");
            }
            for (PersistLane lane : lanes) {
                threads.add(threadFactory.newThread(() -> {
                    try {
                        lane.run();
                    } finally {
                        lanesLeft.countDown();
                    }
                }));
            }
            format.start(threadFactory);
            threads.forEach(Thread::start);
        }
    }

    /// Takes a request over, to be closed when it is done, and puts it behind the others of its lane. Never blocks,
    /// and takes it even if the queue is saturated: what bounds the queue then is that writes are refused, so that
    /// only what was accepted before is still to be frozen.
    ///
    /// @return completes when the rows are in a catalogued file, and just before they are let go; fails if
    ///     the persister ended before
    public CompletionStage<PersistedFile> enqueue(PersistRequest request) {
        var job = new PersistJob(request, clock, nanoTime);
        if (!queue.offer(job)) {
            giveUp(job);
        }
        return job.result();
    }

    /// Whether writes should be refused: the queue was full, and is not yet half free.
    public boolean isSaturated() {
        return queue.isSaturated();
    }

    /// How long the queue is, and how many jobs have left it.
    public PersistBacklog backlog() {
        return queue.backlog();
    }

    /// Waits until the queue is not saturated: how replay is slowed down.
    ///
    /// @throws PersistStoppedException if the persister stops or has ended
    public void awaitCapacity() throws InterruptedException, PersistStoppedException {
        if (!queue.awaitCapacity()) {
            throw stopped("the persister takes no more requests");
        }
    }

    /// What jobs at work take beside the rows that they were handed, bytes.
    public long workingBytes() {
        return steps.workingBytes();
    }

    /// Other limits for jobs at work, from now on; what is at work already goes on.
    public void reconfigure(PersistGateSettings gateSettings) {
        gate.reconfigure(gateSettings);
        LOG.info("persist jobs at work: {} at most, in {} bytes", gateSettings.slots(), gateSettings.memoryBytes());
    }

    /// Another number of jobs that are not done saturates the queue from now on.
    ///
    /// @throws IllegalArgumentException unless positive
    public void reconfigureQueue(int depth) {
        if (depth < 1) {
            throw new IllegalArgumentException("depth of the queue must be positive: " + depth);
        }
        queue.reconfigure(depth);
    }

    /// What it is doing at this moment.
    public PersistStatus status() {
        List<PersistJob> unfinished = queue.unfinished();
        List<PersistStatus.Job> jobs = unfinished.stream()
                .map(Persister::describe)
                .filter(job -> job.stage() != PersistStage.QUEUED)
                .sorted(Comparator.comparing(PersistStatus.Job::since))
                .toList();
        PersistGate.Stats atGate = gate.stats();
        return new PersistStatus(
                unfinished.size(),
                queue.depthLimit(),
                queue.isSaturated(),
                jobs,
                new PersistStatus.Gate(
                        atGate.active(),
                        atGate.slots(),
                        atGate.usedBytes(),
                        atGate.memoryBytes(),
                        atGate.waiting(),
                        atGate.oldestWait(),
                        atGate.timeouts()),
                metrics.files(),
                metrics.rows(),
                metrics.bytes(),
                metrics.retries(),
                metrics.lastFailure());
    }

    /// Takes no request any more, finishes what it can until the deadline, and then gives up the rest: stages that
    /// are not complete fail. Requests that wait for another attempt are tried at once. A second call does nothing.
    ///
    /// Takes little longer than the deadline, whatever the store and the catalog do: a worker that does not return
    /// from a call to them is left alone, and releases its rows when it does.
    ///
    /// @param deadline how long to wait for jobs to finish
    /// @throws InterruptedException if interrupted while waiting; the rest was given up then
    public void stop(Duration deadline) throws InterruptedException {
        queue.drain();
        gate.drain();
        try {
            try {
                if (isStarted()) {
                    queue.awaitDrained(deadline);
                }
            } finally {
                end(new PersistStoppedException("stopped"));
                interruptWorkers();
            }
            if (isStarted() && !lanesLeft.await(STOP_GRACE.toNanos(), TimeUnit.NANOSECONDS)) {
                LOG.warn("{} persist workers do not answer", lanesLeft.getCount());
            }
        } finally {
            format.stop();
            for (PersistJob job : queue.unfinished()) {
                LOG.warn("given up while in stage {}: {}", job.progress().at(), job);
                job.fail(stopped("stopped while under way: " + job));
            }
        }
    }

    private void interruptWorkers() {
        synchronized (threads) {
            threads.forEach(Thread::interrupt);
        }
    }

    // Fails what was not under way; what is under way sees that the queue is closed, and fails itself.
    private void end(Throwable cause) {
        endCause.compareAndSet(null, cause);
        queue.close().forEach(this::giveUp);
        if (cause instanceof StaleEpochException fenced) {
            LOG.error("this process must end", fenced);
            tell(() -> listener.fenced(fenced));
        }
    }

    private void giveUp(PersistJob job) {
        if (endCause.get() instanceof StaleEpochException fenced) {
            job.fail(fenced);
        } else {
            job.fail(stopped("stopped before its turn: " + job));
        }
        job.close();
    }

    private PersistStoppedException stopped(String message) {
        Throwable cause = endCause.get();
        return cause == null ? new PersistStoppedException(message) : new PersistStoppedException(message, cause);
    }

    private boolean isStarted() {
        synchronized (threads) {
            return !threads.isEmpty();
        }
    }

    private void tellSaturated(boolean isSaturated) {
        if (isSaturated) {
            LOG.warn("persist queue is saturated: {} jobs", queue.depthLimit());
        } else {
            LOG.info("persist queue is half free again");
        }
        tell(() -> listener.saturated(isSaturated));
    }

    private static void tell(Runnable news) {
        try {
            news.run();
        } catch (RuntimeException e) {
            LOG.error("the persist listener failed", e);
        }
    }

    private static PersistStatus.Job describe(PersistJob job) {
        PersistRequest request = job.request();
        Progress progress = job.progress();
        return new PersistStatus.Job(
                request.schema().namespace(),
                request.schema().table(),
                request.key(),
                progress.at(),
                progress.since(),
                progress.failures(),
                progress.lastError());
    }
}
