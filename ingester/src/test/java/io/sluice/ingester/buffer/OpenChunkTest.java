package io.sluice.ingester.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.ingester.door.ShapedReader;
import io.sluice.ingester.door.ShapedRows;
import io.sluice.ingester.door.WriteDecoder;
import io.sluice.ingester.fixture.BatchRows;
import io.sluice.ingester.fixture.DirtyMemory;
import io.sluice.ingester.fixture.GeneratedTable;
import io.sluice.ingester.schema.PartitionSplitter;
import io.sluice.ingester.schema.PartitionSplitter.PartitionRows;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SequenceNumber;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import io.sluice.rows.TagIndexes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.OutOfMemoryException;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BaseFixedWidthVector;
import org.apache.arrow.vector.BitVector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/// Where small writes gather, with columns of every kind and type that come and go, against a plain list of rows.
final class OpenChunkTest {
    private static final long FIRST_SEED = 7_000;

    private final RootAllocator allocator = DirtyMemory.allocator();
    private final ShapedReader reader = new ShapedReader();

    @AfterEach
    void close() {
        allocator.close();
    }

    /// One write's rows, in Arrow memory.
    private List<RowBatch> batches(Random random) throws Exception {
        GeneratedTable table = GeneratedTable.of(random, "m", random.nextInt(1, 12));
        return new PartitionSplitter(allocator)
                        .split(
                                WriteDecoder.decode(GeneratedTable.request("n", table))
                                        .tables()
                                        .getFirst(),
                                PartitionTemplate.DAILY,
                                1_000)
                        .stream()
                        .map(PartitionRows::batch)
                        .toList();
    }

    private ShapedRows shaped(byte[] request) throws Exception {
        if (reader.isFull()) {
            reader.forget();
        }
        assertThat(reader.learn(WriteDecoder.decode(request))).isTrue();
        assertThat(reader.tryRead(request)).isTrue();
        return reader.tables().getFirst();
    }

    /// What a reader took references to, and what it saw then.
    private record Taken(RowBatch batch, List<Map<String, Object>> rows) {
        void check(long seed) {
            assertThat(BatchRows.of(batch))
                    .as("seed %d: what a reader holds", seed)
                    .isEqualTo(rows);
            for (RowColumn column : batch.columns()) {
                assertThat(dirty(column))
                        .as("seed %d, %s", seed, column.schema())
                        .isEmpty();
            }
            batch.close();
        }
    }

    /// Null rows under which a reader would find what was somebody else's.
    private static List<Integer> dirty(RowColumn column) {
        List<Integer> rows = new ArrayList<>();
        if (column.values() instanceof BaseFixedWidthVector values && !(values instanceof BitVector)) {
            long width = values.getTypeWidth();
            for (int row = 0; row < values.getValueCount(); row++) {
                if (values.isNull(row) && values.getDataBuffer().getByte(row * width) == DirtyMemory.DIRT) {
                    rows.add(row);
                }
            }
        }
        return rows;
    }

