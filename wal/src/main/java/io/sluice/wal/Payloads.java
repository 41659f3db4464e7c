package io.sluice.wal;

import io.sluice.wal.SegmentReader.Entry;
import io.sluice.wal.WalSettings.Compression;
import io.sluice.wal.format.SegmentFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;

/// Payloads as they are stored. Any thread may call.
final class Payloads {
    /// In front of a compressed payload: its own length.
    private static final int LENGTH_BYTES = 4;

    /// Shorter ones are stored as they are.
    private static final int MIN_COMPRESSED_BYTES = 256;

    private static final LZ4Factory LZ4 = LZ4Factory.fastestJavaInstance();
    private static final LZ4Compressor COMPRESSOR = LZ4.fastCompressor();
    private static final LZ4SafeDecompressor DECOMPRESSOR = LZ4.safeDecompressor();

    private Payloads() {}

    /// An entry of a payload; compressed if that is wanted and pays.
    static Append encode(
            byte[] payload, Compression compression, AppendSession session, AppendListener listener, long queuedAtNs) {
        if (compression == Compression.LZ4 && payload.length >= MIN_COMPRESSED_BYTES) {
            byte[] compressed = new byte[payload.length];
            ByteBuffer.wrap(compressed).order(ByteOrder.LITTLE_ENDIAN).putInt(payload.length);
            int length = compress(payload, compressed);
            if (length > 0) {
                byte[] stored = Arrays.copyOf(compressed, LENGTH_BYTES + length);
                return new Append(
                        SegmentFormat.KIND_LZ4,
                        stored,
                        SegmentFormat.payloadCrc(stored),
                        session,
                        listener,
                        queuedAtNs);
            }
        }
        return new Append(
                SegmentFormat.KIND_WRITE, payload, SegmentFormat.payloadCrc(payload), session, listener, queuedAtNs);
    }

    /// Returns the compressed length, or 0 if it would not be shorter.
    private static int compress(byte[] payload, byte[] target) {
        try {
            return COMPRESSOR.compress(payload, 0, payload.length, target, LENGTH_BYTES, target.length - LENGTH_BYTES);
        } catch (LZ4Exception e) {
            return 0; // does not fit
        }
    }

    /// The payload that was appended.
    ///
    /// @throws IOException if it does not unpack, though its checksum is right
    static byte[] decode(Entry entry) throws IOException {
        if (entry.header().kind() != SegmentFormat.KIND_LZ4) {
            return entry.payload();
        }
        byte[] stored = entry.payload();
        int length = stored.length < LENGTH_BYTES
                ? -1
                : ByteBuffer.wrap(stored).order(ByteOrder.LITTLE_ENDIAN).getInt();
        if (length < 1 || length > SegmentFormat.MAX_PAYLOAD_BYTES) {
            throw new IOException("entry %d: it says that it unpacks to %d bytes".formatted(entry.sequence(), length));
        }
        byte[] payload = new byte[length];
        try {
            int unpacked = DECOMPRESSOR.decompress(stored, LENGTH_BYTES, stored.length - LENGTH_BYTES, payload, 0);
            if (unpacked != length) {
                throw new IOException(
                        "entry %d: unpacked %d bytes of %d".formatted(entry.sequence(), unpacked, length));
            }
        } catch (LZ4Exception e) {
            throw new IOException("entry %d does not unpack: %s".formatted(entry.sequence(), e.getMessage()), e);
        }
        return payload;
    }
}
