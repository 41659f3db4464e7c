package io.sluice.ingester.buffer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.ingester.door.InvalidWriteException;
import io.sluice.ingester.door.ShapedReader;
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
import io.sluice.persist.catalog.FileRecord;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.Dictionary;
import io.sluice.proto.v1.Int64s;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import io.sluice.query.QuerySource.PartitionRows;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import io.sluice.rows.TimeRange;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.arrow.memory.AllocationListener;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.OutOfMemoryException;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.TimeStampNanoTZVector;
import org.apache.arrow.vector.VarCharVector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/// Rows that are being filled, frozen and persisted while they are read. Each row's `v` is the number of its write.
final class PartitionBufferTest {
    private static final long FIRST_SEED = 90;
    private static final ColumnSchema VALUE = ColumnSchema.field("v", ColumnType.I64);
    private static final ColumnSchema HOST = ColumnSchema.tag("host");
    private static final PartitionKey KEY = new PartitionKey("1970-01-01");
    private static final TableSchema SCHEMA = new TableSchema(
            new NamespaceName("n"),
            new TableName("m"),
            new TableId(1),
            PartitionTemplate.DAILY,
            List.of(ColumnSchema.TIME, VALUE, HOST));

    /// Two writes that are linked, and what stands between them.
    private static final SealedChunks.Size UNITED = new SealedChunks.Size(2_201, 1 << 20, 1);

    private final RootAllocator allocator = new RootAllocator();
    private final ShapedReader reader = new ShapedReader();
    private final AtomicLong held = new AtomicLong();
    private final AtomicLong heldFrozen = new AtomicLong();
    private final WaitingBytes waitingOfAll = new WaitingBytes();
    private final Deque<Enqueued> enqueued = new ArrayDeque<>();

