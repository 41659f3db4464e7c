package io.sluice.ingester.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.ingester.door.InvalidWriteException;
import io.sluice.ingester.door.ShapedReader;
import io.sluice.ingester.door.ShapedRows;
import io.sluice.ingester.door.WriteDecoder;
import io.sluice.ingester.fixture.BatchRows;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionKey;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableId;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.persist.FreezeReason;
import io.sluice.persist.PersistRequest;
import io.sluice.persist.PersistedFile;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.Int64s;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import io.sluice.query.QuerySource.PartitionRows;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import io.sluice.rows.TimeRange;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.TimeStampNanoTZVector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// What a reader of some times is given. Each row's `v` is a number that no other row has.
final class TimePruningTest {
    private static final long FIRST_SEED = 700;
    private static final int MAX_NS = 10_000;
    private static final ColumnSchema VALUE = ColumnSchema.field("v", ColumnType.I64);
    private static final TableSchema SCHEMA = new TableSchema(
            new NamespaceName("n"),
            new TableName("m"),
            new TableId(1),
            PartitionTemplate.DAILY,
            List.of(ColumnSchema.TIME, VALUE));

    private final RootAllocator allocator = new RootAllocator();
    private final ShapedReader reader = new ShapedReader();
    private final WaitingBytes waiting = new WaitingBytes();
    private final List<PersistRequest> requests = new ArrayList<>();

    @AfterEach
    void close() {
        requests.forEach(PersistRequest::close);
        allocator.close();
    }

    private PartitionBuffer partition() {
        return new PartitionBuffer(
                new TableBuffer(SCHEMA),
                new PartitionKey("1970-01-01"),
                new IngesterId(new UUID(0, 1)),
                SequenceNumber.NONE,
                allocator,
                _ -> {},
                _ -> {},
                waiting,
                new SealedChunks.Size(3_000, 1 << 20, 1));
    }

    /// @param value of the first row; each of the others has one more
    private RowBatch rows(long firstNs, long value, int count) {
        TimeStampNanoTZVector time = new TimeStampNanoTZVector("time", allocator, "UTC");
        BigIntVector values = new BigIntVector("v", allocator);
        time.allocateNew(count);
        values.allocateNew(count);
        for (int row = 0; row < count; row++) {
            time.set(row, firstNs + row);
            values.set(row, value + row);
        }
        time.setValueCount(count);
        values.setValueCount(count);
        return new RowBatch(
                List.of(new RowColumn.Plain(ColumnSchema.TIME, time), new RowColumn.Plain(VALUE, values)),
                count,
                firstNs,
                firstNs + count - 1);
    }

    /// The same rows, as they lie in a request.
    private ShapedRows received(long firstNs, long value, int count) throws InvalidWriteException {
        Int64s.Builder times = Int64s.newBuilder();
        Int64s.Builder values = Int64s.newBuilder();
        for (int row = 0; row < count; row++) {
            times.addValues(firstNs + row);
            values.addValues(value + row);
        }
        byte[] request = WriteRequest.newBuilder()
                .setNamespace("n")
                .addTables(TableBatch.newBuilder()
                        .setTable("m")
                        .setRowCount(count)
                        .addColumns(Column.newBuilder()
                                .setName("time")
                                .setKind(Column.Kind.TIME)
                                .setI64(times))
                        .addColumns(Column.newBuilder()
                                .setName("v")
                                .setKind(Column.Kind.FIELD)
                                .setI64(values)))
                .build()
                .toByteArray();
        assertThat(reader.learn(WriteDecoder.decode(request))).isTrue();
        assertThat(reader.tryRead(request)).isTrue();
        return reader.take().getFirst();
    }

    private CompletableFuture<PersistedFile> keep(PersistRequest request) {
        requests.add(request);
        return new CompletableFuture<>();
    }

    private record Row(long sequence, long timeNs, long value) {}

    private static List<Long> values(PartitionRows read, TimeRange times) {
        return BatchRows.of(read.batches()).stream()
                .filter(row -> times.contains(time(row)))
                .map(row -> (Long) Objects.requireNonNull(row.get("v")))
                .toList();
    }

    private static long time(Map<String, Object> row) {
        return (long) Objects.requireNonNull(row.get("time"));
    }

