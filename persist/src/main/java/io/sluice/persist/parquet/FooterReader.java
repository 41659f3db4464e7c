package io.sluice.persist.parquet;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.apache.parquet.format.Util;

/// Reads what the end of a Parquet file says of it, without Hadoop.
public final class FooterReader {
    /// Footer's length and magic, at a file's end; the magic is at its beginning, too.
    private static final int TRAILER_BYTES = 8;

    private static final String MAGIC = "PAR1";

    /// Of a file with thousands of columns and row groups; what is longer is damage.
    private static final int MAX_FOOTER_BYTES = 256 << 20;

    private FooterReader() {}

    /// Reads a file from a position on to its end.
    @FunctionalInterface
    public interface Tail {
        byte[] read(long positionBytes) throws IOException;
    }

    /// How many rows a file says that it has.
    ///
    /// @param sizeBytes of the file
    /// @throws IOException if it is no Parquet file; the message says why, not which file
    public static long rowCount(long sizeBytes, Tail tail) throws IOException {
        if (sizeBytes < MAGIC.length() + TRAILER_BYTES) {
            throw new IOException("it is no Parquet file: expected a trailer, found %d bytes".formatted(sizeBytes));
        }
        byte[] trailer = tail.read(sizeBytes - TRAILER_BYTES);
        int footerBytes =
                ByteBuffer.wrap(trailer).order(ByteOrder.LITTLE_ENDIAN).getInt();
        String magic = new String(trailer, Integer.BYTES, MAGIC.length(), StandardCharsets.ISO_8859_1);
        long footerStart = sizeBytes - TRAILER_BYTES - footerBytes;
        if (trailer.length != TRAILER_BYTES
                || !magic.equals(MAGIC)
                || footerBytes < 1
                || footerBytes > MAX_FOOTER_BYTES
                || footerStart < MAGIC.length()) {
            throw new IOException("it is no Parquet file: its last bytes are not those of one");
        }
        byte[] footer = tail.read(footerStart);
        try {
            return Util.readFileMetaData(new ByteArrayInputStream(footer, 0, footerBytes))
                    .getNum_rows();
        } catch (IOException | RuntimeException e) {
            throw new IOException("it is no Parquet file: its footer is damaged: " + e.getMessage(), e);
        }
    }
}
