package io.sluice.ingester.write;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.ingester.fixture.GeneratedTable;
import io.sluice.ingester.fixture.Pipeline;
import io.sluice.ingester.fixture.Pipeline.Job;
import io.sluice.ingester.fixture.Pipeline.Shown;
import io.sluice.ingester.sink.WriteOperation;
import io.sluice.ingester.sink.WriteOperation.ReceivedRows;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SequenceNumber;
import io.sluice.persist.FreezeReason;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.Int64s;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Writes that are applied from their request's bytes show the rows that they would show if they were decoded.
final class FamiliarWritesTest {
    private static final long FIRST_SEED = 1;
    private static final int SEEDS = 40;

    @TempDir
    private Path folder = Path.of("");

    private final RootAllocator allocator = new RootAllocator();

    @AfterEach
    void close() {
        allocator.close();
    }

    private static boolean isReceived(WriteOperation operation) {
        return operation.partitions().stream().allMatch(ReceivedRows.class::isInstance);
    }

    private static void apply(Pipeline pipeline, WriteOperation operation, long sequence) {
        operation.assign(new SequenceNumber(sequence));
        pipeline.buffer().apply(operation);
        pipeline.stable().publish(new SequenceNumber(sequence));
    }

    private static Map<String, List<Map<String, Object>>> rows(Pipeline pipeline, String table) {
        Map<String, List<Map<String, Object>>> rows = new TreeMap<>();
        pipeline.show(table).forEach((partition, shown) -> rows.put(partition, shown.rows()));
        return rows;
    }