    /// A request on its way, and its result to be.
    private record Enqueued(PersistRequest request, CompletableFuture<PersistedFile> result) {
        /// The file is recorded; the rows are let go.
        void complete() {
            FileRecord file = new FileRecord(
                    "o",
                    SCHEMA.namespace(),
                    SCHEMA.table(),
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

    @AfterEach
    void close() {
        enqueued.forEach(job -> job.request().close());
        assertThat(held).as("bytes on the ledger").hasValue(0);
        assertThat(waitingOfAll.held()).as("bytes waiting").isZero();
        assertThat(heldFrozen).as("frozen bytes on the ledger").hasValue(0);
        allocator.close();
    }

    private PartitionBuffer partition(BufferAllocator of, long persistedThrough) {
        return new PartitionBuffer(
                new TableBuffer(SCHEMA),
                KEY,
                new IngesterId(new UUID(0, 1)),
                new SequenceNumber(persistedThrough),
                of,
                held::addAndGet,
                heldFrozen::addAndGet,
                waitingOfAll,
                UNITED);
    }

    private CompletableFuture<PersistedFile> enqueue(PersistRequest request) {
        Enqueued job = new Enqueued(request, new CompletableFuture<>());
        enqueued.addLast(job);
        return job.result();
    }

    private RowBatch rows(long sequence, int count) {
        TimeStampNanoTZVector time = new TimeStampNanoTZVector("time", allocator, "UTC");
        BigIntVector value = new BigIntVector("v", allocator);
        IntVector codes = new IntVector("host", allocator);
        VarCharVector dictionary = new VarCharVector("host", allocator);
        dictionary.allocateNew(1, 1);
        dictionary.set(0, new byte[] {'a'});
        dictionary.setValueCount(1);
        for (int row = 0; row < count; row++) {
            codes.setSafe(row, 0);
            time.setSafe(row, row);
            value.setSafe(row, sequence);
        }
        codes.setValueCount(count);
        time.setValueCount(count);
        value.setValueCount(count);
        return new RowBatch(
                List.of(
                        new RowColumn.Plain(ColumnSchema.TIME, time),
                        new RowColumn.Plain(VALUE, value),
                        new RowColumn.Tag(HOST, codes, dictionary)),
                count,
                0,
                count - 1L);
    }

    private void append(PartitionBuffer partition, long sequence, int count) {
        partition.append(new SequenceNumber(sequence), rows(sequence, count), 0);
    }

    /// As [#append], of rows that lie in a request.
    private void appendReceived(PartitionBuffer partition, long sequence, int count) {
        TableBatch.Builder batch = TableBatch.newBuilder().setTable("m").setRowCount(count);
        Int64s.Builder times = Int64s.newBuilder();
        Int64s.Builder values = Int64s.newBuilder();
        Dictionary.Builder hosts = Dictionary.newBuilder().addValues("a");
        for (int row = 0; row < count; row++) {
            times.addValues(row);
            values.addValues(sequence);
            hosts.addCodes(0);
        }
        batch.addColumns(
                Column.newBuilder().setName("time").setKind(Column.Kind.TIME).setI64(times));
        batch.addColumns(
                Column.newBuilder().setName("v").setKind(Column.Kind.FIELD).setI64(values));
        batch.addColumns(
                Column.newBuilder().setName("host").setKind(Column.Kind.TAG).setDictionary(hosts));
        byte[] request = WriteRequest.newBuilder()
                .setNamespace("n")
                .addTables(batch)
                .build()
                .toByteArray();
        try {
            assertThat(reader.learn(WriteDecoder.decode(request))).isTrue();
        } catch (InvalidWriteException e) {
            throw new AssertionError(e);
        }
        assertThat(reader.tryRead(request)).isTrue();
        partition.append(new SequenceNumber(sequence), reader.take().getFirst(), 0);
    }

    private static List<Long> numbers(List<RowBatch> batches) {
        List<Long> numbers = new ArrayList<>();
        for (Map<String, Object> row : BatchRows.of(batches)) {
            numbers.add((long) Objects.requireNonNull(row.get("v")));
        }
        return numbers;
    }

    private static List<Long> read(PartitionBuffer partition, long asOf) {
        try (PartitionRows rows = partition.read(new SequenceNumber(asOf), TimeRange.ALL)) {
            return numbers(rows.batches());
        }
    }

    /// Appends, freezes, completes and reads in a random order, against the list of all rows ever applied.
    @Test
    @DisplayName("Invariant 5: rows read and persisted-through are exactly the writes up to the later of both")
    void aReadMissesNothingAndCountsNothingTwice() {
        for (long seed = FIRST_SEED; seed < FIRST_SEED + 100; seed++) {
            Random random = new Random(seed);
            List<Long> all = new ArrayList<>();
            long sequence = 0;
            List<PartitionRows> open = new ArrayList<>();
            List<List<Long>> expected = new ArrayList<>();
            PartitionBuffer partition = partition(allocator, 0);
            for (int step = 0; step < 60; step++) {
                assertThat(partition.firstUnpersisted())
                        .as("seed %d, step %d", seed, step)
                        .isEqualTo(all.stream()
                                .mapToLong(Long::longValue)
                                .filter(number ->
                                        number > partition.persistedThrough().value())
                                .findFirst());
                switch (random.nextInt(9)) {
                    case 8 -> partition.tryUnite(TimeRange.ALL);
                    case 7 -> partition.help();
                    case 0 -> partition.freeze(FreezeReason.RPC, this::enqueue);
                    case 1 -> {
                        if (!enqueued.isEmpty()) {
                            enqueued.removeFirst().complete();
                        }
                    }
                    case 2 -> {
                        long asOf = random.nextLong(sequence + 2);
                        PartitionRows rows = partition.read(new SequenceNumber(asOf), TimeRange.ALL);
                        long through = rows.persistedThrough().value();
                        open.add(rows);
                        expected.add(all.stream()
                                .filter(number -> number > through && number <= asOf)
                                .toList());
                    }
                    default -> {
                        sequence += random.nextInt(1, 4);
                        int count = random.nextInt(4) == 0 ? 1_100 : random.nextInt(1, 60); // linked, or copied
                        if (count < 1_000 && random.nextInt(3) > 0) {
                            appendReceived(partition, sequence, count);
                        } else {
                            append(partition, sequence, count);
                        }
                        for (int row = 0; row < count; row++) {
                            all.add(sequence);
                        }
                    }
                }
            }
            // Read only now: what a reader holds is what it was when it asked.
            for (int i = 0; i < open.size(); i++) {
                assertThat(numbers(open.get(i).batches()))
                        .as("seed %d, read %d", seed, i)
                        .isEqualTo(expected.get(i));
                open.get(i).close();
            }
            while (!enqueued.isEmpty()) {
                enqueued.removeFirst().complete();
            }
            partition.release();
            assertThat(held).as("seed %d", seed).hasValue(0);
            assertThat(allocator.getAllocatedMemory()).as("seed %d", seed).isZero();
        }
    }

    /// Every row is in exactly one request or still here, and every request's range tells of its rows and no others.
    @Test
    @DisplayName("Invariant 3: the ranges of frozen batches hold each write once")
    void frozenRangesHoldEachWriteOnce() {
        for (long seed = FIRST_SEED; seed < FIRST_SEED + 50; seed++) {
            Random random = new Random(seed);
            PartitionBuffer partition = partition(allocator, 3);
            long sequence = 3;
            List<Long> all = new ArrayList<>();
            for (int step = 0; step < 40; step++) {
                if (random.nextInt(5) == 0) {
                    partition.freeze(FreezeReason.RPC, this::enqueue);
                } else {
                    sequence += random.nextInt(1, 3);
                    if (random.nextBoolean()) {
                        append(partition, sequence, 1);
                    } else {
                        appendReceived(partition, sequence, 40);
                    }
                    all.add(sequence);
                }
            }
            partition.freeze(FreezeReason.RPC, this::enqueue);
            List<Long> frozen = new ArrayList<>();
            long next = 4;
            for (Enqueued job : enqueued) {
                List<Long> numbers =
                        numbers(job.request().batches()).stream().distinct().toList();
                assertThat(job.request().minSequence().value()).isEqualTo(next);
                assertThat(job.request().maxSequence().value()).isEqualTo(numbers.getLast());
                assertThat(numbers.getFirst()).isGreaterThanOrEqualTo(next);
                next = numbers.getLast() + 1;
                frozen.addAll(numbers);
            }
            assertThat(frozen).as("seed %d", seed).isEqualTo(all);
            while (!enqueued.isEmpty()) {
                enqueued.removeFirst().complete();
            }
            assertThat(partition.persistedThrough().value()).isEqualTo(sequence);
            assertThat(held).hasValue(0);
            partition.release();
        }
    }

    /// Most writes are large enough to wait; some are linked.
    private static int rowsOf(long sequence) {
        return sequence % 10 == 7 ? 1_100 : sequence % 3 == 0 ? 2 : 40;
    }

    /// One thread applies, freezes and completes; two read without end. Rows of a write come whole, in order, none
    /// missing between what is in files and what is shown.
    @Test
    @DisplayName("Invariant 5: readers beside a writer that freezes see whole writes without gap or double")
    void readersSeeNoGapWhileRowsAreFrozenAndPersisted() throws Exception {
        int writes = 600;
        PartitionBuffer partition = partition(allocator, 0);
        AtomicLong applied = new AtomicLong();
        AtomicBoolean done = new AtomicBoolean();
        CountDownLatch reading = new CountDownLatch(2);
        try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
            List<Future<Long>> readers = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                readers.add(threads.submit(() -> {
                    long reads = 0;
                    while (!done.get()) {
                        long asOf = applied.get();
                        partition.tryUnite(TimeRange.ALL);
                        try (PartitionRows rows = partition.read(new SequenceNumber(asOf), TimeRange.ALL)) {
                            List<Long> expected = new ArrayList<>();
                            for (long number = rows.persistedThrough().value() + 1; number <= asOf; number++) {
                                expected.addAll(Collections.nCopies(rowsOf(number), number));
                            }
                            assertThat(numbers(rows.batches())).isEqualTo(expected);
                        }
                        reads++;
                        if (reads == 1) { // each reader once, or one of them might begin when all is over
                            reading.countDown();
                        }
                    }
                    return reads;
                }));
            }
            try {
                assertThat(reading.await(1, TimeUnit.MINUTES)).isTrue();
                for (long sequence = 1; sequence <= writes; sequence++) {
                    if (rowsOf(sequence) != 40) {
                        append(partition, sequence, rowsOf(sequence));
                    } else {
                        appendReceived(partition, sequence, rowsOf(sequence));
                    }
                    applied.set(sequence);
                    if (sequence % 50 == 0) {
                        partition.freeze(FreezeReason.RPC, this::enqueue);
                    }
                    if (sequence % 50 == 25 && !enqueued.isEmpty()) {
                        enqueued.removeFirst().complete();
                    }
                }
            } finally {
                done.set(true);
            }
            for (Future<Long> reader : readers) {
                assertThat(reader.get(1, TimeUnit.MINUTES)).isPositive();
            }
        }
        while (!enqueued.isEmpty()) {
            enqueued.removeFirst().complete();
        }
        partition.release();
    }

