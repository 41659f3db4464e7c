package io.sluice.ingester.schema;

import io.sluice.ingester.door.DecodedColumn;
import io.sluice.ingester.door.DecodedWrite.DecodedTable;
import io.sluice.ingester.door.InvalidWriteException;
import io.sluice.model.PartitionKey;
import io.sluice.model.PartitionTemplate;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;

/// Cuts the rows of one decoded table into partitions and copies them into Arrow memory, once. Any thread may call.
public final class PartitionSplitter {
    private final BufferAllocator allocator;

    /// @param allocator where the rows' memory comes from
    public PartitionSplitter(BufferAllocator allocator) {
        this.allocator = allocator;
    }

    /// Rows of one partition; closed by whoever it was handed to.
    public record PartitionRows(PartitionKey key, RowBatch batch) implements AutoCloseable {
        @Override
        public void close() {
            batch.close();
        }
    }

    /// The partitions of a table's rows, each once, in order of first appearance. The rows of each keep their order.
    /// The caller closes them.
    ///
    /// @param maxColumns how many columns the partitions may have together
    /// @throws InvalidWriteException if they would have more; nothing was copied
    /// @throws org.apache.arrow.memory.OutOfMemoryException if there is no memory for the rows; none is kept
    public List<PartitionRows> split(DecodedTable table, PartitionTemplate template, int maxColumns)
            throws InvalidWriteException {
        Map<PartitionKey, RowSelection> byKey = PartitionRouter.route(table, template, maxColumns);
        List<PartitionRows> partitions = new ArrayList<>(byKey.size());
        boolean done = false;
        try {
            for (Map.Entry<PartitionKey, RowSelection> entry : byKey.entrySet()) {
                RowBatch batch = copy(table, entry.getValue(), byKey.size() > 1);
                partitions.add(new PartitionRows(entry.getKey(), batch));
            }
            done = true;
            return partitions;
        } finally {
            if (!done) {
                partitions.forEach(PartitionRows::close);
            }
        }
    }

    private RowBatch copy(DecodedTable table, RowSelection rows, boolean isPart) {
        List<RowColumn> columns = new ArrayList<>(table.columns().size());
        long minTimeNs = Long.MAX_VALUE;
        long maxTimeNs = Long.MIN_VALUE;
        boolean done = false;
        try {
            for (DecodedColumn column : table.columns()) {
                columns.add(ColumnCopier.copy(column, rows, isPart, allocator));
            }
            ByteBuffer times = PartitionRouter.times(table);
            for (int run = 0; run < rows.runs(); run++) {
                for (int row = rows.start(run); row < rows.end(run); row++) {
                    long timeNs = times.getLong(row * Long.BYTES);
                    minTimeNs = Math.min(minTimeNs, timeNs);
                    maxTimeNs = Math.max(maxTimeNs, timeNs);
                }
            }
            RowBatch batch = new RowBatch(columns, rows.rowCount(), minTimeNs, maxTimeNs);
            done = true;
            return batch;
        } finally {
            if (!done) {
                columns.forEach(RowColumn::close);
            }
        }
    }

    /// Rows of a table, as runs `[start, end)` in ascending order.
    static final class RowSelection {
        private int[] bounds = new int[2];
        private int runs;
        private int rowCount;

        void addRun(int start, int end) {
            if (2 * runs == bounds.length) {
                bounds = Arrays.copyOf(bounds, 2 * bounds.length);
            }
            bounds[2 * runs] = start;
            bounds[2 * runs + 1] = end;
            runs++;
            rowCount += end - start;
        }

        int runs() {
            return runs;
        }

        int start(int run) {
            return bounds[2 * run];
        }

        int end(int run) {
            return bounds[2 * run + 1];
        }

        int rowCount() {
            return rowCount;
        }
    }
}
