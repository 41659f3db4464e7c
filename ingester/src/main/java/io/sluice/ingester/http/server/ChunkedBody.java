package io.sluice.ingester.http.server;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;

/// A body that comes in chunks, each with its length; what stands behind the last one is passed over.
final class ChunkedBody extends InputStream {
    /// Of a line before or behind a chunk, and of all lines behind the last one.
    private static final int MAX_LINE_BYTES = 8 * 1_024;

    private final ConnectionInput in;
    private long leftBytes;
    private boolean isFirst = true;
    private boolean isOver;

    ChunkedBody(ConnectionInput in) {
        this.in = in;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int from, int length) throws IOException {
        if (leftBytes == 0 && !isOver) {
            beginChunk();
        }
        if (isOver) {
            return -1;
        }
        int read = in.read(into, from, (int) Math.min(length, leftBytes));
        if (read < 0) {
            throw ended();
        }
        leftBytes -= read;
        return read;
    }

    private void beginChunk() throws IOException {
        if (!isFirst) {
            expectEmptyLine();
        }
        isFirst = false;
        leftBytes = readLength();
        if (leftBytes == 0) {
            skipTrailers();
            isOver = true;
        }
    }

    private void expectEmptyLine() throws IOException {
        int c = next();
        if (c == '\r') {
            c = next();
        }
        if (c != '\n') {
            throw new IOException("invalid chunk: it is longer than it says");
        }
    }

    /// Reads a line of a length in hexadecimal digits, with or without extensions, which mean nothing.
    private long readLength() throws IOException {
        long length = 0;
        int digits = 0;
        int read = 0;
        boolean isExtension = false;
        while (true) {
            int c = next();
            if (++read > MAX_LINE_BYTES) {
                throw new IOException("invalid chunk: its length takes more than %d bytes".formatted(MAX_LINE_BYTES));
            }
            if (c == '\n') {
                break;
            }
            if (c == ';' || c == '\r' || c == ' ' || c == '\t') {
                isExtension = true;
            } else if (!isExtension) {
                int digit = Character.digit(c, 16);
                length = length * 16 + digit;
                digits++;
                if (digit < 0 || length > Integer.MAX_VALUE) {
                    throw new IOException("invalid chunk length");
                }
            }
        }
        if (digits == 0) {
            throw new IOException("invalid chunk: it has no length");
        }
        return length;
    }

    private void skipTrailers() throws IOException {
        int left = MAX_LINE_BYTES;
        boolean isEmpty = true;
        while (true) {
            int c = next();
            if (--left < 0) {
                throw new IOException(
                        "invalid chunk: behind the last one are more than %d bytes".formatted(MAX_LINE_BYTES));
            }
            if (c == '\n') {
                if (isEmpty) {
                    return;
                }
                isEmpty = true;
            } else if (c != '\r') {
                isEmpty = false;
            }
        }
    }

    private int next() throws IOException {
        int c = in.read();
        if (c < 0) {
            throw ended();
        }
        return c;
    }

    private static EOFException ended() {
        return new EOFException("the connection was closed before the last chunk");
    }
}
