package io.sluice.rows.merge;

import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.SortKey;
import io.sluice.model.TableSchema;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntPredicate;
import org.apache.arrow.vector.VarCharVector;

/// Rows in the order of a sort key's tags and then time, each key once: in every column the last value that is not
/// null, in arrival order. Null tags come first, then values in the order of their bytes.
///
/// A view of the batches it was made of, which stay open as long as it is read. Holds 16 bytes a row for the order and
/// the times, and 8 for each series; values are read through a [RowWindow]. Any thread may read.
public final class MergedRows {
    /// The most rows that are merged at once; so the sums and products of row numbers in this package fit an int.
    public static final int MAX_ROWS = 1 << 28;

    private final TableSchema schema;
    private final SortKey sortKey;
    private final List<RowBatch> batches;
    private final int arrivedRows;
    private final List<TagRanks> tags;
    private final SeriesKeys series;
    private final RowOrder.Ordered order;
    private final long minTimeNs;
    private final long maxTimeNs;

    private MergedRows(
            TableSchema schema,
            SortKey sortKey,
            List<RowBatch> batches,
            int arrivedRows,
            List<TagRanks> tags,
            SeriesKeys series,
            RowOrder.Ordered order) {
        this.schema = schema;
        this.sortKey = sortKey;
        this.batches = List.copyOf(batches);
        this.arrivedRows = arrivedRows;
        this.tags = List.copyOf(tags);
        this.series = series;
        this.order = order;
        long min = Long.MAX_VALUE;
        long max = Long.MIN_VALUE;
        for (int row = 0; row < order.keys(); row++) {
            min = Math.min(min, order.times()[row]);
            max = Math.max(max, order.times()[row]);
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
        List<TagRanks> tags = new ArrayList<>();
        for (ColumnName tag : sortKey.tags()) {
            tags.add(TagRanks.of(tag, batches));
        }
        int[] seriesOfRow = new int[(int) allRows];
        SeriesKeys series = SeriesKeys.number(sortKey.tags(), tags, batches, seriesOfRow);
        List<LongBuffer> times = batches.stream()
                .map(batch -> Vectors.longs(batch.time(), batch.rowCount()))
                .toList();
        RowOrder.Ordered order = RowOrder.of(seriesOfRow, series.count(), times);
        return new MergedRows(schema, sortKey, batches, (int) allRows, tags, series, order);
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
        return order.times()[row];
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

    /// How many bytes the values of a row take in memory, on average and roughly.
    public long meanRowBytes() {
        long fixed = Long.BYTES;
        long textBytes = 0;
        for (ColumnSchema column : presentColumns()) {
            if (column.kind() == ColumnKind.TAG) {
                fixed += Integer.BYTES;
            } else if (column.type() == ColumnType.STRING) {
                fixed += Integer.BYTES;
                textBytes += textBytes(column);
            } else {
                fixed += Long.BYTES;
            }
        }
        return fixed + textBytes / Math.max(1, arrivedRows);
    }

    private long textBytes(ColumnSchema column) {
        long bytes = 0;
        for (RowBatch batch : batches) {
            Optional<RowColumn> found = batch.find(column.name());
            if (found.isPresent() && batch.rowCount() > 0) {
                bytes += ((VarCharVector) found.get().values())
                        .getOffsetBuffer()
                        .getInt((long) batch.rowCount() * Integer.BYTES);
            }
        }
        return bytes;
    }

    /// The values of a tag, distinct and in order; perhaps some that no row has. Not to be changed.
    public byte[][] tagValues(ColumnName tag) {
        return ranks(tag).values();
    }

    private TagRanks ranks(ColumnName tag) {
        return tags.get(place(tag));
    }

    /// The place of a tag in the sort key.
    int place(ColumnName tag) {
        int place = sortKey.tags().indexOf(tag);
        if (place < 0) {
            throw new IllegalArgumentException("'%s' is not in the sort key %s".formatted(tag, sortKey.tags()));
        }
        return place;
    }

    /// A window on no rows, to be moved.
    public RowWindow window() {
        return new RowWindow(this);
    }

    List<RowBatch> batches() {
        return batches;
    }

    SeriesKeys series() {
        return series;
    }

    RowOrder.Ordered order() {
        return order;
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

    private int winner(int row, IntPredicate has) {
        for (int place = order.starts()[row + 1] - 1; place >= order.starts()[row]; place--) {
            if (has.test(order.rows()[place])) {
                return order.rows()[place];
            }
        }
        return -1;
    }
}
