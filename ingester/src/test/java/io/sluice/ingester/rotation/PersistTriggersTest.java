package io.sluice.ingester.rotation;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.admission.IngestState;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.fixture.Logs;
import io.sluice.ingester.fixture.Pipeline;
import io.sluice.model.PartitionTemplate;
import io.sluice.persist.FreezeReason;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.Int64s;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import io.sluice.wal.Wal;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// What freezes partitions and drops segments, over a real buffer, catalog and log.
final class PersistTriggersTest {
    private static final Duration MAX_AGE = Duration.ofMinutes(5);
    private static final Duration IDLE = Duration.ofHours(1);

    @TempDir
    private Path folder = Path.of("");

    private final RootAllocator allocator = new RootAllocator();
    private final IngestState state = new IngestState(new SimpleMeterRegistry());
    private Optional<Pipeline> opened = Optional.empty();
    private Optional<Wal> wal = Optional.empty();
    private long sequence;

    @BeforeEach
    void open() throws IOException {
        opened = Optional.of(Pipeline.open(folder, allocator));
        wal = Optional.of(Logs.open(folder.resolve("wal")));
        Logs.start(wal.orElseThrow());
    }

    @AfterEach
    void close() throws IOException {
        wal.orElseThrow().close();
        opened.orElseThrow().close();
        allocator.close();
    }

    private Pipeline pipeline() {
        return opened.orElseThrow();
    }

    private PersistTriggers triggers(long maxBufferBytes) {
        return new PersistTriggers(pipeline().buffer(), wal.orElseThrow(), state, MAX_AGE, IDLE, maxBufferBytes);
    }

    private static byte[] rows(long day, int count) {
        Int64s.Builder values = Int64s.newBuilder();
        for (int row = 0; row < count; row++) {
            values.addValues(day * PartitionTemplate.DAY_NS + row);
        }
        return WriteRequest.newBuilder()
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
    }

    /// Through the log into the buffer.
    private void write(long day, int count) throws Exception {
        byte[] request = rows(day, count);
        sequence = Logs.append(wal.orElseThrow(), request).value();
        pipeline().apply(sequence, request);
    }

    private List<String> frozen() {
        List<String> keys = new ArrayList<>();
        for (Pipeline.Job job : pipeline().jobs()) {
            keys.add(job.request().key().value());
        }
        return keys;
    }

    @Test
    void aPartitionIsFrozenWhenItsOldestRowIsDueAndNotBefore() throws Exception {
        PersistTriggers triggers = triggers(1 << 30);
        write(0, 1);
        pipeline().setAge(Duration.ofMinutes(3));
        write(0, 1);
        write(1, 1);
        pipeline().setAge(MAX_AGE.multipliedBy(3).dividedBy(4));
        triggers.tick();
        assertThat(frozen()).isEmpty();
        pipeline().setAge(MAX_AGE);
        triggers.tick();
        assertThat(frozen()).as("younger rows of the partition go along").containsExactly("1970-01-01");
        assertThat(pipeline().jobs().getFirst().request().rowCount()).isEqualTo(2);
        assertThat(pipeline().jobs().getFirst().request().reason()).isEqualTo(FreezeReason.AGE);
        triggers.tick();
        assertThat(frozen()).as("once").hasSize(1);
        pipeline().setAge(MAX_AGE.plusMinutes(3));
        triggers.tick();
        assertThat(frozen()).containsExactly("1970-01-01", "1970-01-02");
    }

    @Test
    void anotherAgeCountsForRowsThatWaitAlready() throws Exception {
        PersistTriggers triggers = triggers(1 << 30);
        write(0, 1);
        pipeline().setAge(Duration.ofMinutes(2));
        triggers.tick();
        assertThat(frozen()).isEmpty();
        triggers.reconfigure(Duration.ofMinutes(2), IDLE);
        triggers.tick();
        assertThat(frozen()).containsExactly("1970-01-01");
    }

    @Test
    @DisplayName("Invariant 6: when memory runs short the largest partitions are frozen first, and no more than needed")
    void memoryThatRunsShortFreezesTheLargestFirst() throws Exception {
        write(0, 2_000);
        write(1, 9_000);
        write(2, 4_000);
        write(3, 1_500);
        long held = pipeline().buffer().memoryBytes();
        triggers((long) (held / PersistTriggers.HIGH_MARK) + 1_000).checkMemory();
        assertThat(frozen()).as("below the mark").isEmpty();
        PersistTriggers triggers = triggers((long) (held / PersistTriggers.HIGH_MARK) - 1_000);
        triggers.checkMemory();
        assertThat(frozen()).as("half of it had to go").containsExactly("1970-01-02");
        assertThat(pipeline().jobs().getFirst().request().reason()).isEqualTo(FreezeReason.MEMORY);
        triggers.checkMemory();
        assertThat(frozen()).as("what is frozen is on its way").hasSize(1);
        triggers(held / 2).checkMemory();
        assertThat(frozen()).as("then the next largest").containsExactly("1970-01-02", "1970-01-03");
    }

