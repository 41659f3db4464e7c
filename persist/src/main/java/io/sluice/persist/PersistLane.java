package io.sluice.persist;

import io.sluice.persist.catalog.CatalogConflictException;
import io.sluice.persist.catalog.FileRecord;
import io.sluice.persist.catalog.StaleEpochException;
import io.sluice.persist.retry.Backoff;
import java.io.IOException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.function.Consumer;
import org.apache.arrow.memory.OutOfMemoryException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The work of one worker thread: job after job of its lane, each until it is done, and what follows from a failure.
final class PersistLane implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(PersistLane.class);

    private static final Duration WITHOUT_MEMORY = Duration.ofSeconds(1);

    // A cause chain longer than this is a ring.
    private static final int MAX_CAUSES = 20;

    /// How an attempt ended.
    sealed interface Outcome {
        /// The rows are in a file.
        record Persisted(FileRecord file) implements Outcome {}

        /// The store, the catalog or memory was not to be had: that may pass, and others would fail likewise.
        record Unavailable(Throwable cause) implements Outcome {}

        /// The catalog contradicts, or there is a bug: this job's own trouble.
        record Broken(Throwable cause) implements Outcome {}

        /// Another process took over.
        record Fenced(StaleEpochException cause) implements Outcome {}

        /// The queue was closed meanwhile.
        record Stopped(Throwable cause) implements Outcome {}
    }

    private final int index;
    private final PersistQueue queue;
    private final PersistSteps steps;
    private final Backoff retryBackoff;
    private final Backoff parkedBackoff;
    private final PersistMetrics metrics;
    private final InstantSource clock;
    private final Consumer<Throwable> end;

    /// @param end ends the whole persister, because of what it is given
    PersistLane(
            int index,
            PersistQueue queue,
            PersistSteps steps,
            Backoff retryBackoff,
            Backoff parkedBackoff,
            PersistMetrics metrics,
            InstantSource clock,
            Consumer<Throwable> end) {
        this.index = index;
        this.queue = queue;
        this.steps = steps;
        this.retryBackoff = retryBackoff;
        this.parkedBackoff = parkedBackoff;
        this.metrics = metrics;
        this.clock = clock;
        this.end = end;
    }

    @Override
    public void run() {
        try {
            Optional<PersistJob> job = nextJob();
            while (job.isPresent()) {
                serve(job.get());
                job = nextJob();
            }
        } catch (Throwable e) {
            LOG.error("persist lane {} failed, and the persister ends", index, e);
            end.accept(e);
        }
    }

    private void serve(PersistJob job) {
        try {
            settle(job, attempt(job));
        } catch (OutOfMemoryError e) {
            // Giving back allocates before it changes anything.
            if (job.isDone() || !(queue.isWaiting(job) || queue.pause(job, WITHOUT_MEMORY))) {
                fail(job, e);
            }
            LOG.error("out of memory while settling {}", job, e);
        } catch (Throwable e) {
            // To go on without knowing where a job is could persist its followers first: then its rows are lost.
            end.accept(e);
            fail(job, stopped(job, e));
            LOG.error("{} cannot be settled, and the persister ends", job, e);
        }
    }

    private Optional<PersistJob> nextJob() {
        while (true) {
            try {
                return queue.take(index);
            } catch (InterruptedException e) {
                // Meant for a job that has ended meanwhile. If the queue is closed, it says so.
                LOG.debug("persist lane {} was interrupted while idle", index);
            }
        }
    }

    private Outcome attempt(PersistJob job) {
        try {
            return new Outcome.Persisted(steps.run(job));
        } catch (Throwable e) {
            return outcomeOf(e);
        } finally {
            // What follows is not to be interrupted.
            boolean _ = Thread.interrupted();
        }
    }

    private Outcome outcomeOf(Throwable thrown) {
        return switch (thrown) {
            case StaleEpochException e -> new Outcome.Fenced(e);
            case Throwable e when queue.isClosed() -> new Outcome.Stopped(e);
            case Throwable e when isUnavailable(e) -> new Outcome.Unavailable(e);
            case Throwable e -> new Outcome.Broken(e);
        };
    }

    // No memory on the heap or within Arrow's limit, or an I/O failure that a library wrapped.
    private static boolean isUnavailable(Throwable thrown) {
        Throwable cause = thrown;
        for (int i = 0; i < MAX_CAUSES && cause != null; i++) {
            switch (cause) {
                case CatalogConflictException _ -> {
                    return false;
                }
                case IOException _, OutOfMemoryError _, OutOfMemoryException _, InterruptedException _ -> {
                    return true;
                }
                default -> {}
            }
            cause = cause.getCause();
        }
        return false;
    }

    private void settle(PersistJob job, Outcome outcome) {
        switch (outcome) {
            case Outcome.Persisted(FileRecord file) -> succeed(job, file);
            case Outcome.Unavailable(Throwable cause) -> retry(job, cause);
            case Outcome.Broken(Throwable cause) -> park(job, cause);
            case Outcome.Fenced(StaleEpochException cause) -> {
                end.accept(cause);
                fail(job, cause);
            }
            case Outcome.Stopped(Throwable cause) -> fail(job, stopped(job, cause));
        }
    }

    private void succeed(PersistJob job, FileRecord file) {
        job.end();
        Duration queued = job.in(PersistStage.QUEUED);
        Duration active = job.sinceEnqueued().minus(queued);
        var persisted = new PersistedFile(file, job.request().rowCount(), queued, active);
        try {
            metrics.persisted(job, persisted);
            log(job, persisted);
        } catch (RuntimeException e) {
            LOG.error("{} is persisted, but could not be reported", job, e);
        }
        job.succeed(persisted);
        job.close();
        queue.finish(job);
    }

    private void retry(PersistJob job, Throwable cause) {
        int failures = job.failed(cause.toString());
        Duration delay = retryBackoff.delay(failures);
        metrics.failed(job, clock.instant(), cause.toString(), false);
        var line = cause instanceof IOException ? LOG.atWarn() : LOG.atError().setCause(cause);
        line.log(
                "persist failed, attempt {}, again in {} ms: {}: {}",
                failures,
                delay.toMillis(),
                job,
                cause.toString());
        if (queue.pause(job, delay)) {
            job.enter(PersistStage.RETRY);
        } else {
            fail(job, stopped(job, cause));
        }
    }

    private void park(PersistJob job, Throwable cause) {
        int failures = job.failed(cause.toString());
        Duration delay = parkedBackoff.longest();
        metrics.failed(job, clock.instant(), cause.toString(), true);
        LOG.error(
                "persist failed, attempt {}, and will hardly heal by itself; the rows stay readable and in the log,"
                        + " later ones of the partition wait; again in {} s: {}",
                failures,
                delay.toSeconds(),
                job,
                cause);
        if (queue.park(job, delay)) {
            job.enter(PersistStage.PARKED);
        } else {
            fail(job, stopped(job, cause));
        }
    }

    private void fail(PersistJob job, Throwable cause) {
        job.fail(cause);
        job.close();
        queue.finish(job);
    }

    private static PersistStoppedException stopped(PersistJob job, Throwable cause) {
        return new PersistStoppedException("stopped while under way: " + job, cause);
    }

    private static void log(PersistJob job, PersistedFile persisted) {
        PersistRequest request = job.request();
        FileRecord file = persisted.file();
        LOG.atInfo()
                .setMessage(
                        "persisted namespace={} table={} partition={} object={} rows={} bytes={}"
                                + " duplicates={} reason={} attempts={} queued={} gate={} sort={} merge={} encode={} upload={} catalog={} retry={} total={} ms")
                .addArgument(file.namespace())
                .addArgument(file.table())
                .addArgument(request.key())
                .addArgument(file.objectName())
                .addArgument(file.rowCount())
                .addArgument(file.sizeBytes())
                .addArgument(persisted.duplicates())
                .addArgument(request.reason())
                .addArgument(job.progress().failures() + 1)
                .addArgument(persisted.queued().toMillis())
                .addArgument(job.in(PersistStage.GATE).toMillis())
                .addArgument(job.in(PersistStage.MERGE).toMillis())
                .addArgument(job.merge().toMillis())
                .addArgument(job.encode().toMillis())
                .addArgument(job.upload().toMillis())
                .addArgument(job.in(PersistStage.CHECK, PersistStage.SORT_KEY, PersistStage.CATALOG)
                        .toMillis())
                .addArgument(job.in(PersistStage.RETRY, PersistStage.PARKED).toMillis())
                .addArgument(job.sinceEnqueued().toMillis())
                .log();
    }
}
