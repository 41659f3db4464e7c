package io.sluice.ingester.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.ingester.lineprotocol.KnownColumns;
import io.sluice.ingester.lineprotocol.LineProtocolParser;
import io.sluice.ingester.lineprotocol.ParseOptions;
import io.sluice.ingester.lineprotocol.Precision;
import io.sluice.ingester.schema.PartitionSplitter;
import io.sluice.ingester.schema.SchemaCache;
import io.sluice.ingester.sink.StableWatermark;
import io.sluice.ingester.sink.WriteOperation;
import io.sluice.ingester.write.WritePreparer;
import io.sluice.model.ColumnName;
import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionKey;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableName;
import io.sluice.persist.FreezeReason;
import io.sluice.persist.PersistRequest;
import io.sluice.persist.PersistedFile;
import io.sluice.persist.catalog.Catalog;
import io.sluice.persist.catalog.Catalogs;
import io.sluice.persist.catalog.FileRecord;
import io.sluice.query.QuerySource.Partition;
import io.sluice.query.QuerySource.PartitionRows;
import io.sluice.query.QuerySource.TableScan;
import io.sluice.rows.RowBatch;
import io.sluice.rows.TimeRange;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// ARCHITECTURE.md, invariants 1 and 5: what is acknowledged is in the response, or in a file that the partition's
/// persisted-through names, and never in both; while rows are written, frozen and persisted all the time.
final class ReadYourWritesTest {
    private static final int ROUNDS = 3_000;
    private static final int WRITES = 3_000;
    private static final int READERS = 3;
    private static final int DAYS = 3;
    private static final List<PartitionKey> KEYS =
            List.of(new PartitionKey("1970-01-01"), new PartitionKey("1970-01-02"), new PartitionKey("1970-01-03"));
    private static final NamespaceName NAMESPACE = new NamespaceName("n");
    private static final TableName TABLE = new TableName("m");

    @TempDir
    private Path folder = Path.of("");

    private final RootAllocator allocator = new RootAllocator();
    private final StableWatermark stable = new StableWatermark();
    private final ConcurrentLinkedQueue<Job> jobs = new ConcurrentLinkedQueue<>();
    /// Of each partition, in order.
    private final Map<PartitionKey, List<StoredFile>> files = new ConcurrentHashMap<>();

    private final AtomicBoolean ended = new AtomicBoolean();
    private final AtomicLong rounds = new AtomicLong();

    /// A request on its way, and its result to be.
    private record Job(PersistRequest request, CompletableFuture<PersistedFile> result) {}

    /// The numbers that a file's rows have.
    private record StoredFile(long minSequence, List<Long> sequences) {}

    /// The day of a write, and how many rows it has: most are copied into the open chunk, some are linked.
    private static int day(long sequence) {
        return (int) (sequence % DAYS);
    }

    private static int rowCount(long sequence) {
        return sequence % 97 == 0 ? 1_100 : 1 + (int) (sequence % 4);
    }

    private static String lines(long sequence) {
        StringBuilder lines = new StringBuilder();
        for (int row = 0; row < rowCount(sequence); row++) {
            long timeNs = day(sequence) * Duration.ofDays(1).toNanos() + row;
            lines.append("m v=").append(sequence).append("i ").append(timeNs).append('\n');
        }
        return lines.toString();
    }

    private static List<Long> sequences(List<RowBatch> batches) {
        List<Long> sequences = new ArrayList<>();
        for (RowBatch batch : batches) {
            BigIntVector values =
                    (BigIntVector) batch.find(new ColumnName("v")).orElseThrow().values();
            for (int row = 0; row < batch.rowCount(); row++) {
                sequences.add(values.get(row));
            }
        }
        return sequences;
    }

    /// The file is there before anybody is told of it.
    private void complete(Job job) {
        PersistRequest request = job.request();
        files.computeIfAbsent(request.key(), _ -> new CopyOnWriteArrayList<>())
                .add(new StoredFile(request.minSequence().value(), sequences(request.batches())));
        FileRecord record = new FileRecord(
                "o",
                NAMESPACE,
                TABLE,
                request.partition(),
                request.ingester(),
                request.minSequence(),
                request.maxSequence(),
                request.rowCount(),
                1,
                0,
                1,
                Instant.EPOCH);
        job.result().complete(new PersistedFile(record, request.rowCount(), Duration.ZERO, Duration.ZERO));
        request.close();
    }

    private boolean areManyFiles() {
        return files.size() == DAYS && files.values().stream().allMatch(stored -> stored.size() > 10);
    }

