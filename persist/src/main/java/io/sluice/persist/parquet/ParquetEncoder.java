package io.sluice.persist.parquet;

import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.TableSchema;
import io.sluice.rows.merge.MergedRows;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import org.apache.parquet.bytes.HeapByteBufferAllocator;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.ColumnWriteStore;
import org.apache.parquet.column.ParquetProperties;
import org.apache.parquet.column.values.factory.DefaultValuesWriterFactory;
import org.apache.parquet.column.values.factory.ValuesWriterFactory;
import org.apache.parquet.format.ColumnChunk;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.SortingColumn;
import org.apache.parquet.hadoop.ColumnChunkPageWriteStore;
import org.apache.parquet.hadoop.ParquetFileWriter;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
import org.apache.parquet.hadoop.metadata.ParquetMetadata;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.TimeUnit;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;
import org.apache.parquet.schema.Types;

/// Writes merged rows as a Parquet file, column by column and page by page, without Hadoop at run time. Any thread
/// may call; each call makes one file.
///
/// | column         | Parquet                                                   |
/// |----------------|-----------------------------------------------------------|
/// | TAG            | optional BYTE_ARRAY, STRING, dictionary-encoded           |
/// | TIME           | required INT64, TIMESTAMP(NANOS, adjusted to UTC)         |
/// | FIELD `I64`    | optional INT64                                            |
/// | FIELD `U64`    | optional INT64, INTEGER(64, unsigned)                     |
/// | FIELD `F64`    | optional DOUBLE                                           |
/// | FIELD `BOOL`   | optional BOOLEAN                                          |
/// | FIELD `STRING` | optional BYTE_ARRAY, STRING                               |
///
/// The tags of the sort key come first, then `time`, then the fields in the table's order. A column that has no value
/// in any row is left out: readers unite files by name. Field ids are places in the table's schema, from 1 on, and so
/// the same in all files of a table.
public final class ParquetEncoder {
    /// Column index entries and statistics are cut to this; a longer value says no more to a reader that prunes.
    private static final int TRUNCATE_BYTES = 64;
    /// The first buffer of a column takes a thousandth of this, so that a thousand columns of one row are cheap. It
    /// ends no page: sizes are looked at every `pageRows` rows, where a page ends anyway, at the same rows in every
    /// column.
    private static final int PAGE_BYTES = 1 << 20;

    /// A field whose distinct values take more than this is written value by value.
    private static final int DICTIONARY_BYTES = 1 << 20;

    private final ParquetSettings settings;

    public ParquetEncoder(ParquetSettings settings) {
        this.settings = settings;
    }

    /// Writes one file. The stream stays open.
    ///
    /// @throws IOException what the stream threw, as it threw it
    public EncodedFile encode(MergedRows rows, FileMetadata metadata, OutputStream out) throws IOException {
        List<ColumnSource> columns = columns(rows);
        MessageType message = message(rows.schema(), columns);
        FooterOutput output = new FooterOutput(out);
        ParquetMetadata written;
        try (ParquetFileWriter file = new ParquetFileWriter(
                output,
                message,
                ParquetFileWriter.Mode.CREATE,
                Long.MAX_VALUE,
                0,
                null,
                properties(new DefaultValuesWriterFactory()))) {
            file.start();
            int to;
            for (int from = 0; from < rows.rowCount(); from = to) {
                to = from + Math.min(settings.rowGroupRows(), rows.rowCount() - from);
                writeRowGroup(columns, message, file, from, to);
            }
            output.hold();
            file.end(metadata.entries());
            written = file.getFooter();
        } catch (IOException e) {
            // Parquet says what it was writing; the person on call needs to know why that failed.
            throw output.failure().orElse(e);
        }
        long sizeBytes = output.release(footer -> complete(footer, written, sorting(columns)));
        return new EncodedFile(rows.rowCount(), sizeBytes, rows.minTimeNs(), rows.maxTimeNs());
    }

    private ParquetProperties properties(ValuesWriterFactory valuesWriters) {
        return ParquetProperties.builder()
                .withValuesWriterFactory(valuesWriters)
                .withDictionaryEncoding(true)
                .withDictionaryPageSize(DICTIONARY_BYTES)
                .withPageSize(PAGE_BYTES)
                .withPageRowCountLimit(settings.pageRows())
                .withMinRowCountForPageSizeCheck(settings.pageRows())
                .withMaxRowCountForPageSizeCheck(settings.pageRows())
                .withColumnIndexTruncateLength(TRUNCATE_BYTES)
                .withStatisticsTruncateLength(TRUNCATE_BYTES)
                .withAllocator(HeapByteBufferAllocator.getInstance())
                .build();
    }

