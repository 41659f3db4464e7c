package io.sluice.ingester.status;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sluice.ingester.buffer.BufferTree.BufferStatistics;
import io.sluice.ingester.door.StatusSource;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.replay.ReplayStatus;
import io.sluice.ingester.settings.LiveSettings;
import io.sluice.ingester.write.InFlightWrites;
import io.sluice.model.SequenceNumber;
import io.sluice.persist.PersistStatus;
import io.sluice.wal.QuarantineFolder;
import io.sluice.wal.ReplayReport;
import io.sluice.wal.WalStatus;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/// The JSON document of `/status`.
public final class StatusDocument implements StatusSource {
    private final ObjectMapper mapper = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .build();
    private final Supplier<Snapshot> snapshot;
    private final Map<String, Supplier<?>> sections;

    /// @param snapshot what there is to tell, asked at each request
    /// @param sections what parts of the server tell besides, by the names under which they stand: records
    ///     of numbers, words, lists and further records, asked at each request
    public StatusDocument(Supplier<Snapshot> snapshot, Map<String, Supplier<?>> sections) {
        this.snapshot = snapshot;
        this.sections = Collections.unmodifiableMap(new LinkedHashMap<>(sections));
    }

    /// Queries.
    ///
    /// @param open streams
    /// @param limit of them
    /// @param waitingForClient of those, how many wait for their client to read on
    /// @param waitingForReplay how many wait until the log is replayed
    /// @param memoryBytes of what is being sent
    /// @param memoryLimitBytes of that
    public record Queries(
            int open, int limit, int waitingForClient, int waitingForReplay, long memoryBytes, long memoryLimitBytes) {}

    /// What there is to tell.
    ///
    /// @param at the time
    /// @param state `starting`, `ready`, `stopping` …
    /// @param refusing why writes are refused; empty if they are taken
    /// @param notReady why the server is not ready, in words
    /// @param bodyBytes of HTTP requests that are being read, or whose outcome is not known
    /// @param oldestUnpersisted age of the oldest row that is in no file; empty if all are
    /// @param quarantine what starts set aside; empty if that cannot be read
    /// @param replayStatus how far the replay is, or how it was
    /// @param replay what the start found in the log; empty while it is replayed
    /// @param outages what does not answer
    public record Snapshot(
            String version,
            Instant at,
            Instant startedAt,
            Duration uptime,
            String state,
            String ingester,
            Set<String> refusing,
            List<String> notReady,
            SequenceNumber stable,
            Totals totals,
            InFlightWrites.Stats inFlight,
            long bodyBytes,
            Queries queries,
            long bufferLimitBytes,
            BufferStatistics buffer,
            Optional<Duration> oldestUnpersisted,
            WalStatus wal,
            Optional<QuarantineFolder.Contents> quarantine,
            ReplayStatus replayStatus,
            Optional<ReplayReport> replay,
            PersistStatus persist,
            String objectStore,
            String catalog,
            List<Down> outages,
            List<RecentErrors.Entry> lastErrors,
            List<LiveSettings.Shown> settings) {}

