package io.sluice.persist;

import static io.sluice.persist.PersistFixture.join;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.persist.FailingCatalog.Step;
import io.sluice.persist.catalog.FileRecord;
import io.sluice.persist.store.FailingObjectStore;
import io.sluice.persist.store.ObjectInfo;
import io.sluice.persist.store.ObjectStore;
import io.sluice.persist.store.ObjectUpload;
import io.sluice.persist.store.UnfinishedUpload;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OrphanFinderTest {
    private static final Duration HOUR = Duration.ofHours(1);
    private static final String ORPHAN =
            "metrics/cpu/2026-11-21/%s-%020d-%020d-%010d.parquet".formatted(Rows.INGESTER, 1, 9, 7);

    @TempDir
    Path folder;

    private PersistFixture fixture;
    private OrphanFinder finder;
    private FileRecord recorded;

    @BeforeEach
    void open() throws Exception {
        fixture = new PersistFixture(folder);
        finder = new OrphanFinder(fixture.catalog, fixture.store, fixture.clock);
        Persister persister = fixture.started();
        recorded = join(persister.enqueue(fixture.request("2026-11-20", 1))).file();
        persister.stop(Duration.ofDays(1));
    }

    @AfterEach
    void noMemoryIsLeft() throws IOException {
        fixture.close();
    }

    @Test
    void anOrphanIsAnObjectThatTheCatalogDoesNotKnow() throws IOException {
        put(ORPHAN);
        assertThat(finder.find()).containsExactly(fixture.objects.find(ORPHAN).orElseThrow());
    }

    @Test
    void foreignObjectsAreNobodysOrphans() throws IOException {
        put("readme.txt");
        put("metrics/cpu/2026-11-21/notes.parquet");
        put("metrics/cpu/" + Rows.INGESTER + "-1-2-3.parquet");
        put("backup/" + ORPHAN);
        put(ORPHAN + ".tmp");
        fixture.clock.advance(HOUR.plusDays(100));
        assertThat(finder.find()).isEmpty();
        assertThat(finder.delete(HOUR)).isEmpty();
        assertThat(fixture.objectNames()).hasSize(6);
    }

    @Test
    void onlyOldOrphansAreDeleted() throws IOException {
        put(ORPHAN);
        fixture.clock.advance(HOUR);
        assertThat(finder.delete(HOUR)).as("just an hour old").isEmpty();
        fixture.clock.advance(Duration.ofNanos(1));
        assertThat(finder.delete(HOUR)).extracting(ObjectInfo::name).containsExactly(ORPHAN);
        assertThat(fixture.objectNames()).containsExactly(recorded.objectName());
    }

    @Test
    void anObjectThatIsRecordedJustBeforeIsKept() throws IOException {
        put(ORPHAN);
        fixture.clock.advance(HOUR.multipliedBy(2));
        fixture.catalog.interpose(Step.OBJECT_NAMES, () -> {});
        fixture.catalog.interpose(Step.OBJECT_NAMES, () -> record(ORPHAN));
        assertThat(finder.delete(HOUR)).isEmpty();
        assertThat(fixture.objectNames()).containsExactlyInAnyOrder(ORPHAN, recorded.objectName());
    }

    @Test
    void anObjectThatIsWrittenAgainJustBeforeIsKept() throws IOException {
        put(ORPHAN);
        fixture.clock.advance(HOUR.multipliedBy(2));
        fixture.catalog.interpose(Step.OBJECT_NAMES, () -> put(ORPHAN));
        assertThat(finder.delete(HOUR)).isEmpty();
        assertThat(fixture.objectNames()).contains(ORPHAN);
    }

    @Test
    void everyOneOfManyOrphansIsDeleted() throws IOException {
        for (int i = 0; i < 250; i++) {
            put("metrics/cpu/2026-11-21/%s-%020d-%020d-%010d.parquet".formatted(Rows.INGESTER, i, i, 7));
        }
        fixture.clock.advance(HOUR.multipliedBy(2));
        assertThat(finder.delete(HOUR)).hasSize(250);
        assertThat(fixture.objectNames()).containsExactly(recorded.objectName());
    }

    @Test
    void aStoreThatFailsIsReported() {
        put(ORPHAN);
        fixture.clock.advance(HOUR.multipliedBy(2));
        fixture.store.failNext(FailingObjectStore.Step.DELETE, FailingObjectStore.When.BEFORE_EFFECT);
        assertThatThrownBy(() -> finder.delete(HOUR)).isInstanceOf(IOException.class);
        assertThat(fixture.objectNames()).contains(ORPHAN);
    }

    @Test
    void aNegativeAgeIsRefused() {
        assertThatThrownBy(() -> finder.delete(HOUR.negated())).isInstanceOf(IllegalArgumentException.class);
    }

    private void put(String name) {
        try (ObjectUpload upload = fixture.objects.upload(name)) {
            upload.out().write("rows".getBytes(StandardCharsets.UTF_8));
            ObjectInfo _ = upload.complete();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private void record(String name) {
        try {
            fixture.realCatalog.recordFile(
                    new FileRecord(
                            name,
                            recorded.namespace(),
                            recorded.table(),
                            recorded.partition(),
                            recorded.ingester(),
                            recorded.maxSequence().next(),
                            recorded.maxSequence().next(),
                            1,
                            4,
                            0,
                            0,
                            fixture.clock.instant()),
                    fixture.epoch);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /// A store that has uploads which nobody ended.
    private final class Unfinished implements ObjectStore {
        private final List<UnfinishedUpload> uploads = new ArrayList<>();

        @Override
        public ObjectUpload upload(String name) throws IOException {
            return fixture.objects.upload(name);
        }

        @Override
        public InputStream open(String name) throws IOException {
            return fixture.objects.open(name);
        }

        @Override
        public Optional<ObjectInfo> find(String name) {
            return fixture.objects.find(name);
        }

        @Override
        public void list(String prefix, Consumer<ObjectInfo> consumer) {
            fixture.objects.list(prefix, consumer);
        }

        @Override
        public void delete(String name) {
            fixture.objects.delete(name);
        }

        @Override
        public void listUnfinished(Consumer<UnfinishedUpload> consumer) {
            uploads.forEach(consumer);
        }

        @Override
        public void discard(UnfinishedUpload upload) {
            uploads.remove(upload);
        }

        @Override
        public String describe() {
            return "unfinished";
        }
    }

    @Test
    void oldUnfinishedUploadsOfIngestersAreDiscardedAndNoOthers() throws IOException {
        var store = new Unfinished();
        Instant now = fixture.clock.instant();
        var old = new UnfinishedUpload(ORPHAN, "1", now.minus(HOUR.multipliedBy(2)));
        var young = new UnfinishedUpload(ORPHAN, "2", now.minus(HOUR.dividedBy(2)));
        var foreign = new UnfinishedUpload("readme.txt", "3", now.minus(HOUR.multipliedBy(9)));
        store.uploads.addAll(List.of(foreign, young, old));
        var unfinished = new OrphanFinder(fixture.catalog, store, fixture.clock);

        assertThat(unfinished.findUnfinished()).containsExactly(old, young);
        assertThat(unfinished.discardUnfinished(HOUR)).containsExactly(old);
        assertThat(store.uploads).containsExactly(foreign, young);
        assertThatThrownBy(() -> unfinished.discardUnfinished(HOUR.negated()))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
