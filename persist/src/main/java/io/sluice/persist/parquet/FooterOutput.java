package io.sluice.persist.parquet;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.Consumer;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.Util;
import org.apache.parquet.io.OutputFile;
import org.apache.parquet.io.PositionOutputStream;

/// Where Parquet's writer writes: passes everything on until the footer is to come, which is held back to be completed.
final class FooterOutput extends PositionOutputStream implements OutputFile {
    private static final int TRAILER_BYTES = 8; // footer length, magic

    private final OutputStream out;
    private final ByteArrayOutputStream held = new ByteArrayOutputStream();
    private long position;
    private boolean holding;
    private Optional<IOException> failure = Optional.empty();

    FooterOutput(OutputStream out) {
        this.out = out;
    }

    /// Holds back what comes from now on.
    void hold() {
        holding = true;
    }

    /// What the stream below threw first.
    Optional<IOException> failure() {
        return failure;
    }

    /// Completes the footer and writes what was held back; returns the file's length.
    long release(Consumer<FileMetaData> completion) throws IOException {
        byte[] bytes = held.toByteArray();
        ByteBuffer trailer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int footerEnd = bytes.length - TRAILER_BYTES;
        int footerStart = footerEnd - trailer.getInt(footerEnd);
        FileMetaData footer =
                Util.readFileMetaData(new ByteArrayInputStream(bytes, footerStart, footerEnd - footerStart));
        completion.accept(footer);
        ByteArrayOutputStream rewritten = new ByteArrayOutputStream();
        Util.writeFileMetaData(footer, rewritten);
        out.write(bytes, 0, footerStart);
        rewritten.writeTo(out);
        out.write(ByteBuffer.allocate(Integer.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(rewritten.size())
                .array());
        out.write(Arrays.copyOfRange(bytes, footerEnd + Integer.BYTES, bytes.length));
        return position - bytes.length + footerStart + rewritten.size() + TRAILER_BYTES;
    }

    @Override
    public long getPos() {
        return position;
    }

    @Override
    public void write(int b) throws IOException {
        write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
        try {
            (holding ? held : out).write(bytes, from, length);
        } catch (IOException e) {
            failure = failure.or(() -> Optional.of(e));
            throw e;
        }
        position += length;
    }

    @Override
    public void close() {
        // The stream below is the caller's.
    }

    @Override
    public PositionOutputStream create(long blockSizeHint) {
        return this;
    }

    @Override
    public PositionOutputStream createOrOverwrite(long blockSizeHint) {
        return this;
    }

    @Override
    public boolean supportsBlockSize() {
        return false;
    }

    @Override
    public long defaultBlockSize() {
        return 0;
    }
}