    @Override
    public String json() {
        Snapshot now = snapshot.get();
        ObjectNode json = mapper.createObjectNode();
        json.put("version", now.version())
                .put("state", now.state())
                .put("at", now.at().toString())
                .put("started_at", now.startedAt().toString())
                .put("uptime_seconds", now.uptime().toMillis() / 1000.0)
                .put("ingester", now.ingester())
                .put("stable_sequence", now.stable().value());
        strings(json.putArray("refusing"), now.refusing());
        strings(json.putArray("not_ready"), now.notReady());
        totals(json.putObject("totals"), now.totals());
        inFlight(json.putObject("in_flight"), now.inFlight()).put("body_bytes", now.bodyBytes());
        sections.forEach((name, section) -> json.set(name, mapper.valueToTree(section.get())));
        queries(json.putObject("queries"), now.queries());
        ObjectNode log = json.putObject("log");
        log(log, now.wal());
        now.quarantine()
                .ifPresent(found -> log.putObject("quarantine")
                        .put("files", found.items().size())
                        .put("bytes", found.bytes())
                        .put("lost_entries", found.loss().entries())
                        .put("lost_bytes", found.loss().bytes()));
        ObjectNode replay = json.putObject("replay");
        replay(replay, now.replayStatus());
        now.replay().ifPresent(report -> replay(replay, report));
        buffer(json.putObject("buffer"), now.buffer(), now.bufferLimitBytes());
        now.oldestUnpersisted().ifPresent(age -> json.put("oldest_unpersisted_seconds", age.toMillis() / 1e3));
        persist(json.putObject("persist"), now);
        ArrayNode outages = json.putArray("outages");
        for (Down down : now.outages()) {
            outages.addObject()
                    .put("what", down.what())
                    .put("where", down.where())
                    .put("since", down.outage().since().toString())
                    .put("attempts", down.outage().attempts())
                    .put("last_at", down.outage().lastAt().toString())
                    .put("last_error", down.outage().lastError())
                    .put("message", down.inWords());
        }
        ArrayNode errors = json.putArray("last_errors");
        for (RecentErrors.Entry error : now.lastErrors()) {
            errors.addObject()
                    .put("at", error.at().toString())
                    .put("where", error.where())
                    .put("message", error.message());
        }
        settings(json.putArray("settings"), now.settings());
        try {
            return mapper.writerWithDefaultPrettyPrinter().writeValueAsString(json);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void settings(ArrayNode array, List<LiveSettings.Shown> settings) {
        for (LiveSettings.Shown shown : settings) {
            ObjectNode item = array.addObject()
                    .put("key", shown.setting().key())
                    .put("value", shown.value())
                    .put("default", shown.setting().defaultValue())
                    .put("from", shown.from())
                    .put("live", shown.setting().isLive());
            shown.changedAt().ifPresent(at -> item.put("changed_at", at.toString()));
        }
    }

    private static void strings(ArrayNode array, Iterable<String> texts) {
        texts.forEach(array::add);
    }

    private static void totals(ObjectNode json, Totals totals) {
        json.put("writes", totals.writes())
                .put("rows", totals.rows())
                .put("refused", totals.refused())
                .put("log_bytes", totals.logBytes())
                .put("queries", totals.queries())
                .put("query_rows", totals.queryRows());
        ObjectNode reasons = json.putObject("refused_for");
        for (Reason reason : Reason.values()) {
            long refused = totals.refusedFor().getOrDefault(reason, 0L);
            if (refused > 0) {
                reasons.put(reason.name(), refused);
            }
        }
    }

    private static ObjectNode inFlight(ObjectNode json, InFlightWrites.Stats inFlight) {
        return json.put("writes", inFlight.writes())
                .put("limit_writes", inFlight.limitWrites())
                .put("bytes", inFlight.bytes())
                .put("limit_bytes", inFlight.limitBytes())
                .put("waiting", inFlight.waiting())
                .put("waiting_bytes", inFlight.waitingBytes());
    }

    private static void queries(ObjectNode json, Queries queries) {
        json.put("open", queries.open())
                .put("limit", queries.limit())
                .put("waiting_for_client", queries.waitingForClient())
                .put("waiting_for_replay", queries.waitingForReplay())
                .put("memory_bytes", queries.memoryBytes())
                .put("memory_limit_bytes", queries.memoryLimitBytes());
    }

    private static void log(ObjectNode json, WalStatus wal) {
        json.put("directory", wal.directory().toString())
                .put("state", wal.state().name())
                .put("segments", wal.segments())
                .put("spare_segments", wal.spareSegments())
                .put("bytes", wal.bytes())
                .put("max_bytes", wal.maxBytes())
                .put("writing_seconds", wal.writingFor().toNanos() / 1e9)
                .put("last_sequence", wal.lastSequence().value())
                .put("queued_entries", wal.queuedEntries())
                .put("queued_bytes", wal.queuedBytes());
        wal.oldestSegmentAt().ifPresent(at -> json.put("oldest_segment_at", at.toString()));
        wal.failure().ifPresent(failure -> json.put("failure", failure));
    }

    private static void replay(ObjectNode json, ReplayStatus status) {
        json.put("done_bytes", status.doneBytes())
                .put("total_bytes", status.totalBytes())
                .put("percent", status.percent())
                .put("rows", status.rows())
                .put("elapsed_seconds", status.elapsed().toMillis() / 1000.0);
        if (!status.isEnded()) {
            status.left().ifPresent(left -> json.put("eta_seconds", Math.ceilDiv(left.toMillis(), 1000L)));
        }
    }

    private static void replay(ObjectNode json, ReplayReport replay) {
        json.put("segments", replay.segments())
                .put("entries", replay.entries())
                .put("payload_bytes", replay.payloadBytes())
                .put("torn_bytes", replay.tornBytes())
                .put("quarantined", replay.quarantined())
                .put("lost_entries", replay.lostEntries());
    }

    private static void buffer(ObjectNode json, BufferStatistics buffer, long limitBytes) {
        json.put("namespaces", buffer.namespaces())
                .put("tables", buffer.tables())
                .put("partitions", buffer.partitions())
                .put("filling_rows", buffer.fillingRows())
                .put("filling_bytes", buffer.fillingBytes())
                .put("frozen_rows", buffer.frozenRows())
                .put("frozen_bytes", buffer.frozenBytes())
                .put("frozen_batches", buffer.frozenBatches())
                .put("memory_bytes", buffer.memoryBytes())
                .put("limit_bytes", limitBytes);
    }

    private static void persist(ObjectNode json, Snapshot now) {
        PersistStatus persist = now.persist();
        PersistStatus.Gate gate = persist.gate();
        json.put("object_store", now.objectStore())
                .put("catalog", now.catalog())
                .put("unfinished_jobs", persist.unfinished())
                .put("queue_depth", persist.queueDepth())
                .put("saturated", persist.isSaturated())
                .put("gate_active", gate.active())
                .put("gate_slots", gate.slots())
                .put("gate_waiting", gate.waiting())
                .put("gate_oldest_wait_seconds", gate.oldestWait().toMillis() / 1e3)
                .put("gate_timeouts", gate.timeouts())
                .put("gate_used_bytes", gate.usedBytes())
                .put("gate_limit_bytes", gate.limitBytes())
                .put("files", persist.files())
                .put("rows", persist.rows())
                .put("bytes", persist.bytes())
                .put("retries", persist.retries());
        ArrayNode jobs = json.putArray("jobs");
        for (PersistStatus.Job job : persist.jobs()) {
            ObjectNode item = jobs.addObject()
                    .put("namespace", job.namespace().value())
                    .put("table", job.table().value())
                    .put("partition", job.partition().value())
                    .put("stage", job.stage().name())
                    .put("since", job.since().toString())
                    .put("failures", job.failures());
            job.lastError().ifPresent(error -> item.put("last_error", error));
        }
        persist.lastError()
                .ifPresent(failure -> json.putObject("last_error")
                        .put("at", failure.at().toString())
                        .put("namespace", failure.namespace().value())
                        .put("table", failure.table().value())
                        .put("partition", failure.partition().value())
                        .put("error", failure.error()));
    }
}
