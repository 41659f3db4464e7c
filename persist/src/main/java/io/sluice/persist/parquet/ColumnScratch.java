package io.sluice.persist.parquet;

import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.rows.merge.MergedRows;
import io.sluice.rows.merge.NumberColumn;
import io.sluice.rows.merge.RowWindow;
import io.sluice.rows.merge.TextColumn;
import java.io.IOException;
import java.util.function.LongSupplier;
import org.apache.parquet.column.ColumnDescriptor;

/// What a thread needs to encode one column after another: memory that is used again. One thread at a time, which
/// closes it.
final class ColumnScratch implements AutoCloseable {
    private final MergedRows rows;
    private final ParquetSettings settings;
    private final LongSupplier nanoTime;
    private final ZstdCompressor compressor;
    private final NumberColumn numbers = new NumberColumn();
    private final TextColumn texts = new TextColumn();
    private final NumberChunk numberChunk;
    private final TagChunk tagChunk;
    private final TextChunk textChunk;
    private long mergeNanos;
    private long encodeNanos;

    ColumnScratch(MergedRows rows, ParquetSettings settings, LongSupplier nanoTime) {
        this.rows = rows;
        this.settings = settings;
        this.nanoTime = nanoTime;
        this.compressor = new ZstdCompressor(settings.zstdLevel());
        PageBytes page = new PageBytes();
        PageLevels levels = new PageLevels(page);
        this.numberChunk = new NumberChunk(page, levels);
        this.tagChunk = new TagChunk(page, levels);
        this.textChunk = new TextChunk(page, levels);
    }

    /// Encodes a column of the rows in the window. The caller closes what is returned.
    ChunkWriter encode(ColumnSchema column, ColumnDescriptor descriptor, RowWindow window, int truncateBytes)
            throws IOException {
        ChunkWriter writer = new ChunkWriter(descriptor, compressor, truncateBytes);
        boolean isDone = false;
        try {
            long start = nanoTime.getAsLong();
            read(column, window);
            long read = nanoTime.getAsLong();
            write(column, writer);
            mergeNanos += read - start;
            encodeNanos += nanoTime.getAsLong() - read;
            isDone = true;
            return writer;
        } finally {
            if (!isDone) {
                writer.close();
            }
        }
    }

    private void read(ColumnSchema column, RowWindow window) {
        if (column.kind() == ColumnKind.TIME) {
            window.times(numbers);
        } else if (column.kind() == ColumnKind.TAG) {
            tagChunk.read(column.name(), window, rows.tagValues(column.name()).length);
        } else if (column.type() == ColumnType.STRING) {
            window.strings(column, texts);
        } else {
            window.numbers(column, numbers);
        }
    }

    private void write(ColumnSchema column, ChunkWriter writer) throws IOException {
        if (column.kind() == ColumnKind.TAG) {
            tagChunk.write(rows.tagValues(column.name()), settings.pageRows(), writer);
        } else if (column.type() == ColumnType.STRING) {
            textChunk.write(texts, settings.pageRows(), writer);
        } else {
            numberChunk.write(column, numbers, settings.pageRows(), writer, compressor);
        }
    }

    /// Time spent on bringing values into order and merging them.
    long mergeNanos() {
        return mergeNanos;
    }

    /// Time spent on encoding and compressing.
    long encodeNanos() {
        return encodeNanos;
    }

    @Override
    public void close() {
        compressor.release();
    }
}
