package io.sluice.ingester.rotation;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.admission.IngestState;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.door.WritePermit;
import io.sluice.ingester.fixture.Pipeline;
import io.sluice.ingester.ledger.Account;
import io.sluice.ingester.ledger.Ledger;
import io.sluice.ingester.ledger.LedgerLimits;
import io.sluice.ingester.ledger.Mark;
import io.sluice.ingester.write.InFlightWrites;
import io.sluice.model.PartitionTemplate;
import io.sluice.persist.FreezeReason;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.Int64s;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// What follows when memory runs short, over a real buffer.
final class MemoryMarksTest {
    private static final long INFLIGHT_BYTES = 800;

    @TempDir
    private Path folder = Path.of("");

    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final RootAllocator allocator = new RootAllocator();
    private final IngestState state = new IngestState(() -> 0, metrics);
    private final InFlightWrites inFlight = new InFlightWrites(INFLIGHT_BYTES, 100, () -> 0, metrics);
    /// Of others than rows.
    private final AtomicLong otherBytes = new AtomicLong();

    private Optional<Pipeline> opened = Optional.empty();
    private long sequence;

    @BeforeEach
    void open() throws IOException {
        opened = Optional.of(Pipeline.open(folder, allocator));
    }

    @AfterEach
    void close() throws IOException {
        opened.orElseThrow().close();
        allocator.close();
    }

    private Pipeline pipeline() {
        return opened.orElseThrow();
    }

    private long held() {
        return pipeline().buffer().memoryBytes();
    }

    private Ledger ledger(long totalBytes, long rowsBytes) {
        return new Ledger(
                new LedgerLimits(totalBytes, rowsBytes, 1),
                Map.of(
                        Account.FILLING,
                        () -> held() - pipeline().buffer().frozenBytes(),
                        Account.FROZEN,
                        () -> pipeline().buffer().frozenBytes(),
                        Account.QUERIES,
                        otherBytes::get),
                metrics);
    }

    private MemoryMarks marks(Ledger ledger) {
        return new MemoryMarks(ledger, pipeline().buffer(), state, inFlight);
    }

    private MemoryMarks marks(long rowsBytes) {
        return marks(ledger(rowsBytes, rowsBytes));
    }

    private void write(long day, int count) throws Exception {
        Int64s.Builder values = Int64s.newBuilder();
        for (int row = 0; row < count; row++) {
            values.addValues(day * PartitionTemplate.DAY_NS + row);
        }
        byte[] request = WriteRequest.newBuilder()
                .setNamespace("n")
                .addTables(TableBatch.newBuilder()
                        .setTable("m")
                        .setRowCount(count)
                        .addColumns(Column.newBuilder()
                                .setName("time")
                                .setKind(Column.Kind.TIME)
                                .setI64(values)))
                .build()
                .toByteArray();
        pipeline().apply(++sequence, request);
    }

    private List<String> frozen() {
        return pipeline().jobs().stream()
                .map(job -> job.request().key().value())
                .toList();
    }

    private Pipeline.Job job(String key) {
        if (!frozen().contains(key)) {
            var _ = pipeline().buffer().persist(Optional.empty(), Optional.empty(), FreezeReason.RPC);
        }
        return pipeline().jobs().stream()
                .filter(job -> job.request().key().value().equals(key))
                .findFirst()
                .orElseThrow();
    }

    @Test
    @DisplayName("Invariant 6: when memory runs short the largest partitions are frozen first, and no more than needed")
    void memoryThatRunsShortFreezesTheLargestFirst() throws Exception {
        write(0, 2_000);
        write(1, 9_000);
        write(2, 4_000);
        write(3, 1_500);
        long held = held();
        marks((long) (held / Ledger.PERSIST_SHARE) + 1_000).check();
        assertThat(frozen()).as("below the mark").isEmpty();
        MemoryMarks marks = marks((long) (held / Ledger.PERSIST_SHARE) - 1_000);
        marks.check();
        assertThat(frozen()).as("half of it had to go").containsExactly("1970-01-02");
        assertThat(pipeline().jobs().getFirst().request().reason()).isEqualTo(FreezeReason.MEMORY);
        marks.check();
        assertThat(frozen()).as("what is frozen is on its way").hasSize(1);
        marks((long) (held / Ledger.PRESS_SHARE) - 1_000).check();
        assertThat(frozen()).as("when it presses, more").containsExactly("1970-01-02", "1970-01-03");
    }

    @Test
    void whatOthersHoldLeavesRowsLessRoom() throws Exception {
        write(0, 2_000);
        write(1, 9_000);
        long held = held();
        MemoryMarks marks = marks(ledger(10 * held, 5 * held));
        marks.check();
        assertThat(frozen()).isEmpty();
        otherBytes.set(7 * held);
        marks.check();
        assertThat(frozen()).as("at the mark, but of little use").isEmpty();
        otherBytes.set(10 * held);
        marks.check();
        assertThat(frozen()).as("every row that is left is in the way").hasSize(2);
    }

