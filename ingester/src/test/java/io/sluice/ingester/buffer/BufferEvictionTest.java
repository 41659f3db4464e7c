package io.sluice.ingester.buffer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.fixture.Pipeline;
import io.sluice.ingester.fixture.Pipeline.Job;
import io.sluice.ingester.fixture.Pipeline.Shown;
import io.sluice.ingester.sink.WriteOperation;
import io.sluice.ingester.sink.WriteRefusedException;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableName;
import io.sluice.persist.FreezeReason;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.Int64s;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Nodes without rows that are let go, and come back. Each row's `v` is the number of its write.
final class BufferEvictionTest {
    private static final Duration IDLE = Duration.ofMinutes(10);
    private static final long FIRST_SEED = 7;
    private static final int CONCURRENT_WRITES = 400;
    private static final int DAYS = 12;

    @TempDir
    private Path folder = Path.of("");

    private final RootAllocator allocator = new RootAllocator();
    private Optional<Pipeline> opened = Optional.empty();

    @BeforeEach
    void open() throws Exception {
        opened = Optional.of(Pipeline.open(folder, allocator));
    }

    @AfterEach
    void close() throws Exception {
        opened.orElseThrow().close();
        allocator.close();
    }

    private Pipeline pipeline() {
        return opened.orElseThrow();
    }

    private BufferTree tree() {
        return pipeline().buffer();
    }

    private static byte[] row(String table, long day, long value) {
        return WriteRequest.newBuilder()
                .setNamespace(Pipeline.NAMESPACE.value())
                .addTables(TableBatch.newBuilder()
                        .setTable(table)
                        .setRowCount(1)
                        .addColumns(Column.newBuilder()
                                .setName("v")
                                .setKind(Column.Kind.FIELD)
                                .setI64(Int64s.newBuilder().addValues(value)))
                        .addColumns(Column.newBuilder()
                                .setName("time")
                                .setKind(Column.Kind.TIME)
                                .setI64(Int64s.newBuilder().addValues(day * PartitionTemplate.DAY_NS))))
                .build()
                .toByteArray();
    }

    private void persistAll() throws Exception {
        tree().persist(Optional.empty(), Optional.empty(), FreezeReason.RPC);
        for (Job job : pipeline().jobs()) {
            if (!job.isDone()) {
                job.complete();
            }
        }
    }

    /// Two looks that far apart: the first one sees that the nodes are empty.
    private void letIdle() {
        tree().evictIdle(IDLE);
        elapsed = elapsed.plus(IDLE);
        pipeline().setAge(elapsed);
        tree().evictIdle(IDLE);
    }

    private Duration elapsed = Duration.ZERO;

    @Test
    void aPartitionIsLetGoWhenItHasBeenEmptyForSoLongAndItsTableAndNamespaceWithIt() throws Exception {
        pipeline().apply(1, row("m", 1, 1));
        pipeline().apply(2, row("m", 2, 2));
        persistAll();
        tree().evictIdle(IDLE);
        pipeline().setAge(IDLE.minusNanos(1));
        tree().evictIdle(IDLE);
        assertThat(tree().statistics().partitions()).isEqualTo(2);
        pipeline().setAge(IDLE);
        tree().evictIdle(IDLE);
        assertThat(tree().statistics())
                .extracting(s -> List.of(s.partitions(), s.tables(), s.namespaces()))
                .isEqualTo(List.of(0L, 0L, 0L));
        assertThat(tree().turnover()).isEqualTo(new Turnover(2, 1, 1, 0));
        assertThat(tree().mostPartitions()).isZero();
    }

    @Test
    void whatHasRowsOrFrozenOnesOrAWriteOnItsWayStays() throws Exception {
        pipeline().apply(1, row("filling", 1, 1));
        pipeline().apply(2, row("frozen", 1, 2));
        tree().persist(Optional.empty(), Optional.of(new TableName("frozen")), FreezeReason.RPC);
        WriteOperation onItsWay = pipeline().preparer().prepare(row("coming", 1, 3));
        letIdle();
        letIdle();
        assertThat(tree().statistics().partitions()).isEqualTo(3);
        onItsWay.close();
        letIdle();
        assertThat(tree().statistics().partitions()).isEqualTo(2);
        assertThat(pipeline().show("filling").get("1970-01-02")).isEqualTo(shown(0, 1));
        assertThat(pipeline().show("frozen").get("1970-01-02")).isEqualTo(shown(0, 2));
    }

    private static Shown shown(long persistedThrough, long... values) {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (long value : values) {
            rows.add(new TreeMap<>(Map.of("time", PartitionTemplate.DAY_NS, "v", value)));
        }
        return new Shown(persistedThrough, rows);
    }

