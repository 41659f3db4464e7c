package io.sluice.ingester;

import io.sluice.ingester.door.PersistHandler;
import io.sluice.ingester.door.PersistRefusedException;
import io.sluice.ingester.door.StatusSource;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.replay.ReplayStatus;
import io.sluice.ingester.status.AdmissionReport;
import io.sluice.ingester.status.DiskReport;
import io.sluice.ingester.status.MemoryReport;
import io.sluice.ingester.status.StatusDocument;
import io.sluice.ingester.status.Totals;
import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import io.sluice.persist.FreezeReason;
import io.sluice.persist.PersistStoppedException;
import io.sluice.persist.PersistedFile;
import io.sluice.persist.catalog.Catalogs;
import io.sluice.persist.catalog.StaleEpochException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/// What the doors tell of the running server, and the persist call, which asks something of it.
final class ServerReports {
    private final Wiring wiring;
    private final Instant startedAt;

    ServerReports(Wiring wiring) {
        this.wiring = wiring;
        this.startedAt = wiring.clock.instant();
    }

    StatusSource statusDocument() {
        return new StatusDocument(this::snapshot, sections());
    }

    /// One word for the state.
    String state() {
        if (wiring.state.has(Reason.WAL_FAILED) || wiring.state.has(Reason.FENCED)) {
            return "failed";
        }
        if (wiring.state.has(Reason.GRACEFUL_STOP)) {
            return "stopping";
        }
        return wiring.state.has(Reason.NOT_READY) ? "starting" : "running";
    }

    Set<String> refusing() {
        Set<String> names = new LinkedHashSet<>();
        wiring.state.all().forEach(reason -> names.add(reason.name()));
        return names;
    }

    /// Why the server is not ready, in words.
    List<String> notReady() {
        List<String> reasons = new ArrayList<>();
        for (Reason reason : wiring.state.all()) {
            reasons.add(describe(reason));
        }
        if (!reasons.isEmpty()) {
            // Not of themselves: writes are taken as long as there is room.
            wiring.outages().forEach(down -> reasons.add(down.inWords()));
        }
        wiring.logStall.reason().ifPresent(reasons::add);
        return reasons;
    }

    private String describe(Reason reason) {
        return switch (reason) {
            case NOT_READY ->
                wiring.givingUpId.get()
                        ? "starting: the rows of the log are persisted under the old id, as a new one is taken"
                        : "starting: the log is being replayed, " + describe(wiring.replay.status());
            case GRACEFUL_STOP -> "stopping: rows are being persisted";
            case WAL_FAILED ->
                "the log failed: " + wiring.wal.status().failure().orElse("unknown");
            case FENCED -> "another process runs under this one's id";
            case PERSIST_SATURATED ->
                "the persist queue is full: %d jobs of %d (--persist-queue-depth)"
                        .formatted(
                                wiring.persister.status().unfinished(),
                                wiring.live.current().persist().queueDepth());
            case DISK_FULL -> "a disk is nearly full: " + wiring.disks.inWords();
            case WAL_FULL -> "the log has no room for another segment";
            case ADMISSION_LIMIT -> "too many writes at once";
            case NAMESPACE_LIMIT -> "too many writes of one namespace at once";
            case PARTITION_LIMIT -> "a namespace has rows of as many partitions as it may (--max-partitions)";
            case INFLIGHT_BYTES -> "the writes in flight fill their budget (--inflight-bytes, --inflight-ops)";
            case MEMORY_LIMIT -> "memory is full: " + wiring.ledger.stats().inWords();
            case CATALOG_UNAVAILABLE -> "the catalog does not answer";
        };
    }

    /// In the doors' words, if the persister has ended.
    private static CompletionStage<List<PersistedFile>> refused(Throwable failure) {
        Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
        return CompletableFuture.failedStage(
                switch (cause) {
                    case StaleEpochException fenced ->
                        new PersistRefusedException(Reason.FENCED, String.valueOf(fenced.getMessage()));
                    case PersistStoppedException stopped ->
                        new PersistRefusedException(Reason.GRACEFUL_STOP, String.valueOf(stopped.getMessage()));
                    case null, default -> failure;
                });
    }

    static String describe(ReplayStatus replay) {
        return "%d of %d bytes (%d %%), %d rows%s"
                .formatted(
                        replay.doneBytes(),
                        replay.totalBytes(),
                        replay.percent(),
                        replay.rows(),
                        replay.left()
                                .map(left -> ", about %d s left".formatted(Math.ceilDiv(left.toMillis(), 1000L)))
                                .orElse(""));
    }

    CompletionStage<PersistHandler.PersistSummary> persist(
            Optional<NamespaceName> namespace, Optional<TableName> table) {
        if (wiring.state.has(Reason.NOT_READY)) {
            // What is still in the log would be missing, and the caller would not know.
            return CompletableFuture.failedStage(
                    new PersistRefusedException(Reason.NOT_READY, "the server is starting: the log is being replayed"));
        }
        return wiring.pipeline
                .get()
                .buffer()
                .persist(namespace, table, FreezeReason.RPC)
                .exceptionallyCompose(ServerReports::refused)
                .thenApply(files -> new PersistHandler.PersistSummary(
                        files.stream()
                                .map(file -> file.file().partition())
                                .distinct()
                                .count(),
                        files.stream().mapToLong(file -> file.file().rowCount()).sum(),
                        files.size()));
    }

    /// What parts tell of themselves in `/status`, each under its name.
    private Map<String, Supplier<?>> sections() {
        Map<String, Supplier<?>> sections = new LinkedHashMap<>();
        sections.put("admission", () -> AdmissionReport.of(wiring.admission.stats()));
        sections.put("memory", () -> MemoryReport.of(wiring.ledger.stats()));
        sections.put("disks", () -> DiskReport.of(wiring.disks.stats()));
        return sections;
    }

    private StatusDocument.Snapshot snapshot() {
        WritePipeline now = wiring.pipeline.get();
        Instant at = wiring.clock.instant();
        return new StatusDocument.Snapshot(
                Version.number(),
                at,
                startedAt,
                Duration.between(startedAt, at),
                state(),
                now.ingester().toString(),
                refusing(),
                notReady(),
                now.stable().stable(),
                Totals.of(wiring.metrics, wiring.refusals.counts()),
                wiring.inFlight.stats(),
                wiring.bodies.usedBytes(),
                new StatusDocument.Queries(
                        Optional.ofNullable(
                                        wiring.metrics.find("sluice.query.open").gauge())
                                .map(gauge -> (int) gauge.value())
                                .orElse(0),
                        wiring.admission.limits().queryStreaming(),
                        wiring.idleStreams.waiting(),
                        wiring.replayGate.waiting(),
                        wiring.queryAllocator.getAllocatedMemory(),
                        wiring.queryAllocator.getLimit()),
                wiring.live.current().bufferBytes(),
                now.buffer().statistics(),
                now.buffer().oldestUnpersistedAges().values().stream().max(Duration::compareTo),
                wiring.wal.status(),
                wiring.quarantined(),
                wiring.replay.status(),
                wiring.replayed.get(),
                wiring.persister.status(),
                wiring.store.describe(),
                Catalogs.describe(wiring.settings.catalog()),
                wiring.outages(),
                wiring.errors.entries(),
                wiring.live.shown());
    }
}
