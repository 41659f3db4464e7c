package io.sluice.persist;

import static io.sluice.persist.PersistFixture.SETTINGS;
import static io.sluice.persist.PersistFixture.failureOf;
import static io.sluice.persist.PersistFixture.join;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.persist.store.FailingObjectStore;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class PersisterStopTest {
    private static final Duration PATIENT = Duration.ofDays(10_000);
    private static final Duration SHORT = Duration.ofMillis(10);

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
    void stoppingPersistsWhatWasEnqueued() throws Exception {
        Persister persister = fixture.persister();
        List<CompletionStage<PersistedFile>> stages = new ArrayList<>();
        for (int i = 1; i <= 30; i++) {
            stages.add(persister.enqueue(fixture.request("day-" + i % 7, i)));
        }
        persister.start(fixture.threads());
        persister.stop(PATIENT);
        assertThat(fixture.files()).hasSize(30);
        assertThat(stages).allSatisfy(stage -> assertThat(join(stage)).isNotNull());
    }

    @Test
    void aStoppedPersisterRefusesAndReleasesWhatComes() throws Exception {
        Persister persister = fixture.started();
        persister.stop(PATIENT);
        assertThat(failureOf(persister.enqueue(fixture.request("a", 1)))).isInstanceOf(PersistStoppedException.class);
        assertThat(fixture.allocator.getAllocatedMemory()).isZero();
        assertThatThrownBy(persister::awaitCapacity).isInstanceOf(PersistStoppedException.class);
        persister.stop(PATIENT);
    }

    @Test
    void aPersisterThatNeverStartedStopsAtOnce() throws Exception {
        Persister persister = fixture.persister();
        CompletionStage<PersistedFile> stage = persister.enqueue(fixture.request("a", 1));
        persister.stop(PATIENT);
        assertThat(failureOf(stage)).isInstanceOf(PersistStoppedException.class);
    }

    @Test
    void stoppingIsBoundedThoughTheStoreHangs() throws Exception {
        var store = new HangingObjectStore(fixture.objects, true);
        Persister persister = fixture.persister(SETTINGS, store);
        persister.start(fixture.threads());
        List<CompletionStage<PersistedFile>> stages = enqueueMany(persister);
        store.awaitHanging();

        persister.stop(SHORT);

        assertThat(stages)
                .allSatisfy(stage -> assertThat(failureOf(stage)).isInstanceOf(PersistStoppedException.class));
        fixture.awaitThreads(); // who is slow to notice releases its rows behind the stop
        assertThat(fixture.allocator.getAllocatedMemory()).isZero();
        assertThat(fixture.files()).isEmpty();
        assertThat(persister.status().unfinished()).isZero();
    }

    /// The rows of a job that hangs in the store cannot be released under it: it does so itself when it returns, and
    /// then records nothing.
    @Test
    void stoppingIsBoundedThoughTheStoreHangsDeafly() throws Exception {
        var store = new HangingObjectStore(fixture.objects, false);
        Persister persister = fixture.persister(SETTINGS, store);
        persister.start(fixture.threads());
        List<CompletionStage<PersistedFile>> stages = enqueueMany(persister);
        store.awaitHanging();

        persister.stop(SHORT);
        assertThat(stages)
                .allSatisfy(stage -> assertThat(failureOf(stage)).isInstanceOf(PersistStoppedException.class));

        store.release();
        fixture.awaitThreads();
        assertThat(fixture.files()).isEmpty();
        assertThat(fixture.allocator.getAllocatedMemory()).isZero();
        assertThat(persister.status().unfinished()).isZero();
    }

    @Test
    void stoppingIsBoundedThoughTheStoreIsAway() throws Exception {
        fixture.isTimeStopped = true;
        fixture.store.failNext(
                FailingObjectStore.Step.UPLOAD, FailingObjectStore.When.BEFORE_EFFECT, Integer.MAX_VALUE >> 12);
        Persister persister = fixture.started();
        List<CompletionStage<PersistedFile>> stages = enqueueMany(persister);

        persister.stop(SHORT);

        assertThat(stages)
                .allSatisfy(stage -> assertThat(failureOf(stage)).isInstanceOf(PersistStoppedException.class));
    }

    @Test
    void stoppingTriesAgainAtOnceWhatWaitsForTheStore() throws Exception {
        fixture.isTimeStopped = true;
        fixture.store.failNext(FailingObjectStore.Step.UPLOAD, FailingObjectStore.When.BEFORE_EFFECT);
        Persister persister = fixture.started();
        CompletionStage<PersistedFile> stage = persister.enqueue(fixture.request("a", 1));
        while (persister.status().jobs().stream().noneMatch(job -> job.stage() == PersistStage.RETRY)) {
            Thread.onSpinWait();
        }
        persister.stop(PATIENT);
        assertThat(join(stage).file().rowCount()).isEqualTo(1);
    }

    @Test
    void anInterruptedStopGivesUpTheRest() throws Exception {
        var store = new HangingObjectStore(fixture.objects, true);
        Persister persister = fixture.persister(SETTINGS, store);
        persister.start(fixture.threads());
        List<CompletionStage<PersistedFile>> stages = enqueueMany(persister);
        store.awaitHanging();
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> persister.stop(PATIENT)).isInstanceOf(InterruptedException.class);
        persister.stop(SHORT);
        assertThat(stages)
                .allSatisfy(stage -> assertThat(failureOf(stage)).isInstanceOf(PersistStoppedException.class));
    }

    private List<CompletionStage<PersistedFile>> enqueueMany(Persister persister) {
        List<CompletionStage<PersistedFile>> stages = new ArrayList<>();
        for (int i = 1; i <= 20; i++) {
            stages.add(persister.enqueue(fixture.request("day-" + i % 9, i)));
        }
        return stages;
    }
}
