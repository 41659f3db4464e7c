package io.sluice.persist;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.model.PartitionId;
import io.sluice.model.PartitionKey;
import io.sluice.model.SequenceNumber;
import io.sluice.persist.FailingCatalog.Step;
import io.sluice.persist.FailingCatalog.When;
import io.sluice.persist.Rows.Row;
import io.sluice.persist.catalog.FileRecord;
import io.sluice.persist.store.FailingObjectStore;
import io.sluice.persist.store.ObjectInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletionStage;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Persisters that fail at random steps and are ended at random moments, one after another, over the same rows.
@Timeout(120)
class PersistSimulationTest {
    private static final int WRITES = 40;
    private static final List<String> PARTITIONS = List.of("a", "b", "c", "d", "e", "f", "g");

    @TempDir
    Path folder;

    /// Invariant 3: whatever failed and however often it ended, each row is in exactly one catalogued file.
    @Test
    void everyRowEndsInExactlyOneFile() throws Exception {
        for (long seed = 1; seed <= 12; seed++) {
            Path own = Files.createDirectory(folder.resolve("seed-" + seed));
            try (var fixture = new PersistFixture(own)) {
                simulate(fixture, new Random(seed), seed);
            }
        }
    }

    private static void simulate(PersistFixture fixture, Random random, long seed) throws Exception {
        for (int life = 0; life < 5; life++) {
            makeFailures(fixture, random);
            Persister persister = start(fixture);
            List<CompletionStage<PersistedFile>> stages = enqueueWhatIsLeft(fixture, persister, random);
            if (!stages.isEmpty() && random.nextBoolean()) {
                // Some lives end at once, some after a job.
                PersistFixture.join(stages.get(random.nextInt(stages.size())));
            }
            persister.stop(Duration.ZERO);
            fixture.catalog.heal();
            fixture.store.heal();
            fixture.format.heal();
        }
        Persister last = start(fixture);
        List<CompletionStage<PersistedFile>> stages = enqueueWhatIsLeft(fixture, last, random);
        last.stop(Duration.ofDays(10_000));
        stages.forEach(PersistFixture::join);

        check(fixture, seed);
        fixture.clock.advance(Duration.ofHours(2));
        var orphans = new OrphanFinder(fixture.realCatalog, fixture.objects, fixture.clock);
        List<ObjectInfo> deleted = orphans.delete(Duration.ofHours(1));
        check(fixture, seed);
        assertThat(fixture.objectNames())
                .as("seed %d, %d orphans deleted", seed, deleted.size())
                .containsExactlyInAnyOrderElementsOf(fixture.realCatalog.objectNames());
    }

    private static Persister start(PersistFixture fixture) throws IOException {
        long epoch = fixture.realCatalog.registerIngester(Rows.INGESTER).epoch();
        Persister persister = fixture.persister(PersistFixture.SETTINGS, fixture.store, epoch);
        persister.start(fixture.threads());
        return persister;
    }

    private static void makeFailures(PersistFixture fixture, Random random) {
        for (Step step : Step.values()) {
            fixture.catalog.failNext(step, When.BEFORE_EFFECT, random.nextInt(3));
            fixture.catalog.failNext(step, When.AFTER_EFFECT, random.nextInt(3));
        }
        for (var step : List.of(
                FailingObjectStore.Step.UPLOAD, FailingObjectStore.Step.WRITE, FailingObjectStore.Step.COMPLETE)) {
            fixture.store.failNext(step, FailingObjectStore.When.BEFORE_EFFECT, random.nextInt(3));
            fixture.store.failNext(step, FailingObjectStore.When.AFTER_EFFECT, random.nextInt(3));
        }
        if (random.nextBoolean()) {
            fixture.format.failNext(new IllegalStateException("a bug"));
            fixture.format.failNext(new OutOfMemoryError("made to fail"));
        }
    }

    /// As replay does: what persisted-through covers is skipped, the rest is cut anew.
    private static List<CompletionStage<PersistedFile>> enqueueWhatIsLeft(
            PersistFixture fixture, Persister persister, Random random) throws IOException {
        List<CompletionStage<PersistedFile>> stages = new ArrayList<>();
        Map<String, Long> next = new HashMap<>();
        for (String key : PARTITIONS) {
            next.put(key, persistedThrough(fixture, key) + 1);
        }
        while (!next.isEmpty()) {
            String key = List.copyOf(next.keySet()).get(random.nextInt(next.size()));
            long first = next.getOrDefault(key, 0L);
            if (first > WRITES) {
                next.remove(key);
                continue;
            }
            long last = Math.min(WRITES, first + random.nextInt(12));
            Row[] rows = LongStream.rangeClosed(first, last)
                    .mapToObj(sequence -> new Row(key, sequence, sequence))
                    .toArray(Row[]::new);
            stages.add(persister.enqueue(fixture.request(key, first, last, rows)));
            next.put(key, last + 1);
        }
        return stages;
    }

    private static void check(PersistFixture fixture, long seed) throws IOException {
        Map<String, List<Long>> found = new HashMap<>();
        for (FileRecord file : fixture.files()) {
            for (Row row : fixture.rows(file)) {
                assertThat(row.value())
                        .as("seed %d, %s", seed, file)
                        .isBetween(
                                file.minSequence().value(), file.maxSequence().value());
                found.computeIfAbsent(file.partition().key().value(), _ -> new ArrayList<>())
                        .add(row.value());
            }
        }
        List<Long> all = LongStream.rangeClosed(1, WRITES).boxed().toList();
        for (String key : PARTITIONS) {
            assertThat(found.get(key)).as("seed %d, partition %s", seed, key).containsExactlyElementsOf(all);
            assertThat(persistedThrough(fixture, key))
                    .as("seed %d, partition %s", seed, key)
                    .isEqualTo(WRITES);
        }
    }

    private static long persistedThrough(PersistFixture fixture, String key) throws IOException {
        SequenceNumber through = fixture.realCatalog.persistedThrough(
                Rows.INGESTER, new PartitionId(fixture.table.tableId(), new PartitionKey(key)));
        return through.value();
    }
}