    /// Chunks of 1,100 rows, the first three writes together with what stands between them.
    private PartitionBuffer withSmallChunks(BufferAllocator of) {
        PartitionBuffer partition = partition(of, 0);
        append(partition, 1, 1_100);
        append(partition, 2, 5);
        append(partition, 3, 1_100);
        append(partition, 4, 1_100);
        append(partition, 5, 7);
        return partition;
    }

    private static int chunks(PartitionBuffer partition) {
        try (PartitionRows rows = partition.read(new SequenceNumber(9), TimeRange.ALL)) {
            return rows.batches().size();
        }
    }

    private static boolean meetsSmallChunks(PartitionBuffer partition) {
        try (PartitionRows met = partition.read(new SequenceNumber(9), TimeRange.ALL)) {
            return partition.meetSmallChunks(TimeRange.ALL, met.batches());
        }
    }

    @Test
    @DisplayName("Invariant 5: small chunks become one with the same rows, at every cut")
    void smallChunksBecomeOne() {
        PartitionBuffer partition = withSmallChunks(allocator);
        List<List<Long>> before = new ArrayList<>();
        for (long asOf = 0; asOf <= 6; asOf++) {
            before.add(read(partition, asOf));
        }
        assertThat(before.getLast()).hasSize(3_312);
        assertThat(chunks(partition)).isEqualTo(5);
        assertThat(meetsSmallChunks(partition)).isTrue();
        assertThat(partition.tryUnite(TimeRange.ALL)).isTrue();
        assertThat(chunks(partition)).isEqualTo(3);
        for (long asOf = 0; asOf <= 6; asOf++) {
            assertThat(read(partition, asOf)).as("as of %d", asOf).isEqualTo(before.get((int) asOf));
        }
        assertThat(meetsSmallChunks(partition)).isFalse();
        assertThat(partition.tryUnite(TimeRange.ALL)).isFalse();
        assertThat(chunks(partition)).as("what is left is too little").isEqualTo(3);
        partition.freeze(FreezeReason.RPC, this::enqueue);
        assertThat(numbers(enqueued.getFirst().request().batches())).isEqualTo(before.getLast());
        enqueued.removeFirst().complete();
        assertThat(allocator.getAllocatedMemory()).isZero();
        partition.release();
    }

