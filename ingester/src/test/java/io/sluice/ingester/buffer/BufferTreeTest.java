package io.sluice.ingester.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.ingester.door.WriteDecoder;
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
import io.sluice.rows.RowColumn;
import io.sluice.rows.TimeRange;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Rows between the log and the files: ARCHITECTURE.md, invariants 2, 3, 4 and 5. Every test ends with no Arrow
/// memory held.
final class BufferTreeTest {
    private static final long SEED = 3;
    private static final long HOT_BYTES = 1 << 20;
    private static final NamespaceName NAMESPACE = new NamespaceName("n");
    private static final TableName TABLE = new TableName("m");

    @TempDir
    private Path folder = Path.of("");

    private final RootAllocator allocator = new RootAllocator();
    private final StableWatermark stable = new StableWatermark();
    private final List<Enqueued> enqueued = new ArrayList<>();
    private Optional<Catalog> catalog = Optional.empty();
    private Optional<BufferTree> tree = Optional.empty();
    private Optional<WritePreparer> preparer = Optional.empty();
    private long nowNs;

    /// A request on its way, and its result to be.
    private record Enqueued(PersistRequest request, CompletableFuture<PersistedFile> result) {
        void complete() {
            FileRecord file = new FileRecord(
                    "o",
                    request.schema().namespace(),
                    request.schema().table(),
                    request.partition(),
                    request.ingester(),
                    request.minSequence(),
                    request.maxSequence(),
                    request.rowCount(),
                    1,
                    0,
                    1,
                    Instant.EPOCH);
            result.complete(new PersistedFile(file, request.rowCount(), Duration.ZERO, Duration.ZERO));
            request.close();
        }
    }

    @BeforeEach
    void open() throws IOException {
        Catalog opened = Catalogs.open("sqlite:" + folder.resolve("catalog.db"), Clock.systemUTC());
        catalog = Optional.of(opened);
        SchemaCache schemas = new SchemaCache(opened, true);
        BufferTree made = new BufferTree(
                new IngesterId(new UUID(0, 1)),
                schemas,
                opened,
                stable,
                request -> {
                    Enqueued job = new Enqueued(request, new CompletableFuture<>());
                    enqueued.add(job);
                    return job.result();
                },
                HOT_BYTES,
                allocator,
                () -> nowNs,
                Runnable::run);
        tree = Optional.of(made);
        preparer = Optional.of(new WritePreparer(schemas, new PartitionSplitter(allocator), made));
    }

    @AfterEach
    void close() throws IOException {
        enqueued.stream()
                .filter(job -> !job.result().isDone())
                .forEach(job -> job.request().close());
        tree.orElseThrow().close();
        assertThat(tree.orElseThrow().memoryBytes()).isZero();
        allocator.close();
        catalog.orElseThrow().close();
    }

    private void apply(long sequence, String lines) throws Exception {
        byte[] body = lines.getBytes(StandardCharsets.UTF_8);
        byte[] request = new LineProtocolParser(SEED)
                .parse(body, 0, body.length, new ParseOptions(NAMESPACE, Precision.NS, 0, 10, KnownColumns.NONE))
                .request()
                .orElseThrow();
        assertThat(WriteDecoder.decode(request).tables()).isNotEmpty();
        WriteOperation operation = preparer.orElseThrow().prepare(request);
        operation.assign(new SequenceNumber(sequence));
        tree.orElseThrow().apply(operation);
        stable.publish(new SequenceNumber(sequence));
    }

    /// The values of field `v` that a query shows, by partition, with what is in files in front.
    private Map<String, String> read(TableScan scan) {
        Map<String, String> shown = new TreeMap<>();
        for (Partition partition : scan.partitions()) {
            try (PartitionRows rows = partition.read(TimeRange.ALL)) {
                List<Object> values = new ArrayList<>();
                for (RowBatch batch : rows.batches()) {
                    RowColumn column = batch.find(new ColumnName("v")).orElseThrow();
                    for (int row = 0; row < batch.rowCount(); row++) {
                        values.add(column.values().getObject(row));
                    }
                }
                shown.put(partition.key().value(), rows.persistedThrough() + ":" + values);
            }
        }
        return shown;
    }