    @Test
    void rowsAreThoseOfTheWritesWhetherTheyAreFamiliarOrNot() throws Exception {
        int received = 0;
        for (long seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
            Random random = new Random(seed);
            List<GeneratedTable> tables = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                tables.add(GeneratedTable.of(random, "m", random.nextInt(1, 12)));
            }
            List<Map<String, Object>> expected = new ArrayList<>();
            try (Pipeline pipeline = Pipeline.open(Files.createDirectory(folder.resolve("" + seed)), allocator)) {
                for (int sequence = 1; sequence <= 40; sequence++) {
                    GeneratedTable table = tables.get(random.nextInt(tables.size()));
                    WriteOperation operation = pipeline.preparer().prepare(GeneratedTable.request("n", table));
                    received += isReceived(operation) ? 1 : 0;
                    assertThat(operation.rowCount()).isEqualTo(table.rows().size());
                    apply(pipeline, operation, sequence);
                    expected.addAll(table.rows());
                }
                assertThat(rows(pipeline, "m"))
                        .as("seed %d", seed)
                        .isEqualTo(new TreeMap<>(GeneratedTable.byDay(expected)));
            }
        }
        assertThat(received).as("writes that were familiar").isGreaterThan(4 * SEEDS);
    }

    @Test
    void aPreparedWriteIsNotChangedByThoseBehindIt() throws Exception {
        GeneratedTable first = oneDay(new Random(FIRST_SEED), 4);
        try (Pipeline pipeline = Pipeline.open(folder, allocator)) {
            byte[] request = GeneratedTable.request("n", first);
            pipeline.preparer().prepare(request).close();
            WriteOperation kept = pipeline.preparer().prepare(request);
            assertThat(isReceived(kept)).isTrue();
            for (int i = 0; i < 100; i++) {
                pipeline.preparer().prepare(request).close();
            }
            apply(pipeline, kept, 1);
            assertThat(rows(pipeline, "m")).isEqualTo(new TreeMap<>(GeneratedTable.byDay(first.rows())));
        }
    }

    /// Of at least 64 KiB together, which are to be copied by whoever has the time.
    @Test
    void aWriteIsNotPreparedAtOnceWhereMuchWaitsToBeCopied() throws Exception {
        byte[] small = numbers(1);
        byte[] large = numbers(500);
        try (Pipeline pipeline = Pipeline.open(folder, allocator)) {
            pipeline.preparer().prepare(small).close();
            pipeline.preparer().prepare(large).close();
            Optional<WriteOperation> first = pipeline.preparer().tryPrepare(small);
            assertThat(first).isPresent();
            first.orElseThrow().close();
            List<WriteOperation> prepared = new ArrayList<>();
            for (int bytes = 0; bytes < 64 << 10; bytes += large.length) {
                prepared.add(pipeline.preparer().prepare(large));
            }
            long sequence = 0;
            for (WriteOperation operation : prepared) {
                assertThat(isReceived(operation)).isTrue();
                apply(pipeline, operation, ++sequence);
            }
            assertThat(pipeline.preparer().tryPrepare(small)).isEmpty();
            pipeline.preparer().prepare(small).close(); // copies some
            Optional<WriteOperation> later = pipeline.preparer().tryPrepare(small);
            assertThat(later).isPresent();
            later.orElseThrow().close();

            pipeline.buffer().persist(Optional.empty(), Optional.empty(), FreezeReason.RPC);
            for (Job job : pipeline.jobs()) {
                job.complete();
            }
            for (int look = 0; look < 2; look++) {
                pipeline.buffer().evictIdle(Duration.ZERO);
            }
            assertThat(pipeline.buffer().statistics().partitions())
                    .as("partitions that somebody keeps")
                    .isZero();
        }
    }

    @Test
    void writesPreparedAtOnceShowTheirOwnRows() throws Exception {
        int threads = 8;
        int writes = 200;
        Random random = new Random(FIRST_SEED);
        List<GeneratedTable> tables = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            tables.add(oneDay(random, i + 1));
        }
        try (Pipeline pipeline = Pipeline.open(folder, allocator);
                ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Callable<WriteOperation>> tasks = new ArrayList<>();
            List<Map<String, Object>> expected = new ArrayList<>();
            for (int i = 0; i < writes; i++) {
                GeneratedTable table = tables.get(i % threads);
                byte[] request = GeneratedTable.request("n", table);
                tasks.add(() -> pipeline.preparer().prepare(request));
                expected.addAll(table.rows());
            }
            long sequence = 0;
            for (Future<WriteOperation> prepared : executor.invokeAll(tasks)) {
                apply(pipeline, prepared.get(), ++sequence);
            }
            assertThat(rows(pipeline, "m")).isEqualTo(new TreeMap<>(GeneratedTable.byDay(expected)));
        }
    }

    /// Rows of one day.
    private static byte[] numbers(int rowCount) {
        Int64s.Builder values = Int64s.newBuilder();
        for (int row = 0; row < rowCount; row++) {
            values.addValues(Long.MAX_VALUE - row);
        }
        Int64s.Builder times = Int64s.newBuilder();
        for (int row = 0; row < rowCount; row++) {
            times.addValues(row);
        }
        return WriteRequest.newBuilder()
                .setNamespace("n")
                .addTables(TableBatch.newBuilder()
                        .setTable("m")
                        .setRowCount(rowCount)
                        .addColumns(Column.newBuilder()
                                .setName("v")
                                .setKind(Column.Kind.FIELD)
                                .setI64(values))
                        .addColumns(Column.newBuilder()
                                .setName("time")
                                .setKind(Column.Kind.TIME)
                                .setI64(times)))
                .build()
                .toByteArray();
    }

    /// Rows of one day, so that they can be familiar.
    private static GeneratedTable oneDay(Random random, int rowCount) {
        while (true) {
            GeneratedTable table = GeneratedTable.of(random, "m", rowCount);
            if (GeneratedTable.byDay(table.rows()).size() == 1) {
                return table;
            }
        }
    }

    @Test
    void writesWhosePartitionsFollowFromTagsAreCut() throws Exception {
        Random random = new Random(FIRST_SEED);
        List<GeneratedTable> tables = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            tables.add(oneDay(random, 6)); // but for the tags, they would be familiar the second time
        }
        try (Pipeline pipeline = Pipeline.open(folder, allocator)) {
            pipeline.catalog().createNamespace(Pipeline.NAMESPACE, new PartitionTemplate("%Y|tag:host"));
            int rows = 0;
            for (int sequence = 1; sequence <= 60; sequence++) {
                GeneratedTable table = tables.get(sequence % tables.size());
                pipeline.apply(sequence, GeneratedTable.request("n", table));
                rows += table.rows().size();
            }
            Map<String, Shown> shown = pipeline.show("m");
            assertThat(shown.values().stream().mapToInt(of -> of.rows().size()).sum())
                    .isEqualTo(rows);
            shown.forEach((partition, of) -> assertThat(of.rows().stream()
                            .map(row -> row.getOrDefault("host", "none"))
                            .distinct())
                    .as(partition)
                    .hasSize(1));
        }
    }
}
