package io.sluice.ingester.http.server;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;

/// A body that tells its length beforehand.
final class FixedBody extends InputStream {
    private final ConnectionInput in;
    private long leftBytes;

    FixedBody(ConnectionInput in, long lengthBytes) {
        this.in = in;
        this.leftBytes = lengthBytes;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int from, int length) throws IOException {
        if (leftBytes == 0) {
            return -1;
        }
        int read = in.read(into, from, (int) Math.min(length, leftBytes));
        if (read < 0) {
            throw new EOFException("the connection was closed, and %d bytes are missing".formatted(leftBytes));
        }
        leftBytes -= read;
        return read;
    }
}