    @Test
    @DisplayName("Invariant 6: full memory refuses writes until it is well below its limit")
    void fullMemoryRefusesWritesUntilItIsWellBelow() throws Exception {
        write(0, 1_500);
        write(1, 30_000);
        long held = held();
        marks(held + 1).check();
        assertThat(state.has(Reason.MEMORY_LIMIT)).isFalse();
        MemoryMarks marks = marks(held);
        marks.check();
        assertThat(state.has(Reason.MEMORY_LIMIT)).isTrue();
        assertThat(held()).as("frozen is still held").isEqualTo(held);
        job("1970-01-01").complete();
        assertThat(held()).isBetween((long) (Ledger.TAKE_SHARE * held), held - 1);
        marks.check();
        assertThat(state.has(Reason.MEMORY_LIMIT))
                .as("below the limit, above the low mark")
                .isTrue();
        job("1970-01-02").complete();
        marks.check();
        assertThat(state.has(Reason.MEMORY_LIMIT)).isFalse();
    }

    @Test
    void streamsWaitWhileMemoryPressesAndGetLessTheFullerItIs() {
        MemoryMarks marks = marks(ledger(1_000, 1_000));
        List<WritePermit> entered = new ArrayList<>();
        otherBytes.set(849);
        marks.tick();
        inFlight.enter(50, entered::add);
        assertThat(entered).as("in peace").hasSize(1);
        otherBytes.set(850);
        marks.tick();
        for (int i = 0; i < 20; i++) {
            inFlight.enter(10, entered::add);
        }
        assertThat(entered).as("held back").hasSize(1);
        assertThat(inFlight.waitingBytes()).isEqualTo(200);
        marks.tick();
        assertThat(entered).as("an eighth of the budget is 100 bytes").hasSize(11);
        otherBytes.set(970);
        marks.tick();
        assertThat(entered).as("a fifth of that").hasSize(13);
        otherBytes.set(1_000);
        marks.tick();
        assertThat(entered).as("full: none").hasSize(13);
        otherBytes.set(900);
        marks.check();
        assertThat(entered).as("only ticks let them in").hasSize(13);
        otherBytes.set(799);
        marks.check();
        assertThat(entered).as("calm again: all").hasSize(21);
        assertThat(inFlight.waitingBytes()).isZero();
        entered.forEach(WritePermit::close);
        assertThat(inFlight.bytes()).isZero();
    }

    @Test
    void streamsAreLetGoAsSoonAsMemoryPressesNoMoreHoweverMuchItFell() {
        MemoryMarks marks = marks(ledger(1_000, 1_000));
        for (int calmer : new int[] {799, 699, 0}) {
            otherBytes.set(900);
            marks.check();
            List<WritePermit> entered = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                inFlight.enter(10, entered::add);
            }
            assertThat(entered).as("held back").isEmpty();
            otherBytes.set(calmer);
            marks.check();
            assertThat(entered).as("let go at %d", calmer).hasSize(20);
            entered.forEach(WritePermit::close);
            assertThat(inFlight.bytes()).isZero();
        }
    }

    @Test
    @Timeout(60)
    void whoeverWaitsForRoomGoesOnOncePersistHasMadeIt() throws Exception {
        write(0, 20_000);
        MemoryMarks roomy = marks(held() + 1);
        roomy.awaitRoom();
        MemoryMarks full = marks(held());
        Thread waiting = Thread.ofPlatform().name("replay").unstarted(() -> {
            try {
                full.awaitRoom();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        waiting.start();
        while (waiting.getState() != Thread.State.TIMED_WAITING) {
            Thread.onSpinWait();
        }
        // It froze by itself, and needs no tick to see that there is room.
        assertThat(job("1970-01-01").request().reason()).isEqualTo(FreezeReason.MEMORY);
        assertThat(waiting.isAlive()).as("frozen is still held").isTrue();
        job("1970-01-01").complete();
        assertThat(waiting.join(Duration.ofMinutes(1))).isTrue();
    }

    /// Rows come, become files and are looked at in any order.
    @Test
    @DisplayName("Invariant 6: after any sequence of writes, freezes and files, every byte is off the ledger")
    void whateverHappensTheLedgerEndsEmptyAndNeverBelow() throws Exception {
        for (int seed = 0; seed < 20; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            Ledger ledger = ledger(1 << 20, 1 << 19);
            MemoryMarks marks = marks(ledger);
            for (int step = 0; step < 60; step++) {
                switch (random.nextInt(5)) {
                    case 0, 1 -> write(random.nextInt(6), 1 + random.nextInt(6_000));
                    case 2 -> marks.tick();
                    case 3 -> pipeline().buffer().freezeLargest(random.nextLong(1, 1 << 18), FreezeReason.MEMORY);
                    default -> completeOldest();
                }
                assertThat(pipeline().buffer().frozenBytes())
                        .as("seed %d, step %d: frozen", seed, step)
                        .isBetween(0L, held());
                assertThat(pipeline().buffer().statistics().frozenBytes())
                        .as("seed %d, step %d: as the partitions say", seed, step)
                        .isEqualTo(pipeline().buffer().frozenBytes());
            }
            var _ = pipeline().buffer().persist(Optional.empty(), Optional.empty(), FreezeReason.RPC);
            while (completeOldest()) {
                assertThat(ledger.heldBytes()).isNotNegative();
            }
            assertThat(ledger.heldBytes()).as("seed %d", seed).isZero();
            assertThat(ledger.observe()).isEqualTo(Mark.CALM);
        }
    }

    private boolean completeOldest() throws IOException {
        for (Pipeline.Job job : pipeline().jobs()) {
            if (!job.isDone()) {
                job.complete();
                return true;
            }
        }
        return false;
    }
}
