package io.sluice.query;

import io.sluice.model.TableSchema;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;

/// The selected rows of a partition's chunks, numbered in the order in which they arrived. For one thread.
final class SelectedChunks implements AutoCloseable {
    private final List<RowBatch> batches = new ArrayList<>();
    private final List<Selection> selections = new ArrayList<>();
    /// Those of `batches` that were copied here.
    private final List<RowBatch> copies = new ArrayList<>();
    /// For each chunk the number of the first row behind it.
    private int[] ends = {};

    private long rowCount;
    private int lastChunk;

    /// Adds a chunk, which stays the caller's.
    void add(RowBatch batch, Selection selection) {
        if (selection.count() == 0) {
            return;
        }
        batches.add(batch);
        selections.add(selection);
        rowCount += selection.count();
        ends = Arrays.copyOf(ends, ends.length + 1);
        ends[ends.length - 1] = Math.toIntExact(rowCount);
    }

    List<RowBatch> batches() {
        return batches;
    }

    long rowCount() {
        return rowCount;
    }

    /// The chunk that has the row of an arrival number.
    int chunkOf(int arrival) {
        // Rows that are next to one another often come from one chunk.
        if (arrival < ends[lastChunk] && (lastChunk == 0 || arrival >= ends[lastChunk - 1])) {
            return lastChunk;
        }
        lastChunk = findChunk(arrival);
        return lastChunk;
    }

    private int findChunk(int arrival) {
        int found = Arrays.binarySearch(ends, arrival);
        return found >= 0 ? found + 1 : -found - 1;
    }

    /// The row of an arrival number in its chunk.
    int rowOf(int chunk, int arrival) {
        return selections.get(chunk).row(chunk == 0 ? arrival : arrival - ends[chunk - 1]);
    }

    /// The timestamps of all rows.
    long[] times() {
        long[] times = new long[Math.toIntExact(rowCount)];
        int at = 0;
        for (int chunk = 0; chunk < batches.size(); chunk++) {
            Selection selection = selections.get(chunk);
            for (int i = 0; i < selection.count(); i++) {
                times[at++] = batches.get(chunk).time().get(selection.row(i));
            }
        }
        return times;
    }

    /// Puts copies of the selected rows in the place of chunks that are not selected whole, or have columns that the
    /// schema lacks: those are of later writes, and null in all rows that are shown.
    void copyParts(TableSchema schema, BufferAllocator allocator) {
        for (int chunk = 0; chunk < batches.size(); chunk++) {
            RowBatch batch = batches.get(chunk);
            Selection selection = selections.get(chunk);
            boolean isKnown = batch.columns().stream()
                    .allMatch(column -> schema.find(column.schema().name()).isPresent());
            if (selection instanceof Selection.Some || !isKnown) {
                RowBatch copy = copy(batch, schema, selection, allocator);
                copies.add(copy);
                batches.set(chunk, copy);
                selections.set(chunk, new Selection.All(selection.count()));
            }
        }
    }

    private static RowBatch copy(RowBatch batch, TableSchema schema, Selection rows, BufferAllocator allocator) {
        List<RowColumn> columns = new ArrayList<>();
        boolean done = false;
        try {
            for (RowColumn column : batch.columns()) {
                if (schema.find(column.schema().name()).isPresent()) {
                    columns.add(copy(column, rows, allocator));
                }
            }
            RowBatch copy = new RowBatch(columns, rows.count(), batch.minTimeNs(), batch.maxTimeNs());
            done = true;
            return copy;
        } finally {
            if (!done) {
                columns.forEach(RowColumn::close);
            }
        }
    }

    private static RowColumn copy(RowColumn column, Selection rows, BufferAllocator allocator) {
        return switch (column) {
            case RowColumn.Tag tag -> {
                RowColumn.Tag whole = tag.share(tag.codes().getValueCount());
                IntVector codes = new IntVector(tag.schema().name().value(), allocator);
                boolean done = false;
                try {
                    copy(tag.codes(), rows, codes);
                    done = true;
                } finally {
                    whole.codes().close();
                    if (!done) {
                        codes.close();
                        whole.dictionary().close();
                    }
                }
                yield new RowColumn.Tag(tag.schema(), codes, whole.dictionary(), tag.numbers());
            }
            case RowColumn.Plain plain -> {
                FieldVector values = RowColumn.newVector(plain.schema(), allocator);
                boolean done = false;
                try {
                    copy(plain.values(), rows, values);
                    done = true;
                } finally {
                    if (!done) {
                        values.close();
                    }
                }
                yield new RowColumn.Plain(plain.schema(), values);
            }
        };
    }

    private static void copy(FieldVector from, Selection rows, FieldVector to) {
        to.setInitialCapacity(rows.count());
        to.allocateNew();
        for (int i = 0; i < rows.count(); i++) {
            int row = rows.row(i);
            if (!from.isNull(row)) {
                to.copyFromSafe(row, i, from);
            }
        }
        to.setValueCount(rows.count());
    }

    @Override
    public void close() {
        copies.forEach(RowBatch::close);
        copies.clear();
    }
}
