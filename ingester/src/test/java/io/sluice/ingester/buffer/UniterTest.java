package io.sluice.ingester.buffer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.model.ColumnSchema;
import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionKey;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableId;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.query.QuerySource.PartitionRows;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import io.sluice.rows.TimeRange;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.arrow.memory.AllocationListener;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.TimeStampNanoTZVector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Chunks of 1,100 rows, of which two make a large one.
final class UniterTest {
    private static final int ROWS = 1_100;
    private static final TableSchema SCHEMA = new TableSchema(
            new NamespaceName("n"),
            new TableName("m"),
            new TableId(1),
            PartitionTemplate.DAILY,
            List.of(ColumnSchema.TIME));

    private final RootAllocator allocator = new RootAllocator();
    private final AtomicReference<Runnable> whenAllocating = new AtomicReference<>(() -> {});
    private final BufferAllocator rows = allocator.newChildAllocator(
            "rows",
            new AllocationListener() {
                @Override
                public void onPreAllocation(long bytes) {
                    whenAllocating.getAndSet(() -> {}).run();
                }
            },
            0,
            Long.MAX_VALUE);
    private final AtomicLong held = new AtomicLong();
    private final Deque<Runnable> tasks = new ArrayDeque<>();
    private final List<PartitionBuffer> partitions = new ArrayList<>();

    @AfterEach
    void close() {
        partitions.forEach(PartitionBuffer::release);
        assertThat(held).as("bytes on the ledger").hasValue(0);
        rows.close();
        allocator.close();
    }

    private PartitionBuffer partition(int chunks) {
        PartitionBuffer partition = new PartitionBuffer(
                new TableBuffer(SCHEMA),
                new PartitionKey("1970-01-01"),
                new IngesterId(new UUID(0, 1)),
                SequenceNumber.NONE,
                rows,
                held::addAndGet,
                _ -> {},
                new WaitingBytes(),
                new SealedChunks.Size(2 * ROWS, 1 << 20, 1));
        partitions.add(partition);
        for (int chunk = 1; chunk <= chunks; chunk++) {
            var times = (TimeStampNanoTZVector) RowColumn.newVector(ColumnSchema.TIME, rows);
            times.allocateNew(ROWS);
            for (int row = 0; row < ROWS; row++) {
                times.set(row, row);
            }
            times.setValueCount(ROWS);
            partition.append(
                    new SequenceNumber(chunk),
                    new RowBatch(List.of(new RowColumn.Plain(ColumnSchema.TIME, times)), ROWS, 0, ROWS - 1),
                    0);
        }
        return partition;
    }

    private static List<Integer> chunks(PartitionBuffer partition) {
        try (PartitionRows read = partition.read(new SequenceNumber(100), TimeRange.ALL)) {
            return read.batches().stream().map(RowBatch::rowCount).toList();
        }
    }

    private static void visit(Uniter uniter, PartitionBuffer partition) {
        try (PartitionRows met = partition.read(new SequenceNumber(100), TimeRange.ALL)) {
            uniter.visit(partition, TimeRange.ALL, met.batches());
        }
    }

    @Test
    void aQueryDoesNotWaitAndAllSmallChunksAreUnitedBehindIt() {
        PartitionBuffer partition = partition(5);
        try (Uniter uniter = new Uniter(tasks::add)) {
            visit(uniter, partition);
            assertThat(chunks(partition)).containsOnly(ROWS).hasSize(5);
            tasks.remove().run();
            assertThat(chunks(partition)).containsExactly(2 * ROWS, 2 * ROWS, ROWS);
        }
    }

    @Test
    void onePartitionAtATimeIsUnitedAndOthersHaveTheirTurnLater() {
        PartitionBuffer one = partition(2);
        PartitionBuffer other = partition(2);
        try (Uniter uniter = new Uniter(tasks::add)) {
            visit(uniter, one);
            visit(uniter, one);
            visit(uniter, other);
            assertThat(tasks).hasSize(1);
            tasks.remove().run();
            visit(uniter, one);
            assertThat(tasks).as("nothing is left to be done").isEmpty();
            visit(uniter, other);
            tasks.remove().run();
            assertThat(chunks(one)).containsExactly(2 * ROWS);
            assertThat(chunks(other)).containsExactly(2 * ROWS);
        }
    }

    @Test
    void anExecutorThatTakesNothingLeavesTheTurnToTheNextQuery() {
        PartitionBuffer partition = partition(2);
        AtomicBoolean isFull = new AtomicBoolean(true);
        try (Uniter uniter = new Uniter(task -> {
            if (isFull.getAndSet(false)) {
                throw new RejectedExecutionException("full");
            }
            tasks.add(task);
        })) {
            assertThatThrownBy(() -> visit(uniter, partition)).hasMessage("full");
            visit(uniter, partition);
            tasks.remove().run();
            assertThat(chunks(partition)).containsExactly(2 * ROWS);
        }
    }

    @Test
    void afterTheEndNothingIsUnited() {
        PartitionBuffer partition = partition(2);
        Uniter uniter = new Uniter(tasks::add);
        uniter.close();
        uniter.close();
        visit(uniter, partition);
        assertThat(tasks).isEmpty();
        assertThat(chunks(partition)).containsExactly(ROWS, ROWS);
    }

    @Test
    void theEndWaitsForWhoIsAtIt() throws Exception {
        PartitionBuffer partition = partition(4);
        CountDownLatch isAtIt = new CountDownLatch(1);
        CountDownLatch goesOn = new CountDownLatch(1);
        try (ExecutorService threads = Executors.newCachedThreadPool()) {
            whenAllocating.set(() -> {
                isAtIt.countDown();
                awaitUninterruptibly(goesOn);
            });
            Uniter uniter = new Uniter(threads);
            visit(uniter, partition);
            assertThat(isAtIt.await(1, TimeUnit.MINUTES)).isTrue();
            Future<?> end = threads.submit(uniter::close);
            // Whether it waits yet or not: it must not be over.
            assertThat(end.isDone()).isFalse();
            goesOn.countDown();
            end.get(1, TimeUnit.MINUTES);
            partition.release();
            partitions.clear();
            assertThat(rows.getAllocatedMemory()).as("nobody is at it any more").isZero();
        }
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        try {
            assertThat(latch.await(1, TimeUnit.MINUTES)).isTrue();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