    /// Rows that wait in their requests, in the open chunk, in sealed, united and frozen ones, and readers of any
    /// times,
    /// as of any write.
    @Test
    void aReaderHasAllRowsOfItsTimesAndNoChunkWithoutAny() throws InvalidWriteException {
        int leftOut = 0;
        int leftWaiting = 0;
        for (long seed = FIRST_SEED; seed < FIRST_SEED + 60; seed++) {
            Random random = new Random(seed);
            PartitionBuffer partition = partition();
            List<Row> all = new ArrayList<>();
            for (long sequence = 1; sequence <= 40; sequence++) {
                int count = random.nextInt(4) == 0 ? random.nextInt(1_100, 1_400) : random.nextInt(1, 100);
                long firstNs = random.nextInt(MAX_NS);
                for (int row = 0; row < count; row++) {
                    all.add(new Row(sequence, firstNs + row, all.size()));
                }
                long value = all.size() - (long) count;
                if (count < 1_000 && random.nextBoolean()) {
                    partition.append(new SequenceNumber(sequence), received(firstNs, value, count), 0);
                } else {
                    partition.append(new SequenceNumber(sequence), rows(firstNs, value, count), 0);
                }
                switch (random.nextInt(10)) {
                    case 0 -> partition.freeze(FreezeReason.RPC, this::keep);
                    case 1, 2, 3 ->
                        partition.tryUnite(TimeRange.between(random.nextInt(MAX_NS), random.nextInt(MAX_NS)));
                    default -> {}
                }
                TimeRange times = TimeRange.between(random.nextInt(MAX_NS), random.nextInt(MAX_NS));
                long asOf = random.nextBoolean() ? sequence : random.nextLong(sequence + 1);
                List<Long> expected = all.stream()
                        .filter(row -> row.sequence() <= asOf && times.contains(row.timeNs()))
                        .map(Row::value)
                        .toList();
                long waitingBefore = waiting.held();
                try (PartitionRows read = partition.read(new SequenceNumber(asOf), times)) {
                    leftWaiting += waitingBefore > 0 && waiting.held() > 0 ? 1 : 0;
                    assertThat(values(read, times))
                            .as("seed %d, as of %d, %s", seed, asOf, times)
                            .isEqualTo(expected);
                    assertThat(read.batches()).allMatch(chunk -> times.overlaps(chunk.minTimeNs(), chunk.maxTimeNs()));
                    leftOut += read.prunedChunks();
                    if (asOf == sequence && waitingBefore == 0) {
                        try (PartitionRows whole = partition.read(new SequenceNumber(sequence), TimeRange.ALL)) {
                            assertThat(whole.prunedChunks()).isZero();
                            assertThat(read.batches().size() + read.prunedChunks())
                                    .as("seed %d, write %d, %s", seed, sequence, times)
                                    .isEqualTo(whole.batches().size());
                        }
                    }
                }
            }
            partition.release();
        }
        assertThat(leftOut).isPositive();
        assertThat(leftWaiting).as("readers of other times, who copied nothing").isPositive();
    }

    private static boolean meetsSmallChunks(PartitionBuffer partition, long startNs, long endNs) {
        TimeRange times = TimeRange.between(startNs, endNs);
        try (PartitionRows met = partition.read(new SequenceNumber(9), times)) {
            return partition.meetSmallChunks(times, met.batches());
        }
    }

    @Test
    void smallChunksThatNoReaderWantsAreNotPutTogether() {
        PartitionBuffer partition = partition();
        for (long sequence = 1; sequence <= 3; sequence++) {
            partition.append(new SequenceNumber(sequence), rows(5_000, 0, 1_100), 0);
        }
        assertThat(meetsSmallChunks(partition, 0, 5_000)).isFalse();
        assertThat(meetsSmallChunks(partition, 6_100, 9_000)).isFalse();
        assertThat(meetsSmallChunks(partition, 6_099, 9_000)).isTrue();
        assertThat(partition.tryUnite(TimeRange.ALL)).isTrue();
        assertThat(meetsSmallChunks(partition, 0, MAX_NS)).as("a single one").isFalse();
        partition.release();
    }

    @Test
    void anEmptyRangeHasNoTime() {
        assertThat(List.of(TimeRange.between(5, 5), TimeRange.between(5, 4)))
                .noneMatch(range -> range.contains(5) || range.contains(4) || range.overlaps(0, 10));
    }
}
