package io.sluice.rows.merge;

import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.SortKey;
import io.sluice.model.TableSchema;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntPredicate;
import org.apache.arrow.vector.BaseFixedWidthVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VarCharVector;

/// Rows in the order of a sort key's tags and then time, each key once: in every column the last value that is not
/// null, in arrival order. Null tags come first, then values in the order of their bytes.
///
/// A view of the batches it was made of, which stay open as long as it is read. Holds 8 bytes a row for the order, 4
/// for each tag, 8 for the time; a column of values that is read takes 8 more while it is. For one thread.
public final class MergedRows {
    /// The most rows that are merged at once; so the sums and products of row numbers in this package fit an int.
    public static final int MAX_ROWS = 1 << 28;

    private final TableSchema schema;
    private final SortKey sortKey;
    private final List<RowBatch> batches;
    private final int arrivedRows;
    private final Map<ColumnName, TagRanks> tags;
    private final RowOrder.Ordered order;
    private final long[] times;
    private final long minTimeNs;
    private final long maxTimeNs;

    private MergedRows(
            TableSchema schema,
            SortKey sortKey,
            List<RowBatch> batches,
            int arrivedRows,
            Map<ColumnName, TagRanks> tags,
            RowOrder.Ordered order,
            long[] times) {
        this.schema = schema;
        this.sortKey = sortKey;
        this.batches = batches;
        this.arrivedRows = arrivedRows;
        this.tags = tags;
        this.order = order;
        this.times = times;
        long min = Long.MAX_VALUE;
        long max = Long.MIN_VALUE;
        for (long timeNs : times) {
            min = Math.min(min, timeNs);
            max = Math.max(max, timeNs);
        }
        this.minTimeNs = min;
        this.maxTimeNs = max;
    }

    /// Sorts and merges.
    ///
    /// @param batches in arrival order
    /// @param schema at least as new as every batch
    /// @throws IllegalArgumentException if a tag has values and is not in the sort key, a batch has a column
    ///     that the schema lacks, or there are more than [#MAX_ROWS] rows
    public static MergedRows of(TableSchema schema, SortKey sortKey, List<RowBatch> batches) {
        long allRows = batches.stream().mapToLong(RowBatch::rowCount).sum();
        if (allRows > MAX_ROWS) {
            throw new IllegalArgumentException("table '%s' has %d rows to merge: expected at most %d"
                    .formatted(schema.table(), allRows, MAX_ROWS));
        }
        batches.forEach(batch -> checkColumns(schema, batch));
        SortKey needed = SortKeys.extend(sortKey, batches);
        if (!needed.equals(sortKey)) {
            throw new IllegalArgumentException("table '%s' has tags that its sort key %s lacks: expected %s"
                    .formatted(schema.table(), sortKey.tags(), needed.tags()));
        }
        int rowCount = (int) allRows;
        Map<ColumnName, TagRanks> tags = new HashMap<>();
        List<TagRanks> inOrder = new ArrayList<>();
        for (ColumnName tag : sortKey.tags()) {
            TagRanks ranks = TagRanks.of(tag, batches, rowCount);
            tags.put(tag, ranks);
            inOrder.add(ranks);
        }
        long[] times = new long[rowCount];
        int at = 0;
        for (RowBatch batch : batches) {
            for (int row = 0; row < batch.rowCount(); row++) {
                times[at++] = batch.time().get(row);
            }
        }
        return new MergedRows(schema, sortKey, batches, rowCount, tags, RowOrder.of(inOrder, times), times);
    }

    // A column that is passed over would be in no file, and its values lost.
    private static void checkColumns(TableSchema schema, RowBatch batch) {
        for (RowColumn column : batch.columns()) {
            Optional<ColumnSchema> known = schema.find(column.schema().name());
            if (!known.equals(Optional.of(column.schema()))) {
                throw new IllegalArgumentException("table '%s' has no column '%s' of kind %s: found %s"
                        .formatted(
                                schema.table(),
                                column.schema().name(),
                                column.schema().describe(),
                                known.map(ColumnSchema::describe).orElse("none")));
            }
        }
    }

    public TableSchema schema() {
        return schema;
    }

    public SortKey sortKey() {
        return sortKey;
    }

    /// Rows after merging.
    public int rowCount() {
        return order.keys();
    }

    /// Rows that were merged into others.
    public int duplicates() {
        return arrivedRows - order.keys();
    }

    public long minTimeNs() {
        return minTimeNs;
    }

    public long maxTimeNs() {
        return maxTimeNs;
    }

    /// The timestamp of a row, nanoseconds since the epoch.
    public long timeNs(int row) {
        return times[order.rows()[order.starts()[row]]];
    }

    /// The columns that have a value in some row, in the schema's order, without `time`.
    public List<ColumnSchema> presentColumns() {
        return schema.columns().stream()
                .filter(column -> !column.equals(ColumnSchema.TIME) && isPresent(column))
                .toList();
    }

