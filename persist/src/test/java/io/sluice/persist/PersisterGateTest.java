package io.sluice.persist;

import static io.sluice.persist.PersistFixture.SETTINGS;
import static io.sluice.persist.PersistFixture.join;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.model.PartitionId;
import io.sluice.model.PartitionKey;
import io.sluice.persist.Rows.Row;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// One slot, which a job has that hangs in the store; another comes, on another lane.
@Timeout(60)
class PersisterGateTest {
    private static final Duration PATIENT = Duration.ofDays(10_000);
    private static final String HANGING = "hanging";
    private static final PersistSettings ONE_SLOT = new PersistSettings(
            SETTINGS.workers(),
            SETTINGS.queueDepth(),
            slots(1),
            SETTINGS.firstRetryDelay(),
            SETTINGS.maxRetryDelay(),
            SETTINGS.parkedRetryDelay());

    @TempDir
    Path folder;

    private PersistFixture fixture;
    private HangingObjectStore store;
    private Persister persister;
    private CompletionStage<PersistedFile> hanging;

    @BeforeEach
    void open() throws Exception {
        fixture = new PersistFixture(folder);
        store = new HangingObjectStore(fixture.objects, true, HANGING);
        persister = fixture.persister(ONE_SLOT, store);
        persister.start(fixture.threads());
        hanging = persister.enqueue(fixture.request(HANGING, 1));
        store.awaitHanging();
    }

    @AfterEach
    void noMemoryIsLeft() throws IOException {
        fixture.close();
    }

    @Test
    void moreSlotsLetInWhoWaits() throws Exception {
        CompletionStage<PersistedFile> waiting = enqueueAndAwaitItAtTheGate();

        persister.reconfigure(slots(2));

        join(waiting);
        assertThat(hanging.toCompletableFuture()).isNotDone();
        assertThat(persister.status().gate().slots()).isEqualTo(2);
        store.release();
        persister.stop(PATIENT);
        assertThat(fixture.files()).hasSize(2);
    }

    @Test
    void whatAnUploadTakesCountsWithItsJob() throws Exception {
        assertThat(persister.status().gate().usedBytes()).isGreaterThan(HangingObjectStore.UPLOAD_MEMORY_BYTES);
        store.release();
        join(hanging);
        persister.stop(PATIENT);
        assertThat(persister.status().gate().usedBytes()).isZero();
    }

    @Test
    void aStopLetsInWhoWaits() throws Exception {
        CompletionStage<PersistedFile> waiting = enqueueAndAwaitItAtTheGate();
        try (var pool = Executors.newSingleThreadExecutor()) {
            Future<?> stop = pool.submit(() -> {
                persister.stop(PATIENT);
                return null;
            });

            join(waiting);

            assertThat(hanging.toCompletableFuture()).isNotDone();
            store.release();
            stop.get();
        }
        assertThat(fixture.files()).hasSize(2);
    }

    @Test
    void whatSomebodyWaitsForNeedsNoSlot() throws Exception {
        join(persister.enqueue(
                Rows.request(fixture.allocator, fixture.table, other(), 1, 1, FreezeReason.RPC, new Row("a", 1, 1))));
        assertThat(hanging.toCompletableFuture()).isNotDone();
        store.release();
        persister.stop(PATIENT);
        assertThat(fixture.meters
                        .get("sluice.persist.gate.bypass")
                        .tag("reason", "rpc")
                        .functionCounter()
                        .count())
                .isEqualTo(1);
    }

    private CompletionStage<PersistedFile> enqueueAndAwaitItAtTheGate() {
        CompletionStage<PersistedFile> waiting = persister.enqueue(fixture.request(other(), 1));
        while (persister.status().gate().waiting() == 0) {
            Thread.onSpinWait();
        }
        PersistStatus.Gate gate = persister.status().gate();
        assertThat(gate.active()).isEqualTo(1);
        assertThat(waiting.toCompletableFuture()).isNotDone();
        return waiting;
    }

    /// A partition on another lane than the one that hangs.
    private String other() {
        return IntStream.range(0, 100)
                .mapToObj(i -> "day-" + i)
                .filter(key -> lane(key) != lane(HANGING))
                .findFirst()
                .orElseThrow();
    }

    private int lane(String key) {
        return LaneHash.lane(new PartitionId(fixture.table.tableId(), new PartitionKey(key)), SETTINGS.workers());
    }

    private static PersistGateSettings slots(int slots) {
        return new PersistGateSettings(slots, 1L << 30, GateTimeout.DEFAULT);
    }
}