    @Test
    @DisplayName("Invariant 6: chunks that were put together stay on the ledger until nobody reads them")
    void chunksThatAreReadStayOnTheLedger() {
        PartitionBuffer partition = withSmallChunks(allocator);
        long before = held.get();
        PartitionRows reader = partition.read(new SequenceNumber(3), TimeRange.ALL);
        assertThat(partition.tryUnite(TimeRange.ALL)).isTrue();
        assertThat(held.get()).isGreaterThan(before + 2_205 * 20);
        assertThat(held.get()).isGreaterThanOrEqualTo(allocator.getAllocatedMemory());
        assertThat(numbers(reader.batches())).hasSize(2_205);
        reader.close();
        assertThat(held.get()).isLessThanOrEqualTo(before);
        assertThat(partition.fillingBytes()).isEqualTo(held.get());
        partition.release();
    }

    @Test
    @DisplayName("Invariant 3: chunks that are frozen while they are put together are in one file, once")
    void chunksFrozenMeanwhileStayAsTheyAre() {
        AtomicReference<Runnable> meanwhile = new AtomicReference<>(() -> {});
        AllocationListener listener = new AllocationListener() {
            @Override
            public void onPreAllocation(long bytes) {
                meanwhile.getAndSet(() -> {}).run();
            }
        };
        try (BufferAllocator own = allocator.newChildAllocator("own", listener, 0, Long.MAX_VALUE)) {
            PartitionBuffer partition = withSmallChunks(own);
            meanwhile.set(() -> {
                partition.freeze(FreezeReason.RPC, this::enqueue);
                for (long sequence = 6; sequence <= 9; sequence++) {
                    append(partition, sequence, 1_100);
                }
            });
            assertThat(partition.tryUnite(TimeRange.ALL)).isFalse();
            assertThat(enqueued).hasSize(1);
            Enqueued job = enqueued.removeFirst();
            List<Long> frozen = numbers(job.request().batches());
            job.complete();
            assertThat(frozen).hasSize(3_312).doesNotContain(6L);
            assertThat(read(partition, 9)).hasSize(4_400).doesNotContain(1L, 2L, 3L, 4L, 5L);
            partition.release();
            assertThat(held).hasValue(0);
        }
    }

