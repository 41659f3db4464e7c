package io.sluice.persist.parquet;

import java.util.Set;
import org.apache.parquet.bytes.ByteBufferAllocator;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.Encoding;
import org.apache.parquet.column.ParquetProperties;
import org.apache.parquet.column.page.DictionaryPage;
import org.apache.parquet.column.values.ValuesWriter;
import org.apache.parquet.column.values.dictionary.DictionaryValuesWriter.PlainBinaryDictionaryValuesWriter;
import org.apache.parquet.column.values.factory.DefaultValuesWriterFactory;
import org.apache.parquet.column.values.factory.ValuesWriterFactory;
import org.apache.parquet.column.values.plain.PlainValuesWriter;

/// How the values of a row group's columns are written: those of tags always with a dictionary, those of other columns
/// as Parquet chooses.
///
/// Left to Parquet, a tag is written value by value as soon as its first page shows no gain (as rows without the tag
/// come first, that is a page of nulls), or its values outgrow a dictionary page. A tag of megabytes in each of a
/// million rows is one value in memory, and would be terabytes in a file.
final class ValuesWriters implements ValuesWriterFactory {
    private final Set<String> tags;
    private final DefaultValuesWriterFactory others = new DefaultValuesWriterFactory();
    private int bufferBytes;
    private ByteBufferAllocator allocator = ParquetProperties.builder().build().getAllocator();

    /// @param tags names of the tags that have a value in the row group; a dictionary without one would not
    ///     be written, and pages that need it not be read
    ValuesWriters(Set<String> tags) {
        this.tags = tags;
    }

    @Override
    public void initialize(ParquetProperties properties) {
        others.initialize(properties);
        bufferBytes = properties.getDictionaryPageSizeThreshold();
        allocator = properties.getAllocator();
    }

    @Override
    public ValuesWriter newValuesWriter(ColumnDescriptor column) {
        return tags.contains(column.getPath()[0])
                ? new TagWriter(bufferBytes, allocator)
                : others.newValuesWriter(column);
    }

    private static final class TagWriter extends PlainBinaryDictionaryValuesWriter {
        @SuppressWarnings("deprecation") // The name that version 1 of data pages has for it.
        private static final Encoding ENCODING = Encoding.PLAIN_DICTIONARY;

        TagWriter(int bufferBytes, ByteBufferAllocator allocator) {
            super(bufferBytes, ENCODING, ENCODING, allocator);
        }

        /// At least one, also on a page of nulls before the first value: the width of its codes comes from this.
        @Override
        public int getDictionarySize() {
            return Math.max(1, super.getDictionarySize());
        }

        /// The dictionary at any length; the one above refuses to write more than a buffer.
        @Override
        public DictionaryPage toDictPageAndClose() {
            if (lastUsedDictionarySize == 0) {
                return super.toDictPageAndClose(); // None: it was taken before.
            }
            int lengthBytes = Math.toIntExact(dictionaryByteSize);
            PlainValuesWriter values = new PlainValuesWriter(lengthBytes, lengthBytes, allocator);
            binaryDictionaryContent.keySet().forEach(values::writeBytes);
            return dictPage(values);
        }
    }
}
