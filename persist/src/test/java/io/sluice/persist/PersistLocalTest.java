package io.sluice.persist;

import static io.sluice.persist.PersistFixture.join;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.persist.Rows.Row;
import io.sluice.persist.catalog.FileRecord;
import io.sluice.persist.catalog.StaleEpochException;
import io.sluice.persist.store.FailingObjectStore;
import io.sluice.persist.store.LocalObjectStore;
import io.sluice.persist.store.ObjectUpload;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Real time, objects in a folder, the catalog in SQLite.
@Timeout(60)
class PersistLocalTest {
    private static final PersistSettings SETTINGS = new PersistSettings(
            4,
            250,
            new PersistGateSettings(2, 1 << 20, GateTimeout.DEFAULT),
            Duration.ofMillis(1),
            Duration.ofMillis(4),
            Duration.ofMillis(4));
    private static final PersistListener DEAF = new PersistListener() {
        @Override
        public void saturated(boolean isSaturated) {}

        @Override
        public void fenced(StaleEpochException cause) {}
    };

    @TempDir
    Path folder;

    @Test
    void filesInAFolderHoldWhatWasEnqueuedThoughStepsFail() throws Exception {
        try (var fixture = new PersistFixture(folder)) {
            var local = LocalObjectStore.open(folder.resolve("objects"));
            var store = new FailingObjectStore(local);
            for (var when : FailingObjectStore.When.values()) {
                store.failNext(FailingObjectStore.Step.WRITE, when, 3);
                store.failNext(FailingObjectStore.Step.COMPLETE, when, 3);
            }
            fixture.catalog.failNext(FailingCatalog.Step.RECORD_FILE, FailingCatalog.When.AFTER_EFFECT, 3);
            var persister = new Persister(
                    SETTINGS,
                    fixture.catalog,
                    store,
                    fixture.format,
                    _ -> fixture.epoch,
                    InstantSource.system(),
                    System::nanoTime,
                    new Random(1),
                    fixture.meters,
                    DEAF);
            persister.start(fixture.threads());
            List<CompletionStage<PersistedFile>> stages = new ArrayList<>();
            for (int i = 1; i <= 40; i++) {
                stages.add(persister.enqueue(fixture.request("day/" + i % 10, i)));
            }
            stages.forEach(PersistFixture::join);
            persister.stop(Duration.ofDays(1));

            assertThat(fixture.files()).hasSize(40);
            for (int i = 1; i <= 40; i++) {
                FileRecord file = join(stages.get(i - 1)).file();
                try (InputStream in = local.open(file.objectName())) {
                    assertThat(PlainFormat.decode(in.readAllBytes())).containsExactly(new Row("a", i, i));
                }
            }
            try (ObjectUpload underWay = local.upload("metrics/cpu/x/y")) {
                underWay.out().write(1);
                var orphans = new OrphanFinder(fixture.catalog, local, InstantSource.system());
                assertThat(orphans.find()).isEmpty();
                assertThat(orphans.delete(Duration.ZERO)).isEmpty();
            }
        }
    }
}
