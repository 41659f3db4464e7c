package io.sluice.ingester.status;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sluice.ingester.buffer.BufferTree.BufferStatistics;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.replay.ReplayStatus;
import io.sluice.ingester.settings.LiveSettings;
import io.sluice.ingester.settings.Setting;
import io.sluice.ingester.status.StatusDocument.Snapshot;
import io.sluice.ingester.write.InFlightWrites;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionKey;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableName;
import io.sluice.persist.PersistStage;
import io.sluice.persist.PersistStatus;
import io.sluice.persist.retry.Outage;
import io.sluice.wal.QuarantineFolder;
import io.sluice.wal.QuarantineFolder.Loss;
import io.sluice.wal.QuarantineFolder.Origin;
import io.sluice.wal.ReplayReport;
import io.sluice.wal.WalStatus;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

final class StatusDocumentTest {
    private static final Instant STARTED = Instant.parse("2026-11-21T10:00:00Z");
    private static final String NASTY = "say \"no\",\n\\ \u0001 tab\t \u2028 ü 🚀 </script>";

    private static final QuarantineFolder.Contents QUARANTINED = new QuarantineFolder.Contents(
            List.of(
                    new QuarantineFolder.Item(Path.of("a"), 40, new Origin.Stretch("s", 64), new Loss(3, 40)),
                    new QuarantineFolder.Item(Path.of("b"), 2, new Origin.Write(new SequenceNumber(7)), Loss.NONE)),
            List.of(Path.of("notes.txt")));
    private static final ReplayStatus REPLAYING =
            new ReplayStatus(250, 1_000, 77, Duration.ofSeconds(2), Optional.of(Duration.ofMillis(5_001)));
    private static final ReplayStatus REPLAYED =
            new ReplayStatus(1_000, 1_000, 88, Duration.ofMillis(1_500), Optional.of(Duration.ZERO));

    private static final List<LiveSettings.Shown> SETTINGS = List.of(
            new LiveSettings.Shown(Setting.WAL_DIR, "/w", "option", Optional.empty()),
            new LiveSettings.Shown(Setting.PERSIST_MEMORY, "1GiB", "c.properties line 3", Optional.of(STARTED)));

    private record Weather(int rainMillimetres, List<String> winds) {}

    private static JsonNode parse(Snapshot snapshot) throws Exception {
        return new ObjectMapper()
                .readTree(new StatusDocument(() -> snapshot, Map.of("weather", () -> new Weather(7, List.of("west"))))
                        .json());
    }

    private static Snapshot snapshot(
            List<String> refusing, WalStatus wal, PersistStatus persist, List<RecentErrors.Entry> errors) {
        return new Snapshot(
                "1.2.3",
                STARTED.plusMillis(90_500),
                STARTED,
                Duration.ofMillis(90_500),
                "running",
                "00000000-0000-0000-0000-000000000001",
                new LinkedHashSet<>(refusing),
                refusing.stream().map(reason -> reason + ": " + NASTY).toList(),
                new SequenceNumber(Long.MAX_VALUE),
                new Totals(10, 20, 3, Map.of(Reason.MEMORY_LIMIT, 3L), 40, 5, 60),
                new InFlightWrites.Stats(3, 65_536, 4_000, 1 << 27, 2, 5_000),
                6_000,
                new StatusDocument.Queries(1, 200, 2, 3, 4, 5),
                1 << 30,
                new BufferStatistics(1, 2, 3, 4, 5, 6, 7, 8, 9),
                Optional.of(Duration.ofMillis(7_300)),
                wal,
                wal.failure().isPresent() ? Optional.empty() : Optional.of(QUARANTINED),
                wal.failure().isPresent() ? REPLAYING : REPLAYED,
                wal.failure().isPresent()
                        ? Optional.empty()
                        : Optional.of(new ReplayReport(1, 2, 3, 4, 5, 6, List.of(NASTY))),
                persist,
                "file:/objects",
                "sqlite:/catalog.db",
                errors.isEmpty()
                        ? List.of()
                        : List.of(new Down(
                                "catalog", "postgresql://db/" + NASTY, new Outage(STARTED, 7, STARTED, NASTY))),
                errors,
                SETTINGS);
    }

    private static WalStatus wal(Optional<String> failure) {
        return new WalStatus(
                Path.of("wal"),
                failure.isPresent() ? WalStatus.State.FAILED : WalStatus.State.RUNNING,
                2,
                300,
                new SequenceNumber(12),
                failure.isPresent() ? Optional.empty() : Optional.of(STARTED),
                5,
                600,
                2,
                4_000,
                Duration.ofMillis(7),
                failure);
    }

    private static PersistStatus persist(List<PersistStatus.Job> jobs, Optional<PersistStatus.Failure> failure) {
        return new PersistStatus(
                1,
                100,
                true,
                jobs,
                new PersistStatus.Gate(4, 5, 3_000, 6_000, 2, Duration.ofMillis(1_500), 8),
                4,
                5,
                6,
                7,
                failure);
    }

