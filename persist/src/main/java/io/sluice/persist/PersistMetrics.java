package io.sluice.persist;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Instant;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ToDoubleFunction;

/// Counts what is persisted, for the metrics and for [PersistStatus]. Any thread may call any method.
final class PersistMetrics {
    private final Timer queued;
    private final Timer sort;
    private final Timer merge;
    private final Timer encode;
    private final Timer upload;
    private final Timer catalog;
    private final Timer total;
    private final Map<FreezeReason, Counter> fileCounters = new EnumMap<>(FreezeReason.class);
    private final Counter rowCounter;
    private final Counter byteCounter;
    private final Counter duplicateCounter;
    private final Counter retryCounter;
    private final Counter parkedCounter;

    private final AtomicLong files = new AtomicLong();
    private final AtomicLong rows = new AtomicLong();
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicLong retries = new AtomicLong();
    private volatile Optional<PersistStatus.Failure> lastFailure = Optional.empty();

    PersistMetrics(MeterRegistry registry, PersistQueue queue, PersistGate gate) {
        queued = timer(registry, "sluice.persist.queued", "From being enqueued to the first step of the job");
        sort = timer(registry, "sluice.persist.sort", "Sorting the rows' numbers");
        merge = timer(
                registry,
                "sluice.persist.merge",
                "Bringing values into order and merging them, of all threads together");
        encode = timer(registry, "sluice.persist.encode", "Encoding and compressing, of all threads together");
        upload =
                timer(registry, "sluice.persist.upload", "The object store getting the bytes and having them for good");
        catalog = timer(registry, "sluice.persist.catalog", "Asking the catalog and recording the file");
        total = timer(registry, "sluice.persist.total", "From being enqueued to being in the catalog");
        for (FreezeReason reason : FreezeReason.values()) {
            fileCounters.put(
                    reason,
                    Counter.builder("sluice.persist.files")
                            .description("Files recorded in the catalog, by why their rows were frozen")
                            .tag("reason", reason.name().toLowerCase(Locale.ROOT))
                            .register(registry));
        }
        rowCounter = counter(registry, "sluice.persist.rows", "Rows in files, after merging");
        byteCounter = counter(registry, "sluice.persist.bytes", "Bytes of files");
        duplicateCounter = counter(registry, "sluice.persist.duplicates", "Rows merged into others of an equal key");
        retryCounter = counter(registry, "sluice.persist.retries", "Attempts that failed and are made again");
        parkedCounter =
                counter(registry, "sluice.persist.parked", "Failed attempts that somebody should look at: see the log");
        gauge(registry, "sluice.persist.queue.depth", "Jobs accepted and not finished", queue, PersistQueue::depth);
        gauge(
                registry,
                "sluice.persist.saturated",
                "1 while the queue is saturated",
                queue,
                q -> q.isSaturated() ? 1 : 0);
        GateMeters.watch(registry, gate);
    }

    void persisted(PersistJob job, PersistedFile file) {
        files.incrementAndGet();
        rows.addAndGet(file.file().rowCount());
        bytes.addAndGet(file.file().sizeBytes());
        Counter ofReason = fileCounters.get(job.request().reason());
        if (ofReason != null) {
            ofReason.increment();
        }
        rowCounter.increment((double) file.file().rowCount());
        byteCounter.increment((double) file.file().sizeBytes());
        duplicateCounter.increment((double) file.duplicates());
        queued.record(file.queued());
        sort.record(job.in(PersistStage.MERGE));
        merge.record(job.merge());
        encode.record(job.encode());
        upload.record(job.upload());
        catalog.record(job.in(PersistStage.CHECK, PersistStage.SORT_KEY, PersistStage.CATALOG));
        total.record(file.queued().plus(file.active()));
    }

    void failed(PersistJob job, Instant at, String error, boolean isParked) {
        retries.incrementAndGet();
        retryCounter.increment();
        if (isParked) {
            parkedCounter.increment();
        }
        PersistRequest request = job.request();
        lastFailure = Optional.of(new PersistStatus.Failure(
                at, request.schema().namespace(), request.schema().table(), request.key(), error));
    }

    long files() {
        return files.get();
    }

    long rows() {
        return rows.get();
    }

    long bytes() {
        return bytes.get();
    }

    long retries() {
        return retries.get();
    }

    Optional<PersistStatus.Failure> lastFailure() {
        return lastFailure;
    }

    private static Timer timer(MeterRegistry registry, String name, String description) {
        return Timer.builder(name).description(description).register(registry);
    }

    private static Counter counter(MeterRegistry registry, String name, String description) {
        return Counter.builder(name).description(description).register(registry);
    }

    private static <T> void gauge(
            MeterRegistry registry, String name, String description, T state, ToDoubleFunction<T> value) {
        Gauge.builder(name, state, value).description(description).register(registry);
    }
}