    @Test
    @DisplayName("Invariant 6: without memory to put chunks together they stay as they are")
    void withoutMemoryChunksStayAsTheyAre() {
        try (BufferAllocator own = allocator.newChildAllocator("own", 0, Long.MAX_VALUE)) {
            PartitionBuffer partition = withSmallChunks(own);
            List<Long> before = read(partition, 9);
            long heldBefore = held.get();
            own.setLimit(own.getAllocatedMemory() + 8_192);
            assertThat(partition.tryUnite(TimeRange.ALL)).isFalse();
            assertThat(held).hasValue(heldBefore);
            own.setLimit(Long.MAX_VALUE);
            assertThat(chunks(partition)).isEqualTo(5);
            assertThat(read(partition, 9)).isEqualTo(before);
            partition.release();
        }
    }

    /// The chunk is full with the last write; to close it takes a little memory, which may not be there.
    @Test
    @DisplayName("Invariant 3: when memory runs out, a frozen range still tells of all its rows")
    void withoutMemoryToCloseAChunkTheRangeStillTellsOfItsRows() {
        int failures = 0;
        boolean failed = true;
        for (long more = 0; failed; more += 8) {
            try (BufferAllocator own = allocator.newChildAllocator("own", 0, Long.MAX_VALUE)) {
                PartitionBuffer partition = partition(own, 0);
                for (long sequence = 1; sequence <= 32; sequence++) {
                    append(partition, sequence, 1_000);
                }
                own.setLimit(own.getAllocatedMemory() + more);
                try {
                    append(partition, 33, 768); // 32,768 rows: room for them is there, and the chunk is full
                    failed = false;
                } catch (OutOfMemoryException e) {
                    failures++;
                }
                own.setLimit(Long.MAX_VALUE);
                partition.freeze(FreezeReason.RPC, this::enqueue);
                Enqueued job = enqueued.removeFirst();
                List<Long> numbers = numbers(job.request().batches());
                assertThat(numbers).as("%d more bytes", more).hasSize(32_768);
                assertThat(job.request().maxSequence().value()).isEqualTo(33);
                job.complete();
                partition.release();
            }
        }
        assertThat(failures).isPositive();
    }

    @Test
    @DisplayName("Invariant 1: rows for which there is no memory yet wait, hold the log, and are read when there is")
    void rowsWithoutMemoryWait() {
        try (BufferAllocator own = allocator.newChildAllocator("own", 0, Long.MAX_VALUE)) {
            PartitionBuffer partition = partition(own, 0);
            append(partition, 1, 2);
            own.setLimit(own.getAllocatedMemory() + 64); // to freeze takes a little
            appendReceived(partition, 2, 500);
            appendReceived(partition, 3, 500);
            assertThat(held.get()).isGreaterThan(own.getAllocatedMemory());
            assertThatThrownBy(() -> read(partition, 3)).isInstanceOf(OutOfMemoryException.class);
            partition.freeze(FreezeReason.MEMORY, this::enqueue);
            Enqueued job = enqueued.removeFirst();
            assertThat(job.request().maxSequence().value()).isEqualTo(1);
            job.complete();
            assertThat(partition.firstUnpersisted()).hasValue(2);
            assertThat(partition.statistics().fillingRows()).isEqualTo(1_000);
            assertThat(partition.isDue(5, 5)).isTrue();
            own.setLimit(Long.MAX_VALUE);
            assertThat(read(partition, 2)).hasSize(500).containsOnly(2L);
            assertThat(read(partition, 3)).hasSize(1_000);
            appendReceived(partition, 4, 500);
            partition.release();
            assertThat(held).hasValue(0);
        }
    }