    @Test
    void eachSettingTellsWhereItsValueComesFromAndWhenItWasChanged() throws Exception {
        JsonNode settings = parse(
                        snapshot(List.of(), wal(Optional.empty()), persist(List.of(), Optional.empty()), List.of()))
                .at("/settings");
        assertThat(settings.get(0).toString())
                .isEqualTo(
                        "{\"key\":\"wal-dir\",\"value\":\"/w\",\"default\":\"\",\"from\":\"option\",\"live\":false}");
        assertThat(settings.get(1).toString())
                .isEqualTo("{\"key\":\"persist-memory\",\"value\":\"1GiB\",\"default\":\"2GiB\","
                        + "\"from\":\"c.properties line 3\",\"live\":true,\"changed_at\":\"2026-11-21T10:00:00Z\"}");
    }

    @Test
    void aQuietServerTellsEveryNumber() throws Exception {
        JsonNode json =
                parse(snapshot(List.of(), wal(Optional.empty()), persist(List.of(), Optional.empty()), List.of()));
        assertThat(json.at("/version").asText()).isEqualTo("1.2.3");
        assertThat(json.at("/state").asText()).isEqualTo("running");
        assertThat(json.at("/started_at").asText()).isEqualTo("2026-11-21T10:00:00Z");
        assertThat(json.at("/uptime_seconds").asDouble()).isEqualTo(90.5);
        assertThat(json.at("/ingester").asText()).isEqualTo("00000000-0000-0000-0000-000000000001");
        assertThat(json.at("/stable_sequence").isIntegralNumber()).isTrue();
        assertThat(json.at("/stable_sequence").asLong()).isEqualTo(Long.MAX_VALUE);
        assertThat(json.at("/refusing").isArray()).isTrue();
        assertThat(json.at("/refusing")).isEmpty();
        assertThat(json.at("/not_ready").isArray()).isTrue();
        assertThat(json.at("/not_ready")).isEmpty();
        assertThat(json.at("/in_flight").toString())
                .isEqualTo("{\"writes\":3,\"limit_writes\":65536,\"bytes\":4000,\"limit_bytes\":134217728,"
                        + "\"waiting\":2,\"waiting_bytes\":5000,\"body_bytes\":6000}");
        assertThat(json.at("/totals").toString())
                .isEqualTo("{\"writes\":10,\"rows\":20,\"refused\":3,\"log_bytes\":40,\"queries\":5,"
                        + "\"query_rows\":60,\"refused_for\":{\"MEMORY_LIMIT\":3}}");
        assertThat(json.at("/queries").toString())
                .isEqualTo("{\"open\":1,\"limit\":200,\"waiting_for_client\":2,\"waiting_for_replay\":3,"
                        + "\"memory_bytes\":4,\"memory_limit_bytes\":5}");
        assertThat(json.at("/at").asText()).isEqualTo("2026-11-21T10:01:30.500Z");
        assertThat(json.at("/oldest_unpersisted_seconds").asDouble()).isEqualTo(7.3);
        assertThat(json.at("/weather").toString()).isEqualTo("{\"rain_millimetres\":7,\"winds\":[\"west\"]}");
        assertThat(json.at("/log").toString())
                .isEqualTo("{\"directory\":\"wal\",\"state\":\"RUNNING\",\"segments\":2,\"spare_segments\":2,"
                        + "\"bytes\":300,\"max_bytes\":4000,\"writing_seconds\":0.007,"
                        + "\"last_sequence\":12,\"queued_entries\":5,\"queued_bytes\":600,"
                        + "\"oldest_segment_at\":\"2026-11-21T10:00:00Z\","
                        + "\"quarantine\":{\"files\":2,\"bytes\":42,\"lost_entries\":3,\"lost_bytes\":40}}");
        assertThat(json.at("/replay").toString())
                .isEqualTo(
                        "{\"done_bytes\":1000,\"total_bytes\":1000,\"percent\":100,\"rows\":88,\"elapsed_seconds\":1.5,"
                                + "\"segments\":1,\"entries\":2,\"payload_bytes\":3,\"torn_bytes\":4,\"quarantined\":5,\"lost_entries\":6}");
        assertThat(json.at("/buffer").toString())
                .isEqualTo("{\"namespaces\":1,\"tables\":2,\"partitions\":3,\"filling_rows\":4,\"filling_bytes\":5,"
                        + "\"frozen_rows\":6,\"frozen_bytes\":7,\"frozen_batches\":8,\"memory_bytes\":9,"
                        + "\"limit_bytes\":1073741824}");
        assertThat(json.at("/persist").toString())
                .isEqualTo(
                        "{\"object_store\":\"file:/objects\",\"catalog\":\"sqlite:/catalog.db\","
                                + "\"unfinished_jobs\":1,\"queue_depth\":100,\"saturated\":true,\"gate_active\":4,"
                                + "\"gate_slots\":5,\"gate_waiting\":2,\"gate_oldest_wait_seconds\":1.5,\"gate_timeouts\":8,"
                                + "\"gate_used_bytes\":3000,\"gate_limit_bytes\":6000,\"files\":4,\"rows\":5,\"bytes\":6,\"retries\":7,\"jobs\":[]}");
        assertThat(json.at("/last_errors").isArray()).isTrue();
        assertThat(json.at("/last_errors")).isEmpty();
    }

