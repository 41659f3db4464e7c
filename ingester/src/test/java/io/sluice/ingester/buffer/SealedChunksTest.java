package io.sluice.ingester.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.ingester.buffer.SealedChunks.Neighbours;
import io.sluice.model.ColumnSchema;
import io.sluice.model.SequenceNumber;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import io.sluice.rows.TimeRange;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.TimeStampNanoTZVector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Which chunks are put together.
final class SealedChunksTest {
    private static final int ROWS = 100;
    private static final long FIRST_SEED = 300;

    private final RootAllocator allocator = new RootAllocator();
    private final SealedChunks chunks = new SealedChunks(new SealedChunks.Size(ROWS, 1 << 20, 10));
    private long sequence;

    @AfterEach
    void close() {
        chunks.release();
        allocator.close();
    }

    private Chunk chunk(int rows) {
        return chunk(0, rows);
    }

    private Chunk chunk(long firstNs, int rows) {
        TimeStampNanoTZVector time = new TimeStampNanoTZVector("time", allocator, "UTC");
        time.allocateNew(rows);
        for (int row = 0; row < rows; row++) {
            time.set(row, firstNs + row);
        }
        time.setValueCount(rows);
        return Chunk.ofOneWrite(
                new RowBatch(List.of(new RowColumn.Plain(ColumnSchema.TIME, time)), rows, firstNs, firstNs + rows),
                new SequenceNumber(++sequence));
    }

    private void add(int... rows) {
        Arrays.stream(rows).forEach(count -> chunks.add(chunk(count)));
    }

    private Optional<Neighbours> found() {
        return chunks.findSmall(TimeRange.ALL);
    }

    /// Puts a chunk of as many rows in the place of others.
    private void replace(Neighbours old) {
        assertThat(chunks.tryReplace(
                        old,
                        chunk(old.chunks().stream().mapToInt(Chunk::rowCount).sum())))
                .isTrue();
        old.chunks().forEach(Chunk::close);
    }

    private List<Integer> rows() {
        return chunks.all().stream().map(Chunk::rowCount).toList();
    }

    @Test
    void tooFewRowsStayAsTheyAre() {
        add(40, 50, 9);
        assertThat(found()).isEmpty();
        add(1);
        assertThat(found()).hasValueSatisfying(old -> assertThat(old.chunks()).hasSize(4));
    }

    @Test
    void smallChunksAreWorthIfQueriesHaveMetEnoughOfThem() {
        add(40, 50);
        assertThat(chunks.meetSmall(TimeRange.ALL)).as("too few rows").isFalse();
        add(10, 60, 40);
        for (int query = 1; query <= 3; query++) {
            assertThat(chunks.meetSmall(TimeRange.ALL))
                    .as("%d of ten", 3 * query)
                    .isFalse();
        }
        assertThat(chunks.meetSmall(TimeRange.ALL)).as("twelve").isTrue();
        assertThat(chunks.meetSmall(TimeRange.ALL)).as("nobody had the time").isTrue();
        replace(found().orElseThrow());
        assertThat(chunks.meetSmall(TimeRange.ALL)).as("a large one and others").isFalse();
    }

    @Test
    void whatWasPutTogetherIsNotPutTogetherAgain() {
        add(50, 50, 50, 50, 10);
        replace(found().orElseThrow());
        replace(found().orElseThrow());
        assertThat(rows()).containsExactly(100, 100, 10);
        assertThat(found()).isEmpty();
    }

    @Test
    void aLargeChunkIsNotCopied() {
        add(10, 51, 50, 49, 1);
        replace(found().orElseThrow());
        assertThat(rows()).containsExactly(10, 51, 100);
    }

    @Test
    void manySmallChunksBeforeALargeOneArePutTogether() {
        add(1, 1, 1, 1, 1, 1, 1, 1, 70, 1, 1, 1, 1, 1, 1, 1, 70);
        replace(found().orElseThrow());
        assertThat(rows()).as("eight are enough").containsExactly(8, 70, 1, 1, 1, 1, 1, 1, 1, 70);
        assertThat(found()).as("seven are not").isEmpty();
    }

