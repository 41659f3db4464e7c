package io.sluice.ingester.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.model.ColumnSchema;
import io.sluice.model.SequenceNumber;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import io.sluice.rows.TimeRange;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.TimeStampNanoTZVector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Small writes become chunks of one size, whose memory is taken for as many rows as they have.
final class FillingRowsTest {
    private static final int WRITE_ROWS = 1_000;
    /// The most that are not more than 32,768 rows.
    private static final int WRITES_OF_CHUNK = 32;
    /// Of a row's time, and its share of what tells that it is there.
    private static final double ROW_BYTES = 8.125;

    private final RootAllocator allocator = new RootAllocator();
    private final AtomicLong ledger = new AtomicLong();
    private final FillingRows filling =
            new FillingRows(allocator, new SealedChunks.Size(1 << 20, 1 << 30, 1), ledger::addAndGet);
    private long sequence;

    @AfterEach
    void close() {
        filling.release();
        assertThat(ledger).hasValue(0);
        allocator.close();
    }

    private void write(int writes) {
        for (int i = 0; i < writes; i++) {
            SequenceNumber number = new SequenceNumber(++sequence);
            try (RowBatch rows = rows()) {
                assertThat(filling.add(rows, number)).isFalse();
            }
            filling.added(number, 0);
        }
    }

    private RowBatch rows() {
        TimeStampNanoTZVector time = new TimeStampNanoTZVector("time", allocator, "UTC");
        time.allocateNew(WRITE_ROWS);
        for (int row = 0; row < WRITE_ROWS; row++) {
            time.set(row, row);
        }
        time.setValueCount(WRITE_ROWS);
        return new RowBatch(List.of(new RowColumn.Plain(ColumnSchema.TIME, time)), WRITE_ROWS, 0, WRITE_ROWS);
    }

    private List<Integer> chunkRows() {
        List<RowBatch> shared = new ArrayList<>();
        filling.share(new SequenceNumber(sequence), TimeRange.ALL, shared);
        List<Integer> rows = shared.stream().map(RowBatch::rowCount).toList();
        shared.forEach(RowBatch::close);
        return rows;
    }

    @Test
    void chunksEndBeforeAWriteThatIsTooMuch() {
        write(2 * WRITES_OF_CHUNK + 1);
        assertThat(chunkRows()).containsExactly(32_000, 32_000, 1_000);
    }

    @Test
    void fullChunksTakeLittleMoreThanTheirRows() {
        write(10 * WRITES_OF_CHUNK);
        assertThat(ledger.get()).isLessThan((long) (1.05 * ROW_BYTES * filling.rowCount()));
    }

    @Test
    void theChunkBehindAFullOneTakesItsMemoryAtOnce() {
        write(WRITES_OF_CHUNK + 1);
        long afterFirst = ledger.get();
        write(WRITES_OF_CHUNK - 1);
        // What is left are the notes of which rows are of which write.
        assertThat(ledger.get() - afterFirst).isLessThan(WRITES_OF_CHUNK * 64L);
    }

    @Test
    void nothingIsTakenAheadBehindWhatWasCutOff() {
        write(WRITES_OF_CHUNK + 1);
        Frozen frozen = filling.cut(SequenceNumber.NONE, new SequenceNumber(sequence));
        frozen.chunks().forEach(Chunk::close);
        ledger.addAndGet(-frozen.memoryBytes());
        write(1);
        assertThat(ledger.get()).isLessThan(2 * WRITE_ROWS * Long.BYTES * 2L);
    }
}
