package io.sluice.query;

import io.sluice.model.ColumnSchema;
import io.sluice.query.OutColumn.Source;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/// Puts rows of a partition's chunks, which may have different columns and dictionaries, into batches of one schema:
/// small chunks side by side in one batch, and of a large one that is wanted whole the chunk's own memory.
///
/// For one thread.
final class BatchBuilder {
    private final List<OutColumn> columns = new ArrayList<>();
    private final List<OutColumn> texts = new ArrayList<>();
    private final Map<Integer, StreamDictionary> dictionaries;
    private final VectorSchemaRoot root;
    private final BatchLimits limits;
    /// Of a row, without its text.
    private final int fixedBytes;

    private int rowCount;
    private long bytes;
    private boolean isSlice;

    /// @param dictionaries of the tags, by place in `columns`
    BatchBuilder(
            List<ColumnSchema> schemas,
            Map<Integer, StreamDictionary> dictionaries,
            VectorSchemaRoot root,
            BatchLimits limits) {
        this.dictionaries = dictionaries;
        this.root = root;
        this.limits = limits;
        int rowBytes = 1; // booleans and nulls take bits
        for (int place = 0; place < schemas.size(); place++) {
            FieldVector vector = root.getVector(place);
            var name = schemas.get(place).name();
            switch (vector) {
                case IntVector codes -> {
                    columns.add(new OutColumn.Codes(name, codes));
                    rowBytes += Integer.BYTES;
                }
                case BitVector bits -> columns.add(new OutColumn.Bits(name, bits));
                case VarCharVector text -> {
                    columns.add(new OutColumn.Text(name, text));
                    texts.add(columns.getLast());
                    rowBytes += Integer.BYTES;
                }
                default -> {
                    columns.add(new OutColumn.Fixed(name, vector));
                    rowBytes += Long.BYTES;
                }
            }
        }
        this.fixedBytes = rowBytes;
    }

    /// The columns, in the order of the batch.
    List<OutColumn> columns() {
        return columns;
    }

    /// The columns that are strings.
    List<OutColumn> texts() {
        return texts;
    }

    /// A chunk's columns, by place; empty where it has none.
    ///
    /// @param before the columns of the chunk before, still open; empty if there is none
    List<Optional<Source>> sources(RowBatch chunk, List<Optional<Source>> before) {
        List<Optional<Source>> sources = new ArrayList<>(columns.size());
        for (int place = 0; place < columns.size(); place++) {
            Optional<RowColumn> found = chunk.find(columns.get(place).name());
            Optional<Source> known = before.isEmpty() ? Optional.empty() : before.get(place);
            sources.add(found.isPresent() ? Optional.of(source(found.get(), place, known)) : Optional.empty());
        }
        return sources;
    }

    private Source source(RowColumn column, int place, Optional<Source> before) {
        return switch (column) {
            case RowColumn.Tag tag -> Source.of(tag, Objects.requireNonNull(dictionaries.get(place)), before);
            case RowColumn.Plain plain -> Source.of(plain);
        };
    }

    /// Begins a batch in fresh memory: what was sent before may still be on its way.
    void begin() {
        root.clear();
        rowCount = 0;
        bytes = 0;
        isSlice = false;
    }

    int rowCount() {
        return rowCount;
    }

    /// Appends selected rows of a chunk, as many as fit; returns how many.
    ///
    /// @param sources the chunk's columns
    /// @param from the first place among the selected rows
    /// @param max the most rows that are wanted, at least 1
    int append(List<Optional<Source>> sources, Selection rows, int from, long max) {
        if (isSlice) {
            return 0;
        }
        int left = (int) Math.min(max, rows.count() - from);
        int count = Math.min(left, roomRows());
        if (rows instanceof Selection.All && from % 8 == 0 && count >= limits.minSliceRows()) {
            // A batch of its own: what is there already goes ahead.
            return rowCount > 0 ? 0 : slice(sources, from, count, left);
        }
        count = withinText(sources, rows, from, count);
        reserve(rowCount + count);
        for (int place = 0; place < columns.size(); place++) {
            Optional<Source> source = sources.get(place);
            if (source.isPresent()) {
                columns.get(place).copy(source.get(), rows, from, count, rowCount);
            }
        }
        appended(count, 0);
        return count;
    }

    private int slice(List<Optional<Source>> sources, int from, int most, int left) {
        int count = most;
        while (count > 8 && textBytes(sources, from, count) + (long) count * fixedBytes > limits.maxBytes()) {
            count /= 2;
        }
        if (count < left && count > 8) {
            count -= count % 8; // the next one begins at a whole byte of the bitmaps
        }
        for (int place = 0; place < columns.size(); place++) {
            Optional<Source> source = sources.get(place);
            if (source.isPresent()) {
                columns.get(place).slice(source.get(), from, count);
            } else {
                columns.get(place).reserve(count);
            }
        }
        isSlice = true;
        rowCount = count;
        return count;
    }

    private long textBytes(List<Optional<Source>> sources, int from, int count) {
        long total = 0;
        for (int place = 0; place < columns.size(); place++) {
            Optional<Source> source = sources.get(place);
            total += source.isPresent() ? columns.get(place).textBytes(source.get(), from, count) : 0;
        }
        return total;
    }

    /// How many rows have room, were it not for their text. At least one in an empty batch.
    int roomRows() {
        long room = Math.min(limits.maxRows() - rowCount, (limits.maxBytes() - bytes) / fixedBytes);
        return (int) Math.max(room, rowCount == 0 ? 1 : 0);
    }

    /// How many of the rows keep within the limit with their text, which is counted here. One in an empty batch.
    private int withinText(List<Optional<Source>> sources, Selection rows, int from, int count) {
        if (texts.isEmpty()) {
            return count;
        }
        for (int i = 0; i < count; i++) {
            if (!admit(textBytes(sources, rows.row(from + i), 1), i)) {
                return i;
            }
        }
        return count;
    }

    /// Counts the text of one more row; false if it has no room.
    ///
    /// @param before rows that were admitted and are not appended yet
    boolean admit(long textBytes, int before) {
        boolean isFirst = rowCount + before == 0;
        if (!isFirst && bytes + textBytes + (before + 1L) * fixedBytes > limits.maxBytes()) {
            return false;
        }
        bytes += textBytes;
        return true;
    }

    /// Makes room for rows.
    void reserve(int rows) {
        columns.forEach(column -> column.reserve(rows));
    }

    /// Notes that rows were put behind those that are there, their text having been counted.
    void appended(int count, long textBytes) {
        rowCount += count;
        bytes += (long) count * fixedBytes + textBytes;
    }

    /// Ends the batch.
    void end() {
        reserve(rowCount);
        root.setRowCount(rowCount);
    }
}
