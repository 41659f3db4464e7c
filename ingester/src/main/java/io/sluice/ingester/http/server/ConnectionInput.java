package io.sluice.ingester.http.server;

import io.sluice.ingester.http.server.Patience.Phase;
import java.io.IOException;
import java.io.InputStream;

/// What comes over a connection. Has a small buffer, as there may be thousands of connections; what is read in large
/// pieces goes past it. For the connection's thread.
final class ConnectionInput {
    /// The heads of most requests are shorter, and so are small writes.
    private static final int BUFFER_BYTES = 2 * 1_024;
    /// The most that is read at once: so much the JDK copies outside of the heap.
    private static final int MAX_READ_BYTES = 128 * 1_024;

    private final InputStream in;
    private final Patience patience;
    private final byte[] buffer = new byte[BUFFER_BYTES];
    private int position;
    private int limit;

    ConnectionInput(InputStream in, Patience patience) {
        this.in = in;
        this.patience = patience;
    }

    /// The next byte; -1 at the end.
    int read() throws IOException {
        return position < limit || fill() ? buffer[position++] & 0xff : -1;
    }

    /// Waits for the next byte, which stays; false at the end.
    boolean awaitMore() throws IOException {
        return position < limit || fill();
    }

    /// Whether there are bytes that need not be waited for.
    boolean isBuffered() {
        return position < limit;
    }

    private boolean fill() throws IOException {
        position = 0;
        limit = 0;
        limit = Math.max(0, receive(buffer, 0, buffer.length));
        return limit > 0;
    }

    /// Reads up to `length` bytes, at least 1; -1 at the end.
    int read(byte[] into, int from, int length) throws IOException {
        if (position == limit && length >= buffer.length) {
            return receive(into, from, Math.min(length, MAX_READ_BYTES));
        }
        if (position == limit && !fill()) {
            return -1;
        }
        int copied = Math.min(length, limit - position);
        System.arraycopy(buffer, position, into, from, copied);
        position += copied;
        return copied;
    }

    private int receive(byte[] into, int from, int length) throws IOException {
        int received = in.read(into, from, length);
        if (received < 0 && patience.isExhausted()) {
            throw new SlowClientException();
        }
        if (received > 0 && patience.phase() == Phase.BODY) {
            patience.moved(received);
        }
        return received;
    }
}