    @Test
    @DisplayName("Invariant 7: what waits is bounded, though nobody helps")
    void whatWaitsIsBounded() {
        PartitionBuffer partition = partition(allocator, 0);
        long mostBytes = 0;
        for (long sequence = 1; sequence <= 600; sequence++) {
            appendReceived(partition, sequence, 1_000);
            mostBytes = Math.max(mostBytes, partition.waitingBytes());
        }
        assertThat(mostBytes).isBetween(8L << 20, 9L << 20);
        try (PartitionRows rows = partition.read(new SequenceNumber(600), TimeRange.ALL)) {
            assertThat(rows.batches().stream().mapToInt(RowBatch::rowCount).sum())
                    .isEqualTo(600_000);
        }
        partition.release();
    }

    @Test
    @DisplayName("Invariant 6: what waits in all partitions together is bounded, too, and nothing is lost beyond")
    void whatWaitsInAllPartitionsIsBounded() {
        waitingOfAll.limit(100 << 10);
        List<PartitionBuffer> partitions = List.of(partition(allocator, 0), partition(allocator, 0));
        for (long sequence = 1; sequence <= 40; sequence++) {
            for (PartitionBuffer partition : partitions) {
                appendReceived(partition, sequence, 1_000);
                assertThat(waitingOfAll.held()).isLessThanOrEqualTo(100 << 10);
            }
            assertThat(waitingOfAll.held())
                    .isEqualTo(partitions.stream()
                            .mapToLong(PartitionBuffer::waitingBytes)
                            .sum());
        }
        for (PartitionBuffer partition : partitions) {
            assertThat(read(partition, 40)).hasSize(40_000);
        }
        assertThat(waitingOfAll.held()).isZero();
        partitions.forEach(PartitionBuffer::release);
    }

    @Test
    void aWriteOutOfTurnIsRefusedThoughOthersWait() {
        PartitionBuffer partition = partition(allocator, 0);
        appendReceived(partition, 5, 100);
        assertThatThrownBy(() -> appendReceived(partition, 5, 100))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContainingAll("write 5 comes after write 5", "1970-01-01", "'m'");
        assertThat(read(partition, 9)).hasSize(100).containsOnly(5L);
        partition.release();
        assertThat(held).hasValue(0);
    }

    @Test
    void aWriteOutOfTurnIsRefusedAndItsMemoryComesBack() {
        PartitionBuffer partition = partition(allocator, 0);
        append(partition, 5, 1);
        assertThatThrownBy(() -> append(partition, 5, 1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContainingAll("write 5 comes after write 5", "1970-01-01", "'m'");
        assertThat(read(partition, 9)).containsExactly(5L);
        partition.release();
    }

    @Test
    @DisplayName("Invariant 3: a replayed write that is in a file is dropped, the next one taken")
    void whatIsInFilesIsDropped() {
        PartitionBuffer partition = partition(allocator, 7);
        append(partition, 6, 1);
        append(partition, 7, 1_100);
        assertThat(partition.firstUnpersisted()).isEmpty();
        assertThat(partition.freeze(FreezeReason.AGE, this::enqueue)).isEmpty();
        append(partition, 8, 1);
        assertThat(read(partition, 9)).containsExactly(8L);
        assertThat(partition.firstUnpersisted()).hasValue(8);
        partition.release();
    }

    @Test
    @DisplayName("Invariant 4: rows whose persisting was given up stay readable, and hold the log")
    void rowsWhoseJobWasGivenUpStay() {
        PartitionBuffer partition = partition(allocator, 0);
        append(partition, 1, 2);
        partition.freeze(FreezeReason.RPC, this::enqueue);
        List<CompletableFuture<PersistedFile>> outstanding = partition.outstanding();
        Enqueued job = enqueued.removeFirst();
        job.result().completeExceptionally(new IllegalStateException("the persister ended"));
        job.request().close();
        assertThat(outstanding)
                .singleElement()
                .satisfies(result -> assertThat(result).isCompletedExceptionally());
        assertThat(read(partition, 1)).containsExactly(1L, 1L);
        assertThat(partition.firstUnpersisted()).hasValue(1);
        assertThat(partition.persistedThrough().value()).isZero();
        partition.release();
    }
}
