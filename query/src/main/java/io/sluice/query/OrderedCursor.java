package io.sluice.query;

import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.SortKey;
import io.sluice.model.TableSchema;
import io.sluice.query.QuerySource.PartitionRows;
import io.sluice.rows.RowBatch;
import io.sluice.rows.merge.MergedRows;
import io.sluice.rows.merge.TimeOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.OutOfMemoryException;
import org.apache.arrow.vector.FieldVector;

/// The rows of a partition in the order of their times, or one for each key. All of the partition's matching rows are
/// put in order before the first leaves; what that takes of the heap is counted as memory of queries.
final class OrderedCursor implements PartitionCursor {
    /// Order and times of the rows, twice while they are sorted.
    private static final long ROW_BYTES = 48;
    /// Where keys are merged: their series, order and times besides.
    private static final long MERGED_ROW_BYTES = 96;
    /// A tag's rank and its translation, where keys are merged.
    private static final long TAG_BYTES = 8;

    private final PartitionRows rows;
    private final BufferAllocator allocator;
    /// The chunks that have matching rows; what they copy of others is theirs to close.
    private final SelectedChunks chunks;

    private final long reservedBytes;
    private final List<List<Optional<Source>>> sources = new ArrayList<>();
    /// Of the rows that are sent, in order: the place in `merged`, or the arrival number if there is none.
    private final int[] order;

    private final Optional<MergedRows> merged;
    private int next;
    private boolean closed;

    private OrderedCursor(
            PartitionRows rows,
            BufferAllocator allocator,
            SelectedChunks chunks,
            long reservedBytes,
            Optional<MergedRows> merged,
            int[] order,
            BatchBuilder batch) {
        this.rows = rows;
        this.allocator = allocator;
        this.chunks = chunks;
        this.reservedBytes = reservedBytes;
        this.merged = merged;
        this.order = order;
        for (RowBatch chunk : chunks.batches()) {
            sources.add(batch.sources(chunk));
        }
    }

    /// Takes the rows over and puts them in order.
    ///
    /// @throws OutOfMemoryException if what that takes goes beyond the limit; the rows are closed
    static OrderedCursor open(
            QueryRequest request,
            TableSchema schema,
            PartitionRows rows,
            ChunkSelector selector,
            BatchBuilder batch,
            BufferAllocator allocator) {
        SelectedChunks chunks = new SelectedChunks();
        long reserved = 0;
        boolean done = false;
        try {
            rows.batches().forEach(chunk -> chunks.add(chunk, selector.select(chunk)));
            reserved = reserve(allocator, chunks.rowCount() * rowBytes(request, schema));
            Optional<MergedRows> merged = Optional.empty();
            int[] order;
            if (request.isMerged()) {
                chunks.copyParts(schema, allocator);
                MergedRows all = MergedRows.of(schema, sortKey(schema), chunks.batches());
                merged = Optional.of(all);
                order = order(request, all);
            } else {
                order = TimeOrder.of(chunks.times());
            }
            OrderedCursor cursor = new OrderedCursor(rows, allocator, chunks, reserved, merged, order, batch);
            done = true;
            return cursor;
        } finally {
            if (!done) {
                release(allocator, reserved);
                chunks.close();
                rows.close();
            }
        }
    }

    /// How much of the heap a row takes at most while rows are put in order.
    private static long rowBytes(QueryRequest request, TableSchema schema) {
        return request.isMerged() ? MERGED_ROW_BYTES + sortKey(schema).tags().size() * TAG_BYTES : ROW_BYTES;
    }

    private static long reserve(BufferAllocator allocator, long bytes) {
        if (bytes > 0 && !allocator.forceAllocate(bytes)) {
            allocator.releaseBytes(bytes);
            throw new OutOfMemoryException(
                    "to put rows in order takes %d bytes: expected at most the %d that are left of %d"
                            .formatted(bytes, Math.max(0, allocator.getHeadroom()), allocator.getLimit()));
        }
        return bytes;
    }

