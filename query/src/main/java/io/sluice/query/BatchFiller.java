package io.sluice.query;

import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnSchema;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.arrow.vector.BaseFixedWidthVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/// Puts rows of a partition's batches, which may have different columns and dictionaries, into batches of one schema.
final class BatchFiller {
    private final List<ColumnSchema> columns;
    private final Map<Integer, StreamDictionary> dictionaries;
    private final VectorSchemaRoot root;
    private final long rowBytes;
    private int rowCount;
    private long bytes;

    /// @param dictionaries of the tags, by place in `columns`
    BatchFiller(List<ColumnSchema> columns, Map<Integer, StreamDictionary> dictionaries, VectorSchemaRoot root) {
        this.columns = columns;
        this.dictionaries = dictionaries;
        this.root = root;
        this.rowBytes = Math.max(1, 8L * columns.size());
    }

    /// Begins a batch in fresh memory: what was sent before may still be on its way.
    void begin() {
        root.clear();
        root.allocateNew();
        rowCount = 0;
        bytes = 0;
    }

    boolean isFull() {
        return rowCount >= PartitionStream.MAX_BATCH_ROWS || bytes >= PartitionStream.MAX_BATCH_BYTES;
    }

    /// Appends rows until the batch is full; returns how many.
    ///
    /// @param rows of the batch; those from `from` on are to be appended
    int append(RowBatch batch, int[] rows, int from) {
        long roomRows = Math.min(
                PartitionStream.MAX_BATCH_ROWS - rowCount, (PartitionStream.MAX_BATCH_BYTES - bytes) / rowBytes + 1);
        int count = (int) Math.min(rows.length - from, roomRows);
        count = limitText(batch, rows, from, count);
        for (int place = 0; place < columns.size(); place++) {
            Optional<RowColumn> column = batch.find(columns.get(place).name());
            if (column.isPresent()) {
                copy(column.get(), place, rows, from, count);
            }
        }
        rowCount += count;
        bytes += count * rowBytes;
        return count;
    }

    /// How many of the rows keep the batch's text within its limit; at least one.
    private int limitText(RowBatch batch, int[] rows, int from, int count) {
        List<VarCharVector> texts = columns.stream()
                .flatMap(column -> batch.find(column.name()).stream())
                .map(RowColumn::values)
                .filter(VarCharVector.class::isInstance)
                .map(VarCharVector.class::cast)
                .toList();
        for (int i = 0; i < count && !texts.isEmpty(); i++) {
            for (VarCharVector text : texts) {
                bytes += text.getValueLength(rows[from + i]);
            }
            if (bytes >= PartitionStream.MAX_BATCH_BYTES) {
                return i + 1;
            }
        }
        return count;
    }

    private void copy(RowColumn column, int place, int[] rows, int from, int count) {
        FieldVector target = root.getVector(place);
        while (target.getValueCapacity() < rowCount + count) {
            target.reAlloc();
        }
        if (column instanceof RowColumn.Tag tag) {
            copyTag(tag, place, (IntVector) target, rows, from, count);
            return;
        }
        FieldVector source = column.values();
        for (int i = 0; i < count; i++) {
            int row = rows[from + i];
            if (source.isNull(row)) {
                continue;
            }
            switch (source) {
                case BitVector bits -> ((BitVector) target).set(rowCount + i, bits.get(row));
                case BaseFixedWidthVector fixed -> target.copyFrom(row, rowCount + i, fixed);
                default -> target.copyFromSafe(row, rowCount + i, source);
            }
        }
    }

    private void copyTag(RowColumn.Tag tag, int place, IntVector target, int[] rows, int from, int count) {
        StreamDictionary dictionary = dictionaries.get(place);
        if (dictionary == null) {
            throw new IllegalStateException(
                    "column '%s' has no dictionary".formatted(tag.schema().name()));
        }
        int[] translated = dictionary.translate(tag);
        for (int i = 0; i < count; i++) {
            int row = rows[from + i];
            if (!tag.codes().isNull(row)) {
                int code = translated[tag.codes().get(row)];
                if (code < 0) {
                    throw new IllegalStateException("tag '%s' has a value that was not there when the query started"
                            .formatted(tag.schema().name()));
                }
                target.set(rowCount + i, code);
            }
        }
    }

    /// Ends the batch.
    void end() {
        for (int place = 0; place < columns.size(); place++) {
            FieldVector vector = root.getVector(place);
            while (columns.get(place).kind() != ColumnKind.TIME && vector.getValueCapacity() < rowCount) {
                vector.reAlloc();
            }
            vector.setValueCount(rowCount);
        }
        root.setRowCount(rowCount);
    }
}
