package io.sluice.ingester.rotation;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.admission.IngestState;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.fixture.Logs;
import io.sluice.ingester.fixture.Pipeline;
import io.sluice.ingester.ledger.Account;
import io.sluice.ingester.ledger.Ledger;
import io.sluice.ingester.ledger.LedgerLimits;
import io.sluice.ingester.write.InFlightWrites;
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
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What freezes partitions and drops segments, over a real buffer, catalog and log.
final class PersistTriggersTest {
    private static final Duration MAX_AGE = Duration.ofMinutes(5);
    private static final Duration IDLE = Duration.ofHours(1);

    @TempDir
    private Path folder = Path.of("");

    private final RootAllocator allocator = new RootAllocator();
    private final IngestState state = new IngestState(() -> 0, new SimpleMeterRegistry());
    private final AtomicBoolean isDiskFull = new AtomicBoolean();
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
        SimpleMeterRegistry metrics = new SimpleMeterRegistry();
        Ledger ledger = new Ledger(
                new LedgerLimits(maxBufferBytes, maxBufferBytes, 1),
                Map.of(Account.FILLING, () -> pipeline().buffer().memoryBytes()),
                metrics);
        InFlightWrites inFlight = new InFlightWrites(1, 1, () -> 0, metrics);
        return new PersistTriggers(
                pipeline().buffer(),
                wal.orElseThrow(),
                new MemoryMarks(ledger, pipeline().buffer(), state, inFlight),
                isDiskFull::get,
                MAX_AGE,
                IDLE);
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
    void rowsAreDueAtHalfTheAgeWhileMemoryPresses() throws Exception {
        for (int day = 0; day < 8; day++) {
            write(day, 10);
        }
        pipeline().setAge(MAX_AGE.dividedBy(2));
        triggers(1 << 30).freezeOld();
        assertThat(frozen()).as("in peace").isEmpty();
        long held = pipeline().buffer().memoryBytes();
        PersistTriggers pressed = triggers((long) (held / 0.86));
        pressed.tick();
        assertThat(frozen()).as("all, and not just enough of the largest").hasSize(8);
        assertThat(pipeline().jobs()).extracting(job -> job.request().reason()).contains(FreezeReason.AGE);
    }

    @Test
    void aDiskThatIsFullPersistsWhatHoldsTheLog() throws Exception {
        PersistTriggers triggers = triggers(1 << 30);
        for (int day = 0; day < 30; day++) {
            write(day, 200);
        }
        assertThat(wal.orElseThrow().status().segments()).isGreaterThan(10);
        triggers.checkLog();
        assertThat(frozen()).isEmpty();
        isDiskFull.set(true);
        triggers.checkLog();
        assertThat(frozen()).as("all of it").hasSize(30);
        assertThat(pipeline().jobs()).extracting(job -> job.request().reason()).containsOnly(FreezeReason.LOG);
        for (Pipeline.Job job : pipeline().jobs()) {
            job.complete();
        }
        triggers.dropSegments();
        assertThat(wal.orElseThrow().status().segments()).isEqualTo(1);
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
}
