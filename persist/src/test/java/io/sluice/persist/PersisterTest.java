package io.sluice.persist;

import static io.sluice.persist.PersistFixture.SETTINGS;
import static io.sluice.persist.PersistFixture.failureOf;
import static io.sluice.persist.PersistFixture.join;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.model.ColumnSchema;
import io.sluice.model.PartitionId;
import io.sluice.model.PartitionKey;
import io.sluice.model.SequenceNumber;
import io.sluice.model.SortKey;
import io.sluice.persist.FailingCatalog.Step;
import io.sluice.persist.FailingCatalog.When;
import io.sluice.persist.Rows.Row;
import io.sluice.persist.catalog.CatalogConflictException;
import io.sluice.persist.catalog.FileRecord;
import io.sluice.persist.catalog.StaleEpochException;
import io.sluice.persist.store.FailingObjectStore;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionStage;
import org.apache.arrow.memory.OutOfMemoryException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class PersisterTest {
    private static final PersistGateSettings ONE_AT_ONCE = new PersistGateSettings(1, 1 << 20, GateTimeout.DEFAULT);
    private static final Duration PATIENT = Duration.ofDays(10_000);

    @TempDir
    Path folder;

    private PersistFixture fixture;

    @BeforeEach
    void open() throws IOException {
        fixture = new PersistFixture(folder);
    }

    @AfterEach
    void noMemoryIsLeft() throws IOException {
        fixture.close();
    }

    @Test
    void aRequestBecomesOneCataloguedFile() throws Exception {
        Persister persister = fixture.started();
        PersistRequest request =
                fixture.request("2026-11-21", 3, 7, new Row("b", 5, 1), new Row("a", 9, 2), new Row("b", 5, 3));

        PersistedFile persisted = join(persister.enqueue(request));
        persister.stop(PATIENT);

        FileRecord file = persisted.file();
        assertThat(fixture.files()).containsExactly(file);
        assertThat(fixture.rows(file)).containsExactly(new Row("a", 9, 2), new Row("b", 5, 3));
        assertThat(file.rowCount()).isEqualTo(2);
        assertThat(persisted.rowsBeforeMerge()).isEqualTo(3);
        assertThat(persisted.duplicates()).isEqualTo(1);
        assertThat(file.minTimeNs()).isEqualTo(5);
        assertThat(file.maxTimeNs()).isEqualTo(9);
        assertThat(file.objectName())
                .isEqualTo("metrics/cpu/2026-11-21/%s-00000000000000000003-00000000000000000007-%010d.parquet"
                        .formatted(Rows.INGESTER, fixture.epoch));
        assertThat(ObjectNaming.isName(file.objectName())).isTrue();
        assertThat(fixture.objectNames()).containsExactly(file.objectName());
        assertThat(persistedThrough("2026-11-21")).isEqualTo(7);
    }

    /// Invariant 3, for each step of a job, failing before and after it had its effect.
    @Test
    void aFailureAtAnyStepEndsInOneObjectAndOneRow() throws Exception {
        List<Runnable> cues = new ArrayList<>();
        for (Step step : List.of(Step.PERSISTED_THROUGH, Step.SORT_KEY, Step.COMPARE_AND_SET, Step.RECORD_FILE)) {
            for (When when : When.values()) {
                cues.add(() -> fixture.catalog.failNext(step, when, 3));
            }
        }
        cues.add(() -> {
            fixture.catalog.failNext(Step.RECORD_FILE, When.AFTER_EFFECT, 1);
            fixture.catalog.failNext(Step.FILES, When.BEFORE_EFFECT, 2);
        });
        for (var step : List.of(
                FailingObjectStore.Step.UPLOAD, FailingObjectStore.Step.WRITE, FailingObjectStore.Step.COMPLETE)) {
            for (var when : FailingObjectStore.When.values()) {
                cues.add(() -> fixture.store.failNext(step, when, 3));
            }
        }
        Persister persister = fixture.started();
        for (int i = 0; i < cues.size(); i++) {
            cues.get(i).run();
            String key = "day-" + i;
            FileRecord file = join(persister.enqueue(
                            fixture.request(key, 1, 2, new Row("a", i, 1), new Row("a", i, 2))))
                    .file();
            assertThat(fixture.rows(file)).as("case %d", i).containsExactly(new Row("a", i, 2));
            assertThat(fixture.files()).as("case %d", i).hasSize(i + 1).contains(file);
            assertThat(fixture.objectNames()).as("case %d", i).hasSize(i + 1);
            assertThat(persistedThrough(key)).as("case %d", i).isEqualTo(2);
            fixture.catalog.heal();
            fixture.store.heal();
        }
        persister.stop(PATIENT);
        // One cue less is taken where the effect ends the matter: after RECORD_FILE and COMPARE_AND_SET.
        assertThat(persister.status().retries()).isGreaterThan(3L * cues.size() - 12);
        assertThat(fixture.waits).hasSizeGreaterThan(20);
    }

    @Test
    void whatWasUploadedIsNotUploadedAgainWhileTheCatalogIsAway() throws Exception {
        fixture.catalog.failNext(Step.RECORD_FILE, When.BEFORE_EFFECT, 6);
        Persister persister = fixture.started();
        join(persister.enqueue(fixture.request("a", 1)));
        persister.stop(PATIENT);
        assertThat(fixture.format.sorted()).containsExactly("a:1");
        assertThat(fixture.waits).hasSize(6);
    }

    /// Else a garbage collection could take it for an orphan just before it is recorded.
    @Test
    void whatWasUploadedLongAgoIsUploadedAgain() throws Exception {
        fixture.catalog.failNext(Step.RECORD_FILE, When.BEFORE_EFFECT, 60);
        Persister persister = fixture.started();
        FileRecord file = join(persister.enqueue(fixture.request("a", 1))).file();
        persister.stop(PATIENT);
        Duration away = fixture.waits.stream().reduce(Duration.ZERO, Duration::plus);
        assertThat(fixture.format.sorted().size())
                .as("uploads in %s", away)
                .isBetween(2, 1 + (int) (away.toMinutes() / 10));
        assertThat(fixture.objectNames()).containsExactly(file.objectName());
        assertThat(fixture.files()).containsExactly(file);
    }

    @Test
    void delaysGrowAndAreBounded() throws Exception {
        fixture.store.failNext(FailingObjectStore.Step.UPLOAD, FailingObjectStore.When.BEFORE_EFFECT, 15);
        Persister persister = fixture.started();
        join(persister.enqueue(fixture.request("a", 1)));
        persister.stop(PATIENT);
        assertThat(fixture.waits).hasSize(15);
        assertThat(fixture.waits.getFirst()).isBetween(Duration.ofMillis(50), Duration.ofMillis(100));
        assertThat(fixture.waits.getLast()).isBetween(Duration.ofSeconds(15), Duration.ofSeconds(30));
        assertThat(persister.status().lastError().orElseThrow().error()).contains("made to fail before UPLOAD");
    }

    @Test
    void anObjectOfTheWrongSizeIsNotRecorded() throws Exception {
        fixture.format.lieAboutTheNextSize();
        Persister persister = fixture.started();
        FileRecord file = join(persister.enqueue(fixture.request("a", 1))).file();
        persister.stop(PATIENT);
        assertThat(persister.status().lastError().orElseThrow().error()).contains("expected");
        assertThat(fixture.objects.find(file.objectName()).orElseThrow().sizeBytes())
                .isEqualTo(file.sizeBytes());
    }

    @Test
    void runningOutOfMemoryIsTriedAgain() throws Exception {
        fixture.format.failNext(new OutOfMemoryError("made to fail"));
        fixture.format.failNext(new OutOfMemoryException("Arrow's limit"));
        fixture.format.failNext(new IllegalStateException("wrapped", new IOException("disk")));
        Persister persister = fixture.started();
        assertThat(join(persister.enqueue(fixture.request("a", 1))).file().rowCount())
                .isEqualTo(1);
        persister.stop(PATIENT);
        assertThat(fixture.waits).hasSize(3).allMatch(wait -> wait.compareTo(Duration.ofSeconds(1)) < 0);
    }

    @Test
    void aBugParksItsPartitionOnly() throws Exception {
        fixture.isTimeStopped = true;
        fixture.format.failNext(new IllegalStateException("a bug"));
        PersistSettings oneLane = new PersistSettings(
                1, 250, ONE_AT_ONCE, SETTINGS.firstRetryDelay(), SETTINGS.maxRetryDelay(), SETTINGS.parkedRetryDelay());
        Persister persister = fixture.persister(oneLane, fixture.store);
        CompletionStage<PersistedFile> broken = persister.enqueue(fixture.request("a", 1));
        CompletionStage<PersistedFile> follower = persister.enqueue(fixture.request("a", 2));
        CompletionStage<PersistedFile> other = persister.enqueue(fixture.request("b", 1));
        persister.start(fixture.threads());

        join(other);

        assertThat(broken.toCompletableFuture()).isNotDone();
        assertThat(follower.toCompletableFuture()).isNotDone();
        assertThat(persister.status().jobs())
                .filteredOn(job -> job.stage() == PersistStage.PARKED)
                .singleElement()
                .satisfies(job -> {
                    assertThat(job.partition()).isEqualTo(new PartitionKey("a"));
                    assertThat(job.failures()).isEqualTo(1);
                    assertThat(job.lastError().orElseThrow()).contains("a bug");
                });
        assertThat(persistedThrough("a")).isZero();

        persister.stop(PATIENT);
        assertThat(join(broken).file().maxSequence().value()).isEqualTo(1);
        assertThat(join(follower).file().maxSequence().value()).isEqualTo(2);
    }

    /// Persisting the follower would let persisted-through pass the rows that failed (invariant 3).
    @Test
    void stoppingGivesUpABrokenPartitionAsAWhole() throws Exception {
        for (int i = 0; i < 2; i++) {
            fixture.format.failNext(new IllegalStateException("a bug"));
        }
        fixture.isTimeStopped = true;
        Persister persister = fixture.started();
        CompletionStage<PersistedFile> broken = persister.enqueue(fixture.request("a", 1));
        awaitStage(persister, PersistStage.PARKED);
        CompletionStage<PersistedFile> follower = persister.enqueue(fixture.request("a", 2));

        persister.stop(PATIENT);

        assertThat(failureOf(broken)).isInstanceOf(PersistStoppedException.class);
        assertThat(failureOf(follower)).isInstanceOf(PersistStoppedException.class);
        assertThat(persistedThrough("a")).isZero();
        assertThat(fixture.files()).isEmpty();
    }

    @Test
    void aRequestThatOverlapsFilesIsParkedBeforeItUploads() throws Exception {
        fixture.isTimeStopped = true;
        Persister persister = fixture.started();
        join(persister.enqueue(fixture.request("a", 1, 5, new Row("a", 1, 1))));
        CompletionStage<PersistedFile> overlapping = persister.enqueue(fixture.request("a", 4, 9, new Row("a", 2, 2)));
        awaitStage(persister, PersistStage.PARKED);

        persister.stop(PATIENT);

        assertThat(failureOf(overlapping)).isInstanceOf(PersistStoppedException.class);
        assertThat(fixture.objectNames()).hasSize(1);
        assertThat(persister.status().lastError().orElseThrow().error())
                .contains(CatalogConflictException.class.getSimpleName())
                .contains("writes 4 to 9");
    }

    @Test
    void aProcessThatWasReplacedIsToldAndRecordsNothing() throws Exception {
        fixture.realCatalog.registerIngester(Rows.INGESTER);
        Persister persister = fixture.persister();
        List<CompletionStage<PersistedFile>> stages = new ArrayList<>();
        for (int i = 1; i <= 20; i++) {
            stages.add(persister.enqueue(fixture.request("a", i)));
        }
        persister.start(fixture.threads());

        for (CompletionStage<PersistedFile> stage : stages) {
            assertThat(failureOf(stage)).isInstanceOf(StaleEpochException.class);
        }
        assertThat(failureOf(persister.enqueue(fixture.request("b", 1)))).isInstanceOf(StaleEpochException.class);
        persister.stop(PATIENT);
        assertThat(fixture.news).contains("fenced");
        assertThat(fixture.files()).isEmpty();
        assertThat(fixture.objectNames()).as("only the first was uploaded").hasSize(1);
        assertThatThrownBy(persister::awaitCapacity).isInstanceOf(PersistStoppedException.class);
    }

    @Test
    void theSortKeyIsAgreedOnBeforeTheUpload() throws Exception {
        fixture.store.failNext(FailingObjectStore.Step.UPLOAD, FailingObjectStore.When.BEFORE_EFFECT, 1);
        fixture.isTimeStopped = true;
        Persister persister = fixture.started();
        CompletionStage<PersistedFile> _ = persister.enqueue(fixture.request("a", 1));
        awaitStage(persister, PersistStage.RETRY);
        assertThat(fixture.realCatalog.sortKey(fixture.table.tableId()).tags()).containsExactly(Rows.HOST.name());
        persister.stop(PATIENT);
    }

    @Test
    void aLostRaceForTheSortKeyExtendsTheWinners() throws Exception {
        ColumnSchema region = ColumnSchema.tag("region");
        var winner = new SortKey(List.of(region.name()));
        fixture.realCatalog.ensureTable(Rows.NAMESPACE, fixture.table.table(), List.of(region), 1_000);
        fixture.catalog.interpose(Step.COMPARE_AND_SET, () -> {
            try {
                fixture.realCatalog.compareAndSetSortKey(fixture.table.tableId(), SortKey.EMPTY, winner);
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        });
        Persister persister = fixture.started();
        join(persister.enqueue(fixture.request("a", 1)));
        persister.stop(PATIENT);
        assertThat(fixture.realCatalog.sortKey(fixture.table.tableId()).tags())
                .containsExactly(region.name(), Rows.HOST.name());
        assertThat(persister.status().retries()).isZero();
    }

    @Test
    void aFullQueueSaturatesAndReplayGoesOnWhenHalfIsFree() throws Exception {
        PersistSettings small = new PersistSettings(
                1, 4, ONE_AT_ONCE, SETTINGS.firstRetryDelay(), SETTINGS.maxRetryDelay(), SETTINGS.parkedRetryDelay());
        Persister persister = fixture.persister(small, fixture.store);
        for (int i = 1; i <= 5; i++) {
            CompletionStage<PersistedFile> _ = persister.enqueue(fixture.request("a", i));
        }
        assertThat(persister.isSaturated()).isTrue();
        assertThat(persister.status().unfinished()).isEqualTo(5);

        persister.start(fixture.threads());
        persister.awaitCapacity();

        assertThat(persister.isSaturated()).isFalse();
        persister.stop(PATIENT);
        assertThat(fixture.news).containsExactly("saturated true", "saturated false");
        assertThat(fixture.files()).hasSize(5);
    }

    @Test
    void metersTellWhatWasDone() throws Exception {
        fixture.store.failNext(FailingObjectStore.Step.COMPLETE, FailingObjectStore.When.AFTER_EFFECT, 2);
        Persister persister = fixture.started();
        FileRecord file = join(persister.enqueue(
                        fixture.request("a", 1, 3, new Row("a", 1, 1), new Row("a", 1, 2), new Row("b", 1, 2))))
                .file();
        persister.stop(PATIENT);
        var meters = fixture.meters;
        assertThat(meters.get("sluice.persist.files")
                        .tag("reason", "hot")
                        .counter()
                        .count())
                .isEqualTo(1);
        assertThat(meters.get("sluice.persist.rows").counter().count()).isEqualTo(2);
        assertThat(meters.get("sluice.persist.duplicates").counter().count()).isEqualTo(1);
        assertThat(meters.get("sluice.persist.bytes").counter().count()).isEqualTo((double) file.sizeBytes());
        assertThat(meters.get("sluice.persist.retries").counter().count()).isEqualTo(2);
        assertThat(meters.get("sluice.persist.total").timer().count()).isEqualTo(1);
        for (String gauge : List.of("queue.depth", "active", "saturated", "gate.waiting", "gate.oldest.wait")) {
            assertThat(meters.get("sluice.persist." + gauge).gauge().value())
                    .as(gauge)
                    .isZero();
        }
        assertThat(persister.status().rows()).isEqualTo(2);
        assertThat(persister.status().files()).isEqualTo(1);
        assertThat(persister.status().bytes()).isEqualTo(file.sizeBytes());
    }

    @Test
    void aPersisterStartsOnce() throws Exception {
        Persister persister = fixture.started();
        assertThatThrownBy(() -> persister.start(fixture.threads())).isInstanceOf(IllegalStateException.class);
        persister.stop(PATIENT);
    }

    private long persistedThrough(String key) throws IOException {
        SequenceNumber through = fixture.realCatalog.persistedThrough(
                Rows.INGESTER, new PartitionId(fixture.table.tableId(), new PartitionKey(key)));
        return through.value();
    }

    private static void awaitStage(Persister persister, PersistStage stage) {
        while (persister.status().jobs().stream().noneMatch(job -> job.stage() == stage)) {
            Thread.onSpinWait();
        }
    }
}
