package io.sluice.ingester.http;

import java.io.IOException;
import java.io.InputStream;

/// Bytes of a body, as they are wanted.
interface BodySource {
    /// Reads up to `length` bytes, at least 1; -1 at the end.
    ///
    /// @throws IOException if the connection or its framing fails
    /// @throws HttpError if what comes is wrong
    int read(byte[] into, int from, int length) throws IOException, HttpError;

    /// The bytes as they were sent.
    static BodySource of(InputStream body) {
        return (into, from, length) -> {
            try {
                return body.read(into, from, length);
            } catch (IndexOutOfBoundsException e) {
                // The JDK's server takes a chunk's length above 2^31 for a negative one.
                throw new IOException("invalid chunk length", e);
            }
        };
    }
}