    @Test
    void manyBytesAreEnough() {
        SealedChunks wide = new SealedChunks(new SealedChunks.Size(1_000_000, 4_096, 1));
        for (int i = 0; i < 5; i++) {
            wide.add(chunk(100));
        }
        assertThat(wide.findSmall(TimeRange.ALL))
                .hasValueSatisfying(old -> assertThat(old.chunks()).hasSizeBetween(2, 4));
        wide.release();
    }

    @Test
    void chunksThatSomebodyElseHasReplacedAreNot() {
        add(50, 50);
        Neighbours first = found().orElseThrow();
        Neighbours second = found().orElseThrow();
        replace(first);
        try (Chunk late = chunk(100)) {
            assertThat(chunks.tryReplace(second, late)).isFalse();
            add(40, 60);
            assertThat(chunks.tryReplace(second, late))
                    .as("others in its place")
                    .isFalse();
        }
        assertThat(rows()).containsExactly(100, 40, 60);
    }

    @Test
    void chunksOfOtherTimesAreLeftAsTheyAre() {
        for (int hour = 0; hour < 5; hour++) {
            chunks.add(chunk(hour * 1_000L, 49));
            chunks.add(chunk(hour * 1_000L, 50));
            chunks.add(chunk(hour * 1_000L, 1));
        }
        TimeRange third = TimeRange.between(2_000, 2_500);
        for (int query = 1; query <= 3; query++) {
            assertThat(chunks.meetSmall(third)).as("%d of ten", 3 * query).isFalse();
        }
        assertThat(chunks.meetSmall(third)).isTrue();
        replace(chunks.findSmall(third).orElseThrow());
        assertThat(rows()).containsExactly(49, 50, 1, 49, 50, 1, 100, 49, 50, 1, 49, 50, 1);
        assertThat(chunks.findSmall(third)).isEmpty();
        assertThat(chunks.findSmall(TimeRange.between(4_999, 5_000))).isEmpty();
        replace(chunks.findSmall(TimeRange.between(0, 2_000)).orElseThrow());
        replace(found().orElseThrow());
        replace(found().orElseThrow());
        replace(found().orElseThrow());
        assertThat(rows()).containsExactly(100, 100, 100, 100, 100);
        assertThat(found()).isEmpty();
    }

    @Test
    void inTheEndFewChunksAreLeftAndEachRowWasCopiedAtMostOnce() {
        for (long seed = FIRST_SEED; seed < FIRST_SEED + 50; seed++) {
            Random random = new Random(seed);
            List<Integer> added = new ArrayList<>();
            long copied = 0;
            for (int step = 0; step < 300; step++) {
                int count = random.nextInt(20) == 0 ? random.nextInt(51, 200) : random.nextInt(1, 50);
                added.add(count);
                chunks.add(chunk(random.nextInt(10_000), count));
                long fromNs = random.nextInt(10_000);
                Optional<Neighbours> old =
                        step < 200 ? chunks.findSmall(TimeRange.between(fromNs, fromNs + 1_000)) : found();
                if (old.isPresent()) {
                    copied += old.get().chunks().stream()
                            .mapToInt(Chunk::rowCount)
                            .sum();
                    replace(old.get());
                }
            }
            long all = added.stream().mapToInt(Integer::intValue).sum();
            assertThat(chunks.rowCount()).as("seed %d", seed).isEqualTo(all);
            assertThat(copied).as("seed %d", seed).isBetween(all / 2, all);
            assertThat(chunks.all().size()).as("seed %d", seed).isLessThan(added.size() / 2);
            assertThat(chunks.memoryBytes())
                    .as("seed %d", seed)
                    .isEqualTo(
                            chunks.all().stream().mapToLong(Chunk::memoryBytes).sum());
            chunks.release();
        }
    }
}