    private void persist(BufferTree tree) {
        Random random = new Random(1);
        while (!ended.get() || !jobs.isEmpty()) {
            if (random.nextInt(4) == 0) {
                tree.freezeLargest(1, FreezeReason.MEMORY);
            }
            Optional.ofNullable(jobs.poll()).ifPresent(this::complete);
            Thread.onSpinWait();
        }
    }

    private void readAndCheck(BufferTree tree, String who) {
        long acknowledged = stable.stable().value();
        TableScan scan = tree.scan(NAMESPACE, TABLE).orElseThrow();
        assertThat(scan.asOf().value()).isGreaterThanOrEqualTo(acknowledged);
        for (Partition partition : scan.partitions()) {
            check(partition, scan.asOf().value(), who);
        }
        rounds.incrementAndGet();
    }

    private void check(Partition partition, long asOf, String who) {
        List<Long> found;
        long through;
        try (PartitionRows rows = partition.read(TimeRange.ALL)) {
            through = rows.persistedThrough().value();
            found = sequences(rows.batches());
        }
        // Asked after the rows, as a querier does.
        for (StoredFile file : files.getOrDefault(partition.key(), List.of())) {
            if (file.minSequence() <= through) {
                found.addAll(file.sequences());
            }
        }
        long last = Math.max(asOf, through);
        int[] rowsFound = new int[(int) last + 1];
        for (long sequence : found) {
            if (sequence < 1 || sequence > last) {
                throw new AssertionError("%s: write %d is there as of %d".formatted(who, sequence, last));
            }
            rowsFound[(int) sequence]++;
        }
        for (long sequence = 1; sequence <= last; sequence++) {
            boolean isHere = partition.key().equals(KEYS.get(day(sequence)));
            if (rowsFound[(int) sequence] != (isHere ? rowCount(sequence) : 0)) {
                throw new AssertionError("%s: %s as of %d, persisted through %d: write %d has %d rows, expected %d"
                        .formatted(
                                who,
                                partition.key(),
                                asOf,
                                through,
                                sequence,
                                rowsFound[(int) sequence],
                                isHere ? rowCount(sequence) : 0));
            }
        }
    }

    @Test
    void eachAcknowledgedRowIsInTheResponseOrInANamedFileAndNeverInBoth() throws Exception {
        try (Catalog catalog = Catalogs.open("sqlite:" + folder.resolve("catalog.db"), Clock.systemUTC())) {
            SchemaCache schemas = new SchemaCache(catalog, true);
            BufferTree tree = new BufferTree(
                    new IngesterId(new UUID(0, 1)),
                    schemas,
                    catalog,
                    stable,
                    request -> {
                        Job job = new Job(request, new CompletableFuture<>());
                        jobs.add(job);
                        return job.result();
                    },
                    1 << 20,
                    allocator,
                    () -> 0,
                    Thread.ofVirtual()::start);
            WritePreparer preparer = new WritePreparer(schemas, new PartitionSplitter(allocator), tree);
            LineProtocolParser parser = new LineProtocolParser(3);
            write(tree, preparer, parser, 1); // the table is there
            try (ExecutorService threads = Executors.newCachedThreadPool()) {
                List<Future<?>> running = new ArrayList<>();
                running.add(threads.submit(() -> persist(tree)));
                for (int reader = 0; reader < READERS; reader++) {
                    String who = "reader " + reader;
                    running.add(threads.submit(() -> {
                        while (!ended.get()) {
                            readAndCheck(tree, who);
                        }
                    }));
                }
                try {
                    for (long sequence = 2;
                            (rounds.get() < ROUNDS || sequence <= WRITES || !areManyFiles())
                                    && running.stream().noneMatch(Future::isDone);
                            sequence++) {
                        write(tree, preparer, parser, sequence);
                        if (sequence % 8 == 0) {
                            readAndCheck(tree, "writer");
                        }
                    }
                } finally {
                    ended.set(true);
                }
                for (Future<?> one : running) {
                    one.get();
                }
            }
            assertThat(rounds.get()).isGreaterThanOrEqualTo(ROUNDS);
            assertThat(areManyFiles()).isTrue();
            tree.close();
            assertThat(tree.memoryBytes()).isZero();
        }
        allocator.close();
    }

    private void write(BufferTree tree, WritePreparer preparer, LineProtocolParser parser, long sequence)
            throws Exception {
        byte[] body = lines(sequence).getBytes(StandardCharsets.UTF_8);
        byte[] request = parser.parse(
                        body, 0, body.length, new ParseOptions(NAMESPACE, Precision.NS, 0, 10, KnownColumns.NONE))
                .request()
                .orElseThrow();
        WriteOperation operation = preparer.prepare(request);
        operation.assign(new SequenceNumber(sequence));
        tree.apply(operation);
        stable.publish(new SequenceNumber(sequence));
    }
}
