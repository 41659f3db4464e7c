package io.sluice.persist.parquet;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdCompressCtx;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.apache.parquet.bytes.ByteBufferReleaser;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.bytes.HeapByteBufferAllocator;
import org.apache.parquet.compression.CompressionCodecFactory.BytesInputCompressor;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;

/// Compresses pages with zstd, one after another in the same memory: what [#compress] returns is valid until its next
/// call. Parquet's own codec needs Hadoop's classes, which this process does without. For one thread, which releases
/// it.
final class ZstdCompressor implements BytesInputCompressor {
    private final ZstdCompressCtx context = new ZstdCompressCtx();
    private byte[] compressed = new byte[0];

    /// @param level 1 to 22
    ZstdCompressor(int level) {
        context.setLevel(level);
    }

    @Override
    public BytesInput compress(BytesInput bytes) throws IOException {
        try (ByteBufferReleaser copies = new ByteBufferReleaser(HeapByteBufferAllocator.getInstance())) {
            ByteBuffer page = bytes.toByteBuffer(copies); // none is made of what is one array
            int length = compress(page.array(), page.arrayOffset() + page.position(), page.remaining());
            return BytesInput.from(compressed, 0, length);
        }
    }

    /// Compresses, and returns how many bytes that gave.
    int compress(byte[] page, int from, int length) {
        long bound = Zstd.compressBound(length);
        if (bound > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("a page has %d bytes: too many to compress".formatted(length));
        }
        if (compressed.length < bound) {
            compressed = new byte[(int) bound];
        }
        return context.compressByteArray(compressed, 0, compressed.length, page, from, length);
    }

    @Override
    public CompressionCodecName getCodecName() {
        return CompressionCodecName.ZSTD;
    }

    @Override
    public void release() {
        context.close();
    }
}