    @Test
    @DisplayName("Invariant 5: every cut shows the rows up to it as they were, whatever is appended afterwards")
    void everyCutShowsTheRowsUpToItAndNeverChanges() throws Exception {
        for (long seed = FIRST_SEED; seed < FIRST_SEED + 60; seed++) {
            Random random = new Random(seed);
            List<Taken> taken = new ArrayList<>();
            try (OpenChunk chunk = new OpenChunk(allocator, new TagIndexes())) {
                List<Map<String, Object>> rows = new ArrayList<>();
                List<Integer> through = new ArrayList<>(List.of(0)); // by number
                for (int write = random.nextInt(1, 20); write > 0; write--) {
                    for (RowBatch batch : batches(random)) {
                        rows.addAll(BatchRows.of(batch));
                        chunk.append(batch, new SequenceNumber(through.size()));
                        through.add(rows.size());
                        batch.close();
                    }
                    int asOf = random.nextInt(1, through.size());
                    int count = chunk.rowsThrough(new SequenceNumber(asOf));
                    assertThat(count).as("seed %d, as of %d", seed, asOf).isEqualTo(through.get(asOf));
                    taken.add(new Taken(chunk.share(count), List.copyOf(rows.subList(0, count))));
                }
                assertThat(chunk.rowCount()).isEqualTo(rows.size());
                try (Chunk sealed = chunk.seal()) {
                    assertThat(chunk.isEmpty()).isTrue();
                    assertThat(chunk.memoryBytes()).isZero();
                    for (int asOf = 1; asOf < through.size(); asOf++) {
                        int count = sealed.rowsThrough(new SequenceNumber(asOf));
                        taken.add(new Taken(sealed.share(count), List.copyOf(rows.subList(0, through.get(asOf)))));
                    }
                    // The chunk goes on with rows that have nothing to do with the sealed ones.
                    List<Map<String, Object>> next = new ArrayList<>();
                    for (RowBatch batch : batches(random)) {
                        next.addAll(BatchRows.of(batch));
                        chunk.append(batch, new SequenceNumber(1_000 + next.size()));
                        batch.close();
                    }
                    taken.add(new Taken(chunk.share(next.size()), next));
                }
            }
            for (Taken one : taken) {
                one.check(seed);
            }
            assertThat(allocator.getAllocatedMemory()).as("seed %d", seed).isZero();
        }
    }

    /// Copied from the writes into one chunk, and that into another that has rows already: all rows, at every cut.
    @Test
    @DisplayName("Invariant 5: rows that were gathered from their writes show as those applied one by one do")
    void rowsThatWereGatheredAreThoseOfTheWrites() throws Exception {
        for (long seed = FIRST_SEED; seed < FIRST_SEED + 60; seed++) {
            Random random = new Random(seed);
            List<Map<String, Object>> rows = new ArrayList<>();
            List<Integer> through = new ArrayList<>(List.of(0)); // by number
            try (OpenChunk gathered = new OpenChunk(allocator, new TagIndexes());
                    OpenChunk open = new OpenChunk(allocator, new TagIndexes())) {
                for (int round = 0; round < 3; round++) {
                    for (int write = random.nextInt(1, 10); write > 0; write--) {
                        GeneratedTable table = GeneratedTable.of(random, "m", random.nextInt(1, 12));
                        gathered.append(shaped(GeneratedTable.request("n", table)), new SequenceNumber(through.size()));
                        rows.addAll(table.rows());
                        through.add(rows.size());
                    }
                    try (Chunk sealed = gathered.seal()) {
                        int last = through.size() - 1;
                        assertThat(sealed.rowsThrough(new SequenceNumber(last))).isEqualTo(sealed.rowCount());
                        open.append(sealed);
                    }
                }
                for (int asOf = 0; asOf < through.size(); asOf++) {
                    int count = open.rowsThrough(new SequenceNumber(asOf));
                    assertThat(count).as("seed %d, as of %d", seed, asOf).isEqualTo(through.get(asOf));
                    try (RowBatch cut = open.share(count)) {
                        assertThat(BatchRows.of(cut)).as("seed %d", seed).isEqualTo(rows.subList(0, count));
                        for (Map<String, Object> row : rows.subList(0, count)) {
                            assertThat(GeneratedTable.timeNs(row)).isBetween(cut.minTimeNs(), cut.maxTimeNs());
                        }
                    }
                }
            }
            assertThat(allocator.getAllocatedMemory()).as("seed %d", seed).isZero();
        }
    }

    @Test
    void memoryIsWhatTheAllocatorGaveAndNothingWhenEmpty() throws Exception {
        try (BufferAllocator own = allocator.newChildAllocator("chunk", 0, Long.MAX_VALUE);
                OpenChunk chunk = new OpenChunk(own, new TagIndexes())) {
            assertThat(chunk.memoryBytes()).isZero();
            Random random = new Random(FIRST_SEED);
            for (int sequence = 1; sequence < 200; sequence += 20) {
                int number = sequence;
                for (RowBatch batch : batches(random)) {
                    chunk.append(batch, new SequenceNumber(number++));
                    batch.close();
                }
                assertThat(chunk.memoryBytes())
                        .as("Arrow's memory, and a little for the numbers")
                        .isBetween(own.getAllocatedMemory(), own.getAllocatedMemory() + 12L * 256);
            }
        }
    }

