package io.sluice.persist.parquet;

import io.sluice.model.ColumnSchema;
import io.sluice.rows.merge.MergedRows;
import io.sluice.rows.merge.RowWindow;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.LongSupplier;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.ParquetProperties;
import org.apache.parquet.format.ColumnChunk;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.SortingColumn;
import org.apache.parquet.hadoop.ParquetFileWriter;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
import org.apache.parquet.hadoop.metadata.ParquetMetadata;

/// Writes merged rows as a Parquet file, without Hadoop at run time. Any thread may call; each call makes one file.
///
/// Row group after row group, its columns are read from the rows, encoded and compressed, each by one thread and
/// several at once if there are helpers, and then written: the stream gets a row group while nothing of the next one
/// exists. So memory for one row group's pages is held, and for each thread that of one column's values.
///
/// [FileSchema] says what columns become; how values are encoded stands in [TagChunk], [NumberChunk] and [TextChunk].
public final class ParquetEncoder {
    /// Column index entries and statistics are cut to this; a longer value says no more to a reader that prunes.
    private static final int TRUNCATE_BYTES = 64;
    /// A row group ends before its rows do if its values, as they lie in memory, have about so many bytes: tables of
    /// many columns would take too much otherwise, of this process and of readers.
    private static final long ROW_GROUP_BYTES = 128 << 20;

    /// Which rows are in a row group, and again while they are sorted.
    private static final long WINDOW_BYTES_PER_ROW = 16;
    /// Values, which of them there are, and their codes in a dictionary.
    private static final long COLUMN_BYTES_PER_ROW = 13;

    private final ParquetSettings settings;
    private final EncodeHelpers helpers;
    private final LongSupplier nanoTime;

    /// @param helpers who encodes columns beside the calling thread
    /// @param nanoTime monotonic time, nanoseconds, for what is told of the file
    public ParquetEncoder(ParquetSettings settings, EncodeHelpers helpers, LongSupplier nanoTime) {
        this.settings = settings;
        this.helpers = helpers;
        this.nanoTime = nanoTime;
    }

    /// Writes one file. The stream stays open.
    ///
    /// @throws IOException what the stream threw, as it threw it
    public EncodedFile encode(MergedRows rows, FileMetadata metadata, OutputStream out) throws IOException {
        FileSchema schema = FileSchema.of(rows);
        FooterOutput output = new FooterOutput(out);
        ParquetMetadata written;
        long writeNanos = 0;
        Queue<ColumnScratch> scratches = new ConcurrentLinkedQueue<>();
        try (ParquetFileWriter file = new ParquetFileWriter(
                output,
                schema.message(),
                ParquetFileWriter.Mode.CREATE,
                Long.MAX_VALUE,
                0,
                null,
                ParquetProperties.builder()
                        .withColumnIndexTruncateLength(TRUNCATE_BYTES)
                        .withStatisticsTruncateLength(TRUNCATE_BYTES)
                        .build())) {
            file.start();
            RowWindow window = rows.window();
            int rowGroupRows = rowGroupRows(rows);
            int to;
            for (int from = 0; from < rows.rowCount(); from = to) {
                to = from + Math.min(rowGroupRows, rows.rowCount() - from);
                window.move(from, to);
                writeNanos += writeRowGroup(rows, schema, window, scratches, file);
            }
            output.hold();
            file.end(metadata.entries());
            written = file.getFooter();
        } catch (IOException e) {
            // Parquet says what it was writing; the person on call needs to know why that failed.
            throw output.failure().orElse(e);
        } finally {
            scratches.forEach(ColumnScratch::close);
        }
        long sizeBytes = output.release(footer -> complete(footer, written, schema.sorting()));
        return new EncodedFile(
                rows.rowCount(),
                sizeBytes,
                rows.minTimeNs(),
                rows.maxTimeNs(),
                Duration.ofNanos(
                        scratches.stream().mapToLong(ColumnScratch::mergeNanos).sum()),
                Duration.ofNanos(
                        scratches.stream().mapToLong(ColumnScratch::encodeNanos).sum()),
                Duration.ofNanos(writeNanos));
    }

    /// How many bytes encoding takes at once beside the rows, roughly.
    ///
    /// @param rows before merging
    /// @param memoryBytes that the rows take
    public long workingMemoryBytes(long rows, long memoryBytes) {
        long groupRows = Math.min(rows, settings.rowGroupRows());
        long perRow = WINDOW_BYTES_PER_ROW + COLUMN_BYTES_PER_ROW * (1L + helpers.threads());
        return Math.min(memoryBytes, ROW_GROUP_BYTES) + perRow * groupRows;
    }

    private int rowGroupRows(MergedRows rows) {
        long within = Math.max(settings.pageRows(), ROW_GROUP_BYTES / Math.max(1, rows.meanRowBytes()));
        return (int) Math.min(settings.rowGroupRows(), within);
    }

    /// Writes the rows in the window; returns how many nanoseconds the stream took.
    private long writeRowGroup(
            MergedRows rows,
            FileSchema schema,
            RowWindow window,
            Queue<ColumnScratch> scratches,
            ParquetFileWriter file)
            throws IOException {
        List<ColumnSchema> columns = schema.columns();
        // Asked for once: the answer is made anew each time, from all columns.
        List<ColumnDescriptor> descriptors = schema.message().getColumns();
        AtomicReferenceArray<ChunkWriter> chunks = new AtomicReferenceArray<>(columns.size());
        try {
            runAll(columns.size(), number -> {
                ColumnScratch scratch = scratches.poll();
                if (scratch == null) {
                    scratch = new ColumnScratch(rows, settings, nanoTime);
                }
                try {
                    chunks.set(
                            number,
                            scratch.encode(columns.get(number), descriptors.get(number), window, TRUNCATE_BYTES));
                } finally {
                    scratches.add(scratch);
                }
            });
            long start = nanoTime.getAsLong();
            file.startBlock(window.size());
            for (int i = 0; i < chunks.length(); i++) {
                chunks.get(i).flush(file);
            }
            file.endBlock();
            return nanoTime.getAsLong() - start;
        } finally {
            for (int i = 0; i < chunks.length(); i++) {
                ChunkWriter chunk = chunks.get(i);
                if (chunk != null) {
                    chunk.close();
                }
            }
        }
    }

    private void runAll(int count, EncodeHelpers.Task task) throws IOException {
        try {
            helpers.run(count, task);
        } catch (IOException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /// Adds what Parquet's writer cannot say: by which columns each row group is sorted, and which bounds are values.
    private static void complete(FileMetaData footer, ParquetMetadata written, List<SortingColumn> sorting) {
        List<RowGroup> groups = Objects.requireNonNull(footer.getRow_groups(), "row groups");
        for (int i = 0; i < groups.size(); i++) {
            groups.get(i).setSorting_columns(sorting);
            List<ColumnChunk> chunks = Objects.requireNonNull(groups.get(i).getColumns(), "columns");
            List<ColumnChunkMetaData> known = written.getBlocks().get(i).getColumns();
            for (int column = 0; column < chunks.size(); column++) {
                var chunk = Objects.requireNonNull(chunks.get(column).getMeta_data(), "column's metadata");
                var statistics = Objects.requireNonNull(chunk.getStatistics(), "column's statistics");
                ChunkBounds.settle(statistics, known.get(column).getStatistics(), TRUNCATE_BYTES);
            }
        }
    }
}
