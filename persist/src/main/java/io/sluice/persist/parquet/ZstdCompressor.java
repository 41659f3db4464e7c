package io.sluice.persist.parquet;

import com.github.luben.zstd.Zstd;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.compression.CompressionCodecFactory.BytesInputCompressor;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;

/// Compresses pages with zstd. Parquet's own codec needs Hadoop's classes, which this process does without.
final class ZstdCompressor implements BytesInputCompressor {
    private final int level;

    ZstdCompressor(int level) {
        this.level = level;
    }

    @Override
    public BytesInput compress(BytesInput bytes) throws IOException {
        ByteArrayOutputStream page = new ByteArrayOutputStream(Math.toIntExact(bytes.size()));
        bytes.writeAllTo(page);
        return BytesInput.from(Zstd.compress(page.toByteArray(), level));
    }

    @Override
    public CompressionCodecName getCodecName() {
        return CompressionCodecName.ZSTD;
    }

    @Override
    public void release() {
        // Holds nothing.
    }
}