    @Test
    @DisplayName("Invariant 6: a full buffer refuses writes until it is well below its limit")
    void aFullBufferRefusesWritesUntilItIsWellBelow() throws Exception {
        write(0, 1_500);
        write(1, 30_000);
        long held = pipeline().buffer().memoryBytes();
        triggers(held + 1).checkMemory();
        assertThat(state.has(Reason.MEMORY_LIMIT)).isFalse();
        PersistTriggers triggers = triggers(held);
        triggers.checkMemory();
        assertThat(state.has(Reason.MEMORY_LIMIT)).isTrue();
        assertThat(pipeline().buffer().memoryBytes()).as("frozen is still held").isEqualTo(held);
        job("1970-01-01").complete();
        assertThat(pipeline().buffer().memoryBytes()).isBetween((long) (PersistTriggers.LOW_MARK * held), held - 1);
        triggers.checkMemory();
        assertThat(state.has(Reason.MEMORY_LIMIT))
                .as("below the limit, above the low mark")
                .isTrue();
        job("1970-01-02").complete();
        triggers.checkMemory();
        assertThat(state.has(Reason.MEMORY_LIMIT)).isFalse();
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
    void otherReasonsToRefuseAreLeftAlone() throws Exception {
        write(0, 10);
        state.set(Reason.PERSIST_SATURATED);
        triggers(1 << 30).tick();
        assertThat(state.all()).containsExactly(Reason.PERSIST_SATURATED);
    }

    /// The partition that holds the oldest segment is neither the largest nor the one written last.
    @Test
    @DisplayName("Invariant 4: no segment goes as long as a write in it is in no file, however much is behind it")
    void theOldestRowThatIsInNoFileHoldsTheLog() throws Exception {
        PersistTriggers triggers = triggers(1 << 30);
        write(5, 1);
        for (int i = 0; i < 40; i++) {
            write(0, 200);
        }
        int all = wal.orElseThrow().status().segments();
        assertThat(all).isGreaterThan(10);
        var _ = pipeline().buffer().persist(Optional.empty(), Optional.empty(), FreezeReason.RPC);
        triggers.dropSegments();
        assertThat(wal.orElseThrow().status().segments())
                .as("frozen is not in a file")
                .isEqualTo(all);
        job("1970-01-01").complete();
        triggers.dropSegments();
        assertThat(wal.orElseThrow().status().segments())
                .as("the first write is in the first segment, and in no file")
                .isEqualTo(all);
        job("1970-01-06").complete();
        triggers.dropSegments();
        assertThat(wal.orElseThrow().status().segments()).as("the open one").isEqualTo(1);
    }

    @Test
    @DisplayName("Invariant 4: what is dropped is exactly what replay does not need")
    void afterDroppingReplayStillFindsEveryWriteThatIsInNoFile() throws Exception {
        PersistTriggers triggers = triggers(1 << 30);
        for (int i = 0; i < 12; i++) {
            write(0, 200);
        }
        job("1970-01-01").complete();
        long inFiles = sequence;
        for (int i = 0; i < 12; i++) {
            write(1, 200);
        }
        triggers.dropSegments();
        wal.orElseThrow().close();
        wal = Optional.of(Logs.open(folder.resolve("wal")));
        List<Long> replayed = new ArrayList<>();
        wal.orElseThrow().replay((number, _) -> replayed.add(number.value()), Logs.THREADS);
        List<Long> needed = new ArrayList<>();
        for (long number = inFiles + 1; number <= sequence; number++) {
            needed.add(number);
        }
        assertThat(replayed).endsWith(needed.toArray(Long[]::new));
        assertThat(replayed).hasSizeLessThan((int) sequence);
    }

    @Test
    @Timeout(60)
    void whoeverWaitsForRoomGoesOnOncePersistHasMadeIt() throws Exception {
        write(0, 20_000);
        PersistTriggers roomy = triggers(pipeline().buffer().memoryBytes() + 1);
        roomy.awaitRoom();
        PersistTriggers full = triggers(pipeline().buffer().memoryBytes());
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
}