    /// A write that finds no memory leaves no trace: neither its rows, nor values in rows of the write behind it.
    @Test
    @DisplayName("Invariant 1: a write that does not apply shows in no row, not even in a later write's")
    void whenMemoryRunsOutTheChunkIsAsItWasBefore() throws Exception {
        int failures = 0;
        for (long seed = FIRST_SEED; seed < FIRST_SEED + 6; seed++) {
            long needed = run(seed, Long.MAX_VALUE);
            for (long limit = 0; limit < needed; limit += Math.max(64, needed / 60)) {
                try {
                    run(seed, limit);
                } catch (OutOfMemoryException e) {
                    failures++;
                }
            }
        }
        assertThat(failures).as("runs in which even the reader found no memory").isLessThan(6 * 60);
    }

    /// Appends writes with a limit, leaves out those that find no memory, and compares; returns the most memory used.
    private long run(long seed, long limit) throws Exception {
        Random random = new Random(seed);
        try (BufferAllocator limited = allocator.newChildAllocator("limited", 0, limit);
                OpenChunk chunk = new OpenChunk(limited, new TagIndexes())) {
            List<Map<String, Object>> rows = new ArrayList<>();
            long sequence = 0;
            for (int write = 0; write < 12; write++) {
                for (RowBatch batch : batches(random)) {
                    try (batch) {
                        sequence++;
                        chunk.append(batch, new SequenceNumber(sequence));
                        rows.addAll(BatchRows.of(batch));
                    } catch (OutOfMemoryException e) {
                        assertThat(limit).isLessThan(Long.MAX_VALUE);
                    }
                    assertThat(chunk.rowCount())
                            .as("seed %d, limit %d", seed, limit)
                            .isEqualTo(rows.size());
                    assertThat(chunk.rowsThrough(new SequenceNumber(sequence))).isEqualTo(rows.size());
                }
            }
            if (!rows.isEmpty()) {
                try (RowBatch shown = chunk.share(rows.size())) {
                    assertThat(BatchRows.of(shown))
                            .as("seed %d, limit %d", seed, limit)
                            .isEqualTo(rows);
                }
            }
            return limited.getPeakMemoryAllocation();
        }
    }

    @Test
    void sharingWithoutMemoryGivesBackWhatItTook() throws Exception {
        int failures = 0;
        for (long seed = FIRST_SEED; seed < FIRST_SEED + 60; seed++) {
            Random random = new Random(seed);
            try (BufferAllocator own = allocator.newChildAllocator("chunk", 0, Long.MAX_VALUE);
                    OpenChunk chunk = new OpenChunk(own, new TagIndexes())) {
                List<Map<String, Object>> rows = new ArrayList<>();
                for (RowBatch batch : batches(random)) {
                    rows.addAll(BatchRows.of(batch));
                    chunk.append(batch, new SequenceNumber(rows.size()));
                    batch.close();
                }
                long held = own.getAllocatedMemory();
                for (long more = 0; more < 64; more += 8) {
                    own.setLimit(held + more);
                    try (RowBatch shown = chunk.share(rows.size())) {
                        assertThat(BatchRows.of(shown)).isEqualTo(rows);
                    } catch (OutOfMemoryException e) {
                        failures++;
                    }
                    assertThat(own.getAllocatedMemory())
                            .as("seed %d, %d more bytes", seed, more)
                            .isEqualTo(held);
                }
                own.setLimit(Long.MAX_VALUE);
                try (Chunk sealed = chunk.seal();
                        RowBatch shown = sealed.share(rows.size())) {
                    assertThat(BatchRows.of(shown)).isEqualTo(rows);
                }
            }
        }
        assertThat(failures).isGreaterThan(30);
    }
}