    private static List<ColumnSource> columns(MergedRows rows) {
        List<ColumnSchema> present = rows.presentColumns();
        List<ColumnSource> columns = new ArrayList<>();
        for (ColumnName tag : rows.sortKey().tags()) {
            present.stream()
                    .filter(column -> column.name().equals(tag))
                    .forEach(column -> columns.add(ColumnSource.of(column, rows)));
        }
        columns.add(ColumnSource.of(ColumnSchema.TIME, rows));
        for (ColumnSchema column : present) {
            if (column.kind() == ColumnKind.FIELD) {
                columns.add(ColumnSource.of(column, rows));
            }
        }
        return columns;
    }

    private static MessageType message(TableSchema schema, List<ColumnSource> columns) {
        List<Type> types = new ArrayList<>();
        for (ColumnSource column : columns) {
            types.add(type(column.schema(), schema.columns().indexOf(column.schema()) + 1));
        }
        return new MessageType("sluice", types);
    }

    private static Type type(ColumnSchema column, int fieldId) {
        String name = column.name().value();
        if (column.kind() == ColumnKind.TIME) {
            return Types.required(PrimitiveTypeName.INT64)
                    .as(LogicalTypeAnnotation.timestampType(true, TimeUnit.NANOS))
                    .id(fieldId)
                    .named(name);
        }
        return switch (column.type()) {
            case I64 -> Types.optional(PrimitiveTypeName.INT64).id(fieldId).named(name);
            case U64 ->
                Types.optional(PrimitiveTypeName.INT64)
                        .as(LogicalTypeAnnotation.intType(64, false))
                        .id(fieldId)
                        .named(name);
            case F64 -> Types.optional(PrimitiveTypeName.DOUBLE).id(fieldId).named(name);
            case BOOL -> Types.optional(PrimitiveTypeName.BOOLEAN).id(fieldId).named(name);
            case STRING ->
                Types.optional(PrimitiveTypeName.BINARY)
                        .as(LogicalTypeAnnotation.stringType())
                        .id(fieldId)
                        .named(name);
        };
    }

    private void writeRowGroup(
            List<ColumnSource> columns, MessageType message, ParquetFileWriter file, int from, int to)
            throws IOException {
        ParquetProperties properties = properties(new ValuesWriters(columns.stream()
                .filter(column -> column.schema().kind() == ColumnKind.TAG && column.hasValue(from, to))
                .map(column -> column.schema().name().value())
                .collect(Collectors.toSet())));
        ColumnChunkPageWriteStore pages = new ColumnChunkPageWriteStore(
                new ZstdCompressor(settings.zstdLevel()), message, properties.getAllocator(), TRUNCATE_BYTES, true);
        try (ColumnWriteStore store = properties.newColumnWriteStore(message, pages)) {
            // Asked for once: the answer is made anew each time, from all columns.
            List<ColumnDescriptor> descriptors = message.getColumns();
            // The store cuts pages when rows end, so each column gets one page's values before its rows end.
            int end;
            for (int start = from; start < to; start = end) {
                end = start + Math.min(settings.pageRows(), to - start);
                for (int i = 0; i < columns.size(); i++) {
                    columns.get(i).write(store.getColumnWriter(descriptors.get(i)), start, end);
                }
                for (int row = start; row < end; row++) {
                    store.endRecord();
                }
            }
            store.flush();
            file.startBlock((long) to - from);
            pages.flushToFileWriter(file);
            file.endBlock();
        } finally {
            pages.close();
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

    /// Tags of the key that the file has, then time; nulls first, ascending.
    private static List<SortingColumn> sorting(List<ColumnSource> columns) {
        List<SortingColumn> sorting = new ArrayList<>();
        for (int i = 0; i < columns.size(); i++) {
            if (columns.get(i).schema().kind() != ColumnKind.FIELD) {
                sorting.add(new SortingColumn(i, false, true));
            }
        }
        return sorting;
    }
}