    private TableScan scan() {
        return tree.orElseThrow().scan(NAMESPACE, TABLE).orElseThrow();
    }

    private static String many(int count, int from) {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < count; i++) {
            lines.append("m v=").append(from + i).append("i ").append(i).append('\n');
        }
        return lines.toString();
    }

    @Test
    void aScanShowsTheWritesUpToItsStartAndNoneAfterHoweverLateItReads() throws Exception {
        apply(1, "m v=1i 1");
        apply(2, "m v=2i 2");
        TableScan early = scan();
        apply(3, "m v=3i 3");
        apply(4, many(2_000, 100)); // linked, not copied: seals what was open
        apply(5, "m v=5i 5");
        assertThat(read(early)).containsExactly(Map.entry("1970-01-01", "0:[1, 2]"));
        assertThat(read(scan()).get("1970-01-01"))
                .startsWith("0:[1, 2, 3, 100, 101,")
                .endsWith("2099, 5]");
    }

    @Test
    void rowsAreReadWhileTheyArePersistedAndThenAreInTheFileInstead() throws Exception {
        apply(1, "m v=1i 1");
        apply(2, "m v=2i 2");
        var done = tree.orElseThrow().persist(Optional.of(NAMESPACE), Optional.empty(), FreezeReason.RPC);
        apply(3, "m v=3i 3");
        assertThat(read(scan())).containsExactly(Map.entry("1970-01-01", "0:[1, 2, 3]"));
        assertThat(done.toCompletableFuture()).isNotDone();
        assertThat(enqueued).singleElement().satisfies(job -> {
            assertThat(job.request().minSequence().value()).isEqualTo(1);
            assertThat(job.request().maxSequence().value()).isEqualTo(2);
        });
        enqueued.getFirst().complete();
        assertThat(done.toCompletableFuture()).isCompleted();
        assertThat(read(scan())).containsExactly(Map.entry("1970-01-01", "2:[3]"));
    }

    @Test
    void theRangesOfAPartitionsFilesAreContiguousAndDisjoint() throws Exception {
        apply(3, "m v=1i 1");
        tree.orElseThrow().persist(Optional.empty(), Optional.empty(), FreezeReason.RPC);
        apply(9, "m v=2i 2");
        tree.orElseThrow().persist(Optional.empty(), Optional.empty(), FreezeReason.RPC);
        assertThat(enqueued)
                .extracting(job -> job.request().minSequence().value())
                .containsExactly(1L, 4L);
        assertThat(enqueued)
                .extracting(job -> job.request().maxSequence().value())
                .containsExactly(3L, 9L);
    }

    @Test
    void aReplayedWriteThatIsInAFileIsDropped() throws Exception {
        apply(1, "m v=1i 1");
        tree.orElseThrow().persist(Optional.empty(), Optional.empty(), FreezeReason.RPC);
        enqueued.getFirst().complete();
        byte[] body = "m v=1i 1".getBytes(StandardCharsets.UTF_8);
        byte[] request = new LineProtocolParser(SEED)
                .parse(body, 0, body.length, new ParseOptions(NAMESPACE, Precision.NS, 0, 10, KnownColumns.NONE))
                .request()
                .orElseThrow();
        WriteOperation again = preparer.orElseThrow().prepare(request);
        again.assign(new SequenceNumber(1));
        tree.orElseThrow().apply(again);
        assertThat(read(scan())).containsExactly(Map.entry("1970-01-01", "1:[]"));
    }

    @Test
    void theLowWatermarkIsTheFirstWriteThatIsInNoFile() throws Exception {
        assertThat(tree.orElseThrow().lowWatermark().value()).isEqualTo(1);
        apply(1, "m v=1i 1");
        apply(2, "m v=2i 86400000000001"); // the next day
        assertThat(tree.orElseThrow().lowWatermark().value()).isEqualTo(1);
        tree.orElseThrow().persist(Optional.empty(), Optional.empty(), FreezeReason.RPC);
        assertThat(tree.orElseThrow().lowWatermark().value())
                .as("frozen is not yet in a file")
                .isEqualTo(1);
        enqueued.stream()
                .filter(job -> job.request().key().equals(new PartitionKey("1970-01-01")))
                .forEach(Enqueued::complete);
        assertThat(tree.orElseThrow().lowWatermark().value()).isEqualTo(2);
        enqueued.stream().filter(job -> !job.result().isDone()).forEach(Enqueued::complete);
        assertThat(tree.orElseThrow().lowWatermark().value()).isEqualTo(3);
    }

    @Test
    void aHotPartitionAndAnOldOneAreFrozen() throws Exception {
        apply(1, many(50_000, 0));
        assertThat(enqueued)
                .singleElement()
                .satisfies(job -> assertThat(job.request().reason()).isEqualTo(FreezeReason.HOT));
        apply(2, "m v=1i 86400000000001");
        nowNs = Duration.ofSeconds(225).toNanos();
        assertThat(tree.orElseThrow().freezeDue(Duration.ofMinutes(5))).isZero();
        nowNs = Duration.ofMinutes(5).toNanos();
        assertThat(tree.orElseThrow().freezeDue(Duration.ofMinutes(5))).isEqualTo(1);
        assertThat(enqueued.getLast().request().reason()).isEqualTo(FreezeReason.AGE);
    }

    @Test
    void anotherHotLimitCountsFromTheNextWriteOn() throws Exception {
        apply(1, "m v=1i 1");
        tree.orElseThrow().reconfigure(1);
        assertThat(enqueued).isEmpty();
        apply(2, "m v=1i 2");
        assertThat(enqueued).singleElement().satisfies(job -> {
            assertThat(job.request().reason()).isEqualTo(FreezeReason.HOT);
            assertThat(job.request().rowCount()).isEqualTo(2);
        });
    }

    @Test
    void partitionsThatGotTheirRowsTogetherAreNotDueTogether() throws Exception {
        int partitions = 300;
        apply(
                1,
                IntStream.range(0, partitions)
                        .mapToObj(day -> "m v=1i " + (day * 86_400_000_000_000L + 1))
                        .collect(Collectors.joining("\n")));
        int due = 0;
        for (int second = 0; second <= 300; second++) {
            nowNs = Duration.ofSeconds(second).toNanos();
            int now = tree.orElseThrow().freezeDue(Duration.ofMinutes(5));
            assertThat(now).as("due in second %d", second).isLessThan(partitions / 10);
            due += now;
        }
        assertThat(due).as("all are due at the maximum").isEqualTo(partitions);
    }

    @Test
    void columnsThatAppearLaterAreNullBefore() throws Exception {
        apply(1, "m v=1i 1");
        apply(2, "m,host=a v=2i,s=\"text\",b=t,f=1.5,u=7u 2");
        apply(3, "m,host=b v=3i 3");
        apply(4, "m,host=a v=4i,s=\"\" 4");
        try (PartitionRows rows = scan().partitions().getFirst().read(TimeRange.ALL)) {
            RowBatch batch = rows.batches().getFirst();
            assertThat(column(batch, "s")).containsExactly("null", "text", "null", "");
            assertThat(column(batch, "b")).containsExactly("null", "true", "null", "null");
            assertThat(column(batch, "f")).containsExactly("null", "1.5", "null", "null");
            assertThat(column(batch, "u")).containsExactly("null", "7", "null", "null");
            RowColumn.Tag host =
                    (RowColumn.Tag) batch.find(new ColumnName("host")).orElseThrow();
            assertThat(host.codes().isNull(0)).isTrue();
            assertThat(String.valueOf(host.dictionary().getObject(host.codes().get(3))))
                    .isEqualTo("a");
            assertThat(String.valueOf(host.dictionary().getObject(host.codes().get(2))))
                    .isEqualTo("b");
        }
    }

    private static List<String> column(RowBatch batch, String name) {
        RowColumn column = batch.find(new ColumnName(name)).orElseThrow();
        List<String> values = new ArrayList<>();
        for (int row = 0; row < batch.rowCount(); row++) {
            values.add(String.valueOf(column.values().getObject(row)));
        }
        return values;
    }
}