    /// Messages hold what a client or an operating system put into them.
    @Test
    void whatWentWrongIsToldAndNoMessageBreaksTheDocument() throws Exception {
        NamespaceName namespace = new NamespaceName("n\"\\");
        TableName table = new TableName("m🚀");
        PartitionKey partition = new PartitionKey("2026-11-21");
        JsonNode json = parse(snapshot(
                List.of("WAL_FAILED", "MEMORY_LIMIT"),
                wal(Optional.of(NASTY)),
                persist(
                        List.of(
                                new PersistStatus.Job(
                                        namespace,
                                        table,
                                        partition,
                                        PersistStage.RETRY,
                                        STARTED,
                                        2,
                                        Optional.of(NASTY)),
                                new PersistStatus.Job(
                                        namespace,
                                        table,
                                        partition,
                                        PersistStage.UPLOAD,
                                        STARTED,
                                        0,
                                        Optional.empty())),
                        Optional.of(new PersistStatus.Failure(STARTED, namespace, table, partition, NASTY))),
                List.of(new RecentErrors.Entry(STARTED, "log", NASTY))));
        assertThat(json.at("/refusing")).extracting(JsonNode::asText).containsExactly("WAL_FAILED", "MEMORY_LIMIT");
        assertThat(json.at("/not_ready"))
                .extracting(JsonNode::asText)
                .containsExactly("WAL_FAILED: " + NASTY, "MEMORY_LIMIT: " + NASTY);
        assertThat(json.at("/outages/0/what").asText()).isEqualTo("catalog");
        assertThat(json.at("/outages/0/attempts").asLong()).isEqualTo(7);
        assertThat(json.at("/outages/0/last_error").asText()).isEqualTo(NASTY);
        assertThat(json.at("/outages/0/message").asText())
                .startsWith("the catalog postgresql://db/")
                .contains("has not answered since 2026-11-21T10:00:00Z, 7 calls failed");
        assertThat(json.at("/log/state").asText()).isEqualTo("FAILED");
        assertThat(json.at("/log/failure").asText()).isEqualTo(NASTY);
        assertThat(json.at("/log").has("oldest_segment_at")).isFalse();
        assertThat(json.at("/log").has("quarantine")).isFalse();
        assertThat(json.at("/replay").toString())
                .isEqualTo("{\"done_bytes\":250,\"total_bytes\":1000,\"percent\":25,\"rows\":77,"
                        + "\"elapsed_seconds\":2.0,\"eta_seconds\":6}");
        assertThat(json.at("/persist/jobs")).hasSize(2);
        assertThat(json.at("/persist/jobs/0/namespace").asText()).isEqualTo("n\"\\");
        assertThat(json.at("/persist/jobs/0/table").asText()).isEqualTo("m🚀");
        assertThat(json.at("/persist/jobs/0/partition").asText()).isEqualTo("2026-11-21");
        assertThat(json.at("/persist/jobs/0/stage").asText()).isEqualTo("RETRY");
        assertThat(json.at("/persist/jobs/0/since").asText()).isEqualTo("2026-11-21T10:00:00Z");
        assertThat(json.at("/persist/jobs/0/failures").asInt()).isEqualTo(2);
        assertThat(json.at("/persist/jobs/0/last_error").asText()).isEqualTo(NASTY);
        assertThat(json.at("/persist/jobs/1").has("last_error")).isFalse();
        assertThat(json.at("/persist/last_error/error").asText()).isEqualTo(NASTY);
        assertThat(json.at("/persist/last_error/at").asText()).isEqualTo("2026-11-21T10:00:00Z");
        assertThat(json.at("/last_errors/0/where").asText()).isEqualTo("log");
        assertThat(json.at("/last_errors/0/message").asText()).isEqualTo(NASTY);
        assertThat(json.at("/last_errors/0/at").asText()).isEqualTo("2026-11-21T10:00:00Z");
    }

    @Test
    void eachRequestTellsOfItsOwnMoment() throws Exception {
        AtomicInteger asked = new AtomicInteger();
        StatusDocument document = new StatusDocument(
                () -> {
                    asked.incrementAndGet();
                    return snapshot(List.of(), wal(Optional.empty()), persist(List.of(), Optional.empty()), List.of());
                },
                Map.of());
        assertThat(asked).hasValue(0);
        assertThat(document.json()).isEqualTo(document.json());
        assertThat(asked).hasValue(2);
    }

    /// However many errors there are, the list stays short, and the newest are in it.
    @Test
    void onlyTheLastErrorsAreKept() {
        RecentErrors errors = new RecentErrors(Clock.fixed(STARTED, ZoneOffset.UTC));
        assertThat(errors.entries()).isEmpty();
        List<String> messages = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            errors.add("log", "error " + i);
            messages.add("error " + i);
        }
        assertThat(errors.entries())
                .hasSize(20)
                .allSatisfy(entry -> assertThat(entry.at()).isEqualTo(STARTED))
                .extracting(RecentErrors.Entry::message)
                .isEqualTo(messages.subList(980, 1_000));
    }
}
