package io.sluice.persist.parquet;

import com.github.luben.zstd.Zstd;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.parquet.ParquetReadOptions;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.ColumnReader;
import org.apache.parquet.column.impl.ColumnReadStoreImpl;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.compression.CompressionCodecFactory;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.example.DummyRecordConverter;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.io.DelegatingSeekableInputStream;
import org.apache.parquet.io.InputFile;
import org.apache.parquet.io.SeekableInputStream;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType;

/// Reads Parquet files of ours with parquet-java, checksums of pages included.
///
/// Rows are maps from column name to value; a null is absent. `time` and I64 are `Long`, U64 is `BigInteger`, F64 is
/// `Double`, BOOL is `Boolean`, tags and STRING are `String`.
public final class ParquetRows {
    private ParquetRows() {}

    /// The rows of a file, in their order.
    public static List<Map<String, Object>> read(Path file) throws IOException {
        return read(Files.readAllBytes(file));
    }

    /// The rows of a file's bytes, in their order.
    public static List<Map<String, Object>> read(byte[] file) throws IOException {
        List<Map<String, Object>> rows = new ArrayList<>();
        try (ParquetFileReader reader = reader(file)) {
            MessageType schema = reader.getFileMetaData().getSchema();
            for (PageReadStore group = reader.readNextRowGroup(); group != null; group = reader.readNextRowGroup()) {
                var columns = new ColumnReadStoreImpl(
                        group,
                        new DummyRecordConverter(schema).getRootConverter(),
                        schema,
                        reader.getFileMetaData().getCreatedBy());
                int first = rows.size();
                for (long row = 0; row < group.getRowCount(); row++) {
                    rows.add(new HashMap<>());
                }
                for (ColumnDescriptor column : schema.getColumns()) {
                    long values = group.getPageReader(column).getTotalValueCount();
                    if (values != group.getRowCount()) {
                        throw new IllegalStateException(
                                "column %s has %d values: expected %d".formatted(column, values, group.getRowCount()));
                    }
                    read(columns.getColumnReader(column), column, rows.subList(first, rows.size()));
                }
            }
        }
        return rows;
    }

    /// A reader of a file's bytes, which the caller closes.
    static ParquetFileReader reader(byte[] file) throws IOException {
        ParquetReadOptions options = new ParquetReadOptions.Builder(new PlainParquetConfiguration())
                .withCodecFactory(new ZstdFactory())
                .usePageChecksumVerification()
                .build();
        return ParquetFileReader.open(new BytesFile(file), options);
    }

    private static void read(ColumnReader reader, ColumnDescriptor column, List<Map<String, Object>> rows) {
        PrimitiveType type = column.getPrimitiveType();
        for (Map<String, Object> row : rows) {
            if (reader.getCurrentDefinitionLevel() == column.getMaxDefinitionLevel()) {
                row.put(type.getName(), value(reader, type));
            }
            reader.consume();
        }
    }

    private static Object value(ColumnReader reader, PrimitiveType type) {
        return switch (type.getPrimitiveTypeName()) {
            case INT64 -> {
                if (LogicalTypeAnnotation.intType(64, false).equals(type.getLogicalTypeAnnotation())) {
                    yield new BigInteger(Long.toUnsignedString(reader.getLong()));
                }
                yield reader.getLong();
            }
            case DOUBLE -> reader.getDouble();
            case BOOLEAN -> reader.getBoolean();
            case BINARY -> reader.getBinary().toStringUsingUTF8();
            case INT32, INT96, FLOAT, FIXED_LEN_BYTE_ARRAY ->
                throw new IllegalStateException("no column of ours is a " + type);
        };
    }

    private record BytesFile(byte[] bytes) implements InputFile {
        @Override
        public long getLength() {
            return bytes.length;
        }

        @Override
        public SeekableInputStream newStream() {
            var in = new SeekableBytes(bytes);
            return new DelegatingSeekableInputStream(in) {
                @Override
                public long getPos() {
                    return in.position();
                }

                @Override
                public void seek(long position) {
                    in.seek(Math.toIntExact(position));
                }
            };
        }
    }

    private static final class SeekableBytes extends ByteArrayInputStream {
        SeekableBytes(byte[] bytes) {
            super(bytes);
        }

        synchronized int position() {
            return pos;
        }

        synchronized void seek(int position) {
            pos = position;
        }
    }

    /// Parquet's own factory needs Hadoop's codecs at run time.
    private static final class ZstdFactory implements CompressionCodecFactory {
        @Override
        public BytesInputCompressor getCompressor(CompressionCodecName codec) {
            throw new IllegalStateException("only reads");
        }

        @Override
        public BytesInputDecompressor getDecompressor(CompressionCodecName codec) {
            if (codec != CompressionCodecName.ZSTD) {
                throw new IllegalStateException("pages are compressed with " + codec + ": expected ZSTD");
            }
            return new ZstdDecompressor();
        }

        @Override
        public void release() {}
    }

    private static final class ZstdDecompressor implements CompressionCodecFactory.BytesInputDecompressor {
        @Override
        public BytesInput decompress(BytesInput bytes, int decompressedBytes) throws IOException {
            var compressed = new ByteArrayOutputStream();
            bytes.writeAllTo(compressed);
            return BytesInput.from(Zstd.decompress(compressed.toByteArray(), decompressedBytes));
        }

        @Override
        public void decompress(ByteBuffer input, int compressedBytes, ByteBuffer output, int decompressedBytes) {
            byte[] compressed = new byte[compressedBytes];
            input.get(compressed);
            output.put(Zstd.decompress(compressed, decompressedBytes));
        }

        @Override
        public void release() {}
    }
}