    private boolean isPresent(ColumnSchema column) {
        for (RowBatch batch : batches) {
            Optional<RowColumn> found = batch.find(column.name());
            if (found.isPresent() && found.get().values().getNullCount() < batch.rowCount()) {
                return true;
            }
        }
        return false;
    }

    /// The values of a tag, distinct and in order.
    public byte[][] tagValues(ColumnName tag) {
        return ranks(tag).values();
    }

    /// The place of each row's value among [#tagValues]; -1 if it is null.
    public int[] tagPlaces(ColumnName tag) {
        int[] ranks = ranks(tag).ranks();
        int[] places = new int[rowCount()];
        for (int row = 0; row < places.length; row++) {
            places[row] = ranks[order.rows()[order.starts()[row]]] - 1;
        }
        return places;
    }

    private TagRanks ranks(ColumnName tag) {
        TagRanks ranks = tags.get(tag);
        if (ranks == null) {
            throw new IllegalArgumentException("'%s' is not in the sort key %s".formatted(tag, sortKey.tags()));
        }
        return ranks;
    }

    /// The values of a field of 64 bits or of one: integers, the bits of floats, 0 or 1.
    ///
    /// @param present which rows have one
    public record Numbers(long[] values, BitSet present) {}

    /// The values of a field that is no string.
    public Numbers numbers(ColumnSchema column) {
        long[] arrived = new long[arrivedRows];
        BitSet has = new BitSet(arrivedRows);
        int at = 0;
        for (RowBatch batch : batches) {
            Optional<RowColumn> found = batch.find(column.name());
            if (found.isPresent()) {
                copy(found.get().values(), batch.rowCount(), arrived, has, at);
            }
            at += batch.rowCount();
        }
        int[] winners = winners(has);
        long[] values = new long[winners.length];
        BitSet present = new BitSet(winners.length);
        for (int row = 0; row < winners.length; row++) {
            if (winners[row] >= 0) {
                values[row] = arrived[winners[row]];
                present.set(row);
            }
        }
        return new Numbers(values, present);
    }

    private static void copy(FieldVector vector, int rowCount, long[] arrived, BitSet has, int at) {
        for (int row = 0; row < rowCount; row++) {
            if (!vector.isNull(row)) {
                has.set(at + row);
                arrived[at + row] = vector instanceof BitVector bits
                        ? bits.get(row)
                        : ((BaseFixedWidthVector) vector).getDataBuffer().getLong((long) row * Long.BYTES);
            }
        }
    }

    /// The values of a string field.
    public static final class Strings {
        private final List<Optional<VarCharVector>> vectors;
        private final int[] ends;
        private final int[] winners;

        private Strings(List<Optional<VarCharVector>> vectors, int[] ends, int[] winners) {
            this.vectors = vectors;
            this.ends = ends;
            this.winners = winners;
        }

        public boolean isPresent(int row) {
            return winners[row] >= 0;
        }

        /// A copy of a row's value.
        public byte[] get(int row) {
            int batch = Arrays.binarySearch(ends, winners[row]);
            // ends[i] is the first row behind batch i; a row that equals it belongs to a later, non-empty batch.
            batch = batch < 0 ? -batch - 1 : batch + 1;
            while (winners[row] >= ends[batch]) {
                batch++;
            }
            int start = batch == 0 ? 0 : ends[batch - 1];
            return vectors.get(batch).orElseThrow().get(winners[row] - start);
        }
    }

    /// The values of a string field.
    public Strings strings(ColumnSchema column) {
        BitSet has = new BitSet(arrivedRows);
        List<Optional<VarCharVector>> vectors = new ArrayList<>(batches.size());
        int[] ends = new int[batches.size()];
        int at = 0;
        for (int i = 0; i < batches.size(); i++) {
            RowBatch batch = batches.get(i);
            Optional<VarCharVector> vector = batch.find(column.name()).map(found -> (VarCharVector) found.values());
            if (vector.isPresent()) {
                for (int row = 0; row < batch.rowCount(); row++) {
                    if (!vector.get().isNull(row)) {
                        has.set(at + row);
                    }
                }
            }
            vectors.add(vector);
            at += batch.rowCount();
            ends[i] = at;
        }
        return new Strings(vectors, ends, winners(has));
    }

    /// For each of some rows the arrival number of the row that has the value that counts in a column; -1 if there is
    /// none. Rows arrive in the order of the batches, numbered from 0 on.
    ///
    /// @param rows places in the merged order
    /// @param has whether the row of an arrival number has a value in the column
    public int[] winners(int[] rows, IntPredicate has) {
        int[] winners = new int[rows.length];
        for (int i = 0; i < rows.length; i++) {
            winners[i] = winner(rows[i], has);
        }
        return winners;
    }

    private int[] winners(BitSet has) {
        int[] winners = new int[rowCount()];
        for (int row = 0; row < winners.length; row++) {
            winners[row] = winner(row, has::get);
        }
        return winners;
    }

    private int winner(int row, IntPredicate has) {
        for (int place = order.starts()[row + 1] - 1; place >= order.starts()[row]; place--) {
            if (has.test(order.rows()[place])) {
                return order.rows()[place];
            }
        }
        return -1;
    }
}