    @Test
    void rowsThatCameAndWentBetweenTwoLooksBeginTheTimeAnew() throws Exception {
        pipeline().apply(1, row("m", 1, 1));
        persistAll();
        tree().evictIdle(IDLE);
        pipeline().apply(2, row("m", 1, 2));
        persistAll();
        pipeline().setAge(IDLE);
        tree().evictIdle(IDLE);
        assertThat(tree().statistics().partitions()).isEqualTo(1);
        pipeline().setAge(IDLE.multipliedBy(2));
        tree().evictIdle(IDLE);
        assertThat(tree().statistics().partitions()).isZero();
    }

    @Test
    void aPartitionThatComesBackGoesOnWhereItsFilesEnd() throws Exception {
        pipeline().apply(1, row("m", 1, 1));
        pipeline().apply(2, row("m", 1, 2));
        persistAll();
        letIdle();
        assertThat(pipeline().show("m")).isEmpty();
        pipeline().apply(3, row("m", 1, 3));
        assertThat(pipeline().show("m").get("1970-01-02")).isEqualTo(shown(2, 3));
        persistAll();
        assertThat(pipeline().jobs())
                .extracting(job -> job.request().minSequence().value())
                .containsExactly(1L, 3L);
        assertThat(tree().lowWatermark()).isEqualTo(new SequenceNumber(4));
    }

    @Test
    void aNodeThatCameAndWentWhileTheCatalogAnsweredIsNotMadeOfTheOldAnswer() throws Exception {
        pipeline().apply(1, row("m", 1, 1));
        persistAll();
        letIdle();
        // The catalog's answer to the first is held back until the partition has come, was persisted, and has gone.
        pipeline().catalog().beforeNextReply(() -> {
            pipeline().apply(2, row("m", 1, 2));
            persistAll();
            letIdle();
        });
        WriteOperation slow = pipeline().preparer().prepare(row("m", 1, 3));
        assertThat(slow.partitions().getFirst().partition().persistedThrough()).isEqualTo(new SequenceNumber(2));
        slow.close();
    }

    @Test
    void aFullNamespaceTakesRowsOfThePartitionsItHasAndRefusesOthersUntilThereIsRoom() throws Exception {
        tree().limitPartitions(2);
        pipeline().apply(1, row("m", 1, 1));
        pipeline().apply(2, row("m", 2, 2));
        pipeline().apply(3, row("m", 1, 3));
        assertThatThrownBy(() -> pipeline().apply(4, row("m", 3, 4)))
                .isInstanceOf(WriteRefusedException.class)
                .hasMessageContaining("namespace 'n' has rows of 2 partitions in memory (--max-partitions 2)")
                .hasMessageContaining("needs 1970-01-04 of table 'm'")
                .satisfies(e -> assertThat(((WriteRefusedException) e).reason()).isEqualTo(Reason.PARTITION_LIMIT));
        assertThat(tree().turnover().refusals()).isEqualTo(1);

        assertThat(tree().relieveCrowded()).isEqualTo(1);
        assertThat(pipeline().jobs()).singleElement().satisfies(job -> {
            assertThat(job.request().key().value()).isEqualTo("1970-01-02");
            assertThat(job.request().reason()).isEqualTo(FreezeReason.PARTITIONS);
        });
        pipeline().jobs().getFirst().complete();
        assertThat(tree().relieveCrowded()).isZero();
        pipeline().apply(4, row("m", 3, 4));
        assertThat(tree().mostPartitions()).isEqualTo(2);
    }

    @Test
    void aReplayIsNotRefusedWhateverTheLimitWillBe() throws Exception {
        for (int day = 0; day < 5; day++) {
            pipeline().apply(day + 1L, row("m", day, day));
        }
        tree().limitPartitions(2);
        assertThatThrownBy(() -> pipeline().apply(6, row("m", 5, 6))).isInstanceOf(WriteRefusedException.class);
        pipeline().apply(6, row("m", 4, 6));
        assertThat(tree().mostPartitions()).isEqualTo(5);
    }