    private static void release(BufferAllocator allocator, long bytes) {
        if (bytes > 0) {
            allocator.releaseBytes(bytes);
        }
    }

    /// All tags, in the table's order: so the rows of a query have one order, whatever tags its chunks have.
    private static SortKey sortKey(TableSchema schema) {
        return new SortKey(schema.columns().stream()
                .filter(column -> column.kind() == ColumnKind.TAG)
                .map(ColumnSchema::name)
                .toList());
    }

    private static int[] order(QueryRequest request, MergedRows merged) {
        return switch (request.order()) {
            case NATURAL -> {
                int[] order = new int[merged.rowCount()];
                Arrays.setAll(order, row -> row);
                yield order;
            }
            case TIME -> {
                long[] times = new long[merged.rowCount()];
                Arrays.setAll(times, merged::timeNs);
                yield TimeOrder.of(times);
            }
        };
    }

    @Override
    public boolean hasMore() {
        return next < order.length;
    }

    @Override
    public void fill(BatchBuilder batch, long max) {
        int count = (int) Math.min(Math.min(max, order.length - next), batch.roomRows());
        int[] wanted = Arrays.copyOfRange(order, next, next + count);
        List<int[]> origins = new ArrayList<>(batch.columns().size());
        for (OutColumn column : batch.columns()) {
            origins.add(origins(column.name(), wanted));
        }
        if (!batch.texts().isEmpty()) {
            count = withinText(batch, origins, count);
        }
        batch.reserve(count);
        for (int place = 0; place < origins.size(); place++) {
            copy(batch.columns().get(place), place, origins.get(place), count);
        }
        batch.appended(count, 0);
        next += count;
    }

    /// The arrival numbers of the rows that have a column's values; -1 where there is none.
    private int[] origins(ColumnName column, int[] wanted) {
        if (merged.isEmpty()) {
            return wanted;
        }
        if (isKey(column)) {
            return merged.get().winners(wanted, _ -> true); // each row of a key has it
        }
        List<Optional<FieldVector>> values = chunks.batches().stream()
                .map(chunk -> chunk.find(column).<FieldVector>map(found -> found.values()))
                .toList();
        return merged.get().winners(wanted, arrival -> {
            int chunk = chunks.chunkOf(arrival);
            Optional<FieldVector> vector = values.get(chunk);
            return vector.isPresent() && !vector.get().isNull(chunks.rowOf(chunk, arrival));
        });
    }

    private boolean isKey(ColumnName column) {
        return merged.orElseThrow()
                .schema()
                .find(column)
                .map(found -> found.kind() != ColumnKind.FIELD)
                .orElse(false);
    }

    private int withinText(BatchBuilder batch, List<int[]> origins, int count) {
        for (int i = 0; i < count; i++) {
            long textBytes = 0;
            for (int place = 0; place < origins.size(); place++) {
                int arrival = origins.get(place)[i];
                if (arrival >= 0) {
                    int chunk = chunks.chunkOf(arrival);
                    Optional<Source> source = sources.get(chunk).get(place);
                    textBytes += source.isPresent()
                            ? batch.columns().get(place).textBytes(source.get(), chunks.rowOf(chunk, arrival), 1)
                            : 0;
                }
            }
            if (!batch.admit(textBytes, i)) {
                return i;
            }
        }
        return count;
    }

    private void copy(OutColumn column, int place, int[] origins, int count) {
        for (int i = 0; i < count; i++) {
            if (origins[i] >= 0) {
                int chunk = chunks.chunkOf(origins[i]);
                int row = chunks.rowOf(chunk, origins[i]);
                Optional<Source> source = sources.get(chunk).get(place);
                if (source.isPresent() && !source.get().column().values().isNull(row)) {
                    column.copyOne(source.get(), row, i);
                }
            }
        }
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            release(allocator, reservedBytes);
            chunks.close();
            rows.close();
        }
    }
}
