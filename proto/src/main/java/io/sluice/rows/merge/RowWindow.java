package io.sluice.rows.merge;

import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import java.util.Arrays;
import java.util.Objects;
import java.util.Optional;

/// A stretch of merged rows whose columns can be read, each as a whole. The window is moved along the rows by one
/// thread; between two moves any threads may read columns, each into memory of its own.
///
/// Values are brought from the order of arrival to that of the keys by reading each batch once, from its beginning to
/// its end, and writing each value to its row: a later value of the same key goes over an earlier one, which merges
/// them. Reading in the order of the keys would touch another line of memory for nearly each value.
///
/// Holds 16 bytes for each row that arrived in the stretch.
public final class RowWindow {
    private final MergedRows rows;
    /// Where each batch's rows begin, by arrival number, and where the last one's end.
    private final int[] batchStarts;

    private int from;
    private int to;
    /// Rows of the stretch in the order of their arrival: the arrival number above, the place in the stretch below.
    private long[] moves = new long[0];

    private long[] otherMoves = new long[0];
    private int moveCount;
    /// For each batch its first one in `moves`, and the number of all at the end.
    private final int[] moveStarts;

    RowWindow(MergedRows rows) {
        this.rows = rows;
        this.batchStarts = new int[rows.batches().size() + 1];
        for (int i = 0; i < rows.batches().size(); i++) {
            batchStarts[i + 1] = batchStarts[i] + rows.batches().get(i).rowCount();
        }
        this.moveStarts = new int[batchStarts.length];
    }

    /// Moves the window to the rows `[from, to)`.
    ///
    /// @throws IndexOutOfBoundsException unless `0 <= from <= to <= rowCount`
    public void move(int from, int to) {
        Objects.checkFromToIndex(from, to, rows.rowCount());
        this.from = from;
        this.to = to;
        int[] starts = rows.order().starts();
        int[] arrivals = rows.order().rows();
        moveCount = starts[to] - starts[from];
        if (moves.length < moveCount) {
            moves = new long[moveCount];
        }
        boolean isInOrder = true;
        int at = 0;
        int last = -1;
        for (int row = from; row < to; row++) {
            for (int place = starts[row]; place < starts[row + 1]; place++) {
                int arrival = arrivals[place];
                isInOrder &= arrival > last;
                last = arrival;
                moves[at++] = (long) arrival << Integer.SIZE | row - from;
            }
        }
        if (!isInOrder) {
            sortMoves();
        }
        findBatches();
    }

    /// By arrival, digit by digit.
    private void sortMoves() {
        if (otherMoves.length < moveCount) {
            otherMoves = new long[moves.length];
        }
        int bits = Integer.SIZE - Integer.numberOfLeadingZeros(batchStarts[batchStarts.length - 1]);
        int passes = Math.ceilDiv(bits, 11);
        int digitBits = Math.ceilDiv(bits, passes);
        int[] counts = new int[1 << digitBits];
        for (int shift = Integer.SIZE; shift < Integer.SIZE + bits; shift += digitBits) {
            Arrays.fill(counts, 0);
            int mask = counts.length - 1;
            for (int i = 0; i < moveCount; i++) {
                counts[(int) (moves[i] >>> shift) & mask]++;
            }
            int place = 0;
            for (int digit = 0; digit < counts.length; digit++) {
                int of = counts[digit];
                counts[digit] = place;
                place += of;
            }
            for (int i = 0; i < moveCount; i++) {
                otherMoves[counts[(int) (moves[i] >>> shift) & mask]++] = moves[i];
            }
            long[] swap = moves;
            moves = otherMoves;
            otherMoves = swap;
        }
    }

    private void findBatches() {
        int at = 0;
        for (int batch = 0; batch < batchStarts.length - 1; batch++) {
            moveStarts[batch] = at;
            long end = (long) batchStarts[batch + 1] << Integer.SIZE;
            if (at < moveCount && moves[at] < end) {
                int place = Arrays.binarySearch(moves, at, moveCount, end);
                at = place < 0 ? -place - 1 : place;
            }
        }
        moveStarts[batchStarts.length - 1] = at;
    }

    /// How many rows it shows.
    public int size() {
        return to - from;
    }

    /// Reads the timestamps.
    public void times(NumberColumn into) {
        into.reset(size());
        System.arraycopy(rows.order().times(), from, into.values(), 0, size());
        into.setComplete();
    }

    /// Takes stretches of rows that have the same value of a tag.
    @FunctionalInterface
    public interface TagRuns {
        /// The next rows.
        ///
        /// @param place of their value among [MergedRows#tagValues]; -1 if they have none
        /// @param count how many they are, at least 1
        void run(int place, int count);
    }

    /// Reads a tag of the sort key: the values of all rows of the window in their order. Neighbours may be equal.
    public void tag(ColumnName tag, TagRuns runs) {
        int number = rows.place(tag);
        int[] starts = rows.order().seriesStarts();
        int series = Arrays.binarySearch(starts, from);
        series = series < 0 ? -series - 2 : series;
        int row = from;
        int place = 0;
        int count = 0;
        while (row < to) {
            int end = Math.min(to, starts[series + 1]);
            int next = rows.series().rank(number, series) - 1;
            if (count > 0 && next != place) {
                runs.run(place, count);
                count = 0;
            }
            place = next;
            count += end - row;
            row = end;
            series++;
        }
        if (count > 0) {
            runs.run(place, count);
        }
    }

    /// Reads a field that is no string: integers, the bits of floats, 0 or 1.
    public void numbers(ColumnSchema column, NumberColumn into) {
        into.reset(size());
        boolean isComplete = isComplete(column);
        for (int batch = 0; batch < rows.batches().size(); batch++) {
            int begin = moveStarts[batch];
            int end = moveStarts[batch + 1];
            Optional<RowColumn> found = find(batch, column, begin, end);
            if (found.isPresent()) {
                into.fill(
                        found.get().values(),
                        rows.batches().get(batch).rowCount(),
                        column.type() == ColumnType.BOOL,
                        moves,
                        begin,
                        end,
                        batchStarts[batch],
                        isComplete);
            }
        }
        if (isComplete) {
            into.setComplete();
        }
    }

    /// Reads a string field.
    public void strings(ColumnSchema column, TextColumn into) {
        into.reset(size(), rows.batches().size());
        for (int batch = 0; batch < rows.batches().size(); batch++) {
            int begin = moveStarts[batch];
            int end = moveStarts[batch + 1];
            Optional<RowColumn> found = find(batch, column, begin, end);
            if (found.isPresent()) {
                into.fill(
                        batch,
                        found.get().values(),
                        rows.batches().get(batch).rowCount(),
                        moves,
                        begin,
                        end,
                        batchStarts[batch]);
            }
        }
    }

    private Optional<RowColumn> find(int batch, ColumnSchema column, int begin, int end) {
        return begin == end ? Optional.empty() : rows.batches().get(batch).find(column.name());
    }

    /// Whether it is plain that all rows have a value: no batch with rows in the window lacks one.
    private boolean isComplete(ColumnSchema column) {
        for (int i = 0; i < rows.batches().size(); i++) {
            RowBatch batch = rows.batches().get(i);
            if (moveStarts[i] < moveStarts[i + 1]) {
                Optional<RowColumn> found = batch.find(column.name());
                if (found.isEmpty() || found.get().values().getNullCount() > 0) {
                    return false;
                }
            }
        }
        return true;
    }
}
