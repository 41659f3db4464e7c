package io.sluice.persist.parquet;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.apache.parquet.bytes.HeapByteBufferAllocator;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.Encoding;
import org.apache.parquet.column.page.DictionaryPage;
import org.apache.parquet.column.page.PageWriter;
import org.apache.parquet.column.statistics.SizeStatistics;
import org.apache.parquet.column.statistics.Statistics;
import org.apache.parquet.column.values.bloomfilter.BloomFilter;
import org.apache.parquet.hadoop.ColumnChunkPageWriteStore;
import org.apache.parquet.hadoop.ParquetFileWriter;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType;

/// The pages of one column in one row group: compressed, with their statistics and index, in memory until they are
/// flushed to the file. One thread makes the pages; another one may flush and close.
final class ChunkWriter implements AutoCloseable {
    /// The name that version 1 of data pages has for it.
    @SuppressWarnings("deprecation")
    static final Encoding DICTIONARY = Encoding.PLAIN_DICTIONARY;

    /// What parquet-java says of levels that are not written, because there are none.
    @SuppressWarnings("deprecation")
    private static final Encoding NO_LEVELS = Encoding.BIT_PACKED;

    private final PrimitiveType type;
    private final boolean isOptional;
    private final ColumnChunkPageWriteStore store;
    private final PageWriter pages;
    private Optional<BloomFilter> bloomFilter = Optional.empty();

    /// @param truncateBytes length to which bounds are cut
    ChunkWriter(ColumnDescriptor column, ZstdCompressor compressor, int truncateBytes) {
        this.type = column.getPrimitiveType();
        this.isOptional = column.getMaxDefinitionLevel() > 0;
        this.store = new ColumnChunkPageWriteStore(
                compressor,
                new MessageType("column", List.of(type)),
                HeapByteBufferAllocator.getInstance(),
                truncateBytes,
                true);
        this.pages = store.getPageWriter(column);
    }

    PrimitiveType type() {
        return type;
    }

    /// Whether pages have definition levels.
    boolean isOptional() {
        return isOptional;
    }

    /// Statistics of no value, to be filled for a page.
    Statistics<?> newStatistics() {
        return Statistics.createStats(type);
    }

    /// Adds a page.
    ///
    /// @param bytes levels and values
    /// @param textBytes of its values if they are texts, without their lengths
    void page(PageBytes bytes, int rows, Statistics<?> statistics, long textBytes, Encoding encoding)
            throws IOException {
        pages.writePage(
                bytes.asInput(),
                rows,
                rows,
                statistics,
                new SizeStatistics(type, textBytes, List.of(), List.of()),
                null,
                NO_LEVELS,
                isOptional ? Encoding.RLE : NO_LEVELS,
                encoding);
    }

    /// Adds the dictionary that pages of encoding [#DICTIONARY] refer to.
    void dictionary(PageBytes bytes, int values) throws IOException {
        pages.writeDictionaryPage(new DictionaryPage(bytes.asInput(), values, DICTIONARY));
    }

    void bloomFilter(BloomFilter filter) {
        bloomFilter = Optional.of(filter);
    }

    /// Appends all of it to the row group that is open in the file.
    void flush(ParquetFileWriter file) throws IOException {
        store.flushToFileWriter(file);
        // Handed over with the pages, Parquet would drop it because they are all in a dictionary.
        bloomFilter.ifPresent(filter -> file.addBloomFilter(type.getName(), filter));
    }

    @Override
    public void close() {
        store.close();
    }
}
