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
        return body::read;
    }
}