    /// Beside a map of what was written: rows are in exactly one of buffer and files, whatever comes and goes.
    @Test
    void nothingIsLostOrDoubledHoweverNodesComeAndGo() throws Exception {
        SplittableRandom random = new SplittableRandom(FIRST_SEED);
        Map<String, List<Long>> written = new TreeMap<>();
        List<WriteOperation> prepared = new ArrayList<>();
        long sequence = 0;
        for (int step = 0; step < 1_000; step++) {
            switch (random.nextInt(6)) {
                case 0, 1 ->
                    prepared.add(pipeline().preparer().prepare(row("m" + random.nextInt(2), random.nextInt(3), step)));
                case 2 -> {
                    for (WriteOperation operation : prepared) {
                        sequence++;
                        operation.assign(new SequenceNumber(sequence));
                        String partition = partition(operation);
                        tree().apply(operation);
                        pipeline().stable().publish(new SequenceNumber(sequence));
                        written.computeIfAbsent(partition, _ -> new ArrayList<>())
                                .add(sequence);
                    }
                    prepared.clear();
                }
                case 3 -> tree().persist(Optional.empty(), Optional.empty(), FreezeReason.RPC);
                case 4 -> {
                    for (Job job : pipeline().jobs()) {
                        if (!job.isDone() && random.nextInt(3) > 0) {
                            completeThrough(job);
                        }
                    }
                }
                default -> letIdle();
            }
        }
        prepared.forEach(WriteOperation::close);
        persistAll();
        letIdle();
        assertThat(tree().statistics().partitions()).as("seed %d", FIRST_SEED).isZero();
        assertThat(tree().turnover().partitions()).isGreaterThan(20);
        checkFiles(written);
    }

    /// @param written the numbers of the writes of each partition
    private void checkFiles(Map<String, List<Long>> written) {
        Map<String, List<Job>> files = new TreeMap<>();
        for (Job job : pipeline().jobs()) {
            files.computeIfAbsent(
                            job.request().schema().table() + "/" + job.request().key(), _ -> new ArrayList<>())
                    .add(job);
        }
        assertThat(files.keySet()).isEqualTo(written.keySet());
        written.forEach((partition, sequences) -> {
            List<Job> jobs = files.getOrDefault(partition, List.of());
            long end = 0;
            long rows = 0;
            for (Job job : jobs) {
                assertThat(job.request().minSequence().value()).isEqualTo(end + 1);
                end = job.request().maxSequence().value();
                rows += job.request().rowCount();
            }
            assertThat(rows).isEqualTo(sequences.size());
            assertThat(end).isEqualTo(sequences.getLast());
        });
    }

    /// Threads that prepare, apply, persist and let go as fast as they can: no write loses its place on its way.
    @Test
    void aWriteFindsItsPartitionHoweverOftenEmptyOnesAreLetGo() throws Exception {
        BlockingQueue<WriteOperation> prepared = new ArrayBlockingQueue<>(2);
        Map<String, List<Long>> written = new TreeMap<>();
        AtomicBoolean ended = new AtomicBoolean();
        try (ExecutorService threads = Executors.newCachedThreadPool()) {
            List<Future<?>> running = new ArrayList<>();
            running.add(threads.submit(() -> {
                for (int write = 0; write < CONCURRENT_WRITES; write++) {
                    WriteOperation next = pipeline().preparer().prepare(row("m", write % DAYS, write));
                    while (!prepared.offer(next, 10, TimeUnit.MILLISECONDS)) {
                        if (ended.get()) {
                            next.close();
                            return false;
                        }
                    }
                }
                return true;
            }));
            running.add(threads.submit(() -> {
                while (!ended.get()) {
                    tree().evictIdle(Duration.ZERO);
                }
            }));
            running.add(threads.submit(() -> {
                while (!ended.get()) {
                    persistAll();
                }
                return true;
            }));
            try {
                for (long sequence = 1; sequence <= CONCURRENT_WRITES; sequence++) {
                    WriteOperation operation = prepared.take();
                    operation.assign(new SequenceNumber(sequence));
                    String partition = partition(operation);
                    tree().apply(operation);
                    pipeline().stable().publish(new SequenceNumber(sequence));
                    written.computeIfAbsent(partition, _ -> new ArrayList<>()).add(sequence);
                    if (sequence % DAYS == 0) {
                        awaitEviction(running);
                    }
                }
            } finally {
                ended.set(true);
            }
            for (Future<?> one : running) {
                one.get();
            }
        }
        persistAll();
        assertThat(tree().turnover().partitions()).isGreaterThan(20);
        checkFiles(written);
    }

    private void awaitEviction(List<Future<?>> running) {
        long before = tree().turnover().partitions();
        while (tree().turnover().partitions() == before
                && running.stream().skip(1).noneMatch(Future::isDone)) {
            Thread.onSpinWait();
        }
    }

    private static String partition(WriteOperation operation) {
        PartitionBuffer node =
                (PartitionBuffer) operation.partitions().getFirst().partition();
        return node.table().name() + "/" + node.key();
    }

    /// Jobs of a partition end in their order.
    private void completeThrough(Job last) throws Exception {
        for (Job job : pipeline().jobs()) {
            if (!job.isDone() && job.request().partition().equals(last.request().partition())) {
                job.complete();
            }
            if (job == last) {
                return;
            }
        }
    }
}
