package io.sluice.ingester.http.server;

import java.io.IOException;

/// A client took too long to send its request.
public final class SlowClientException extends IOException {
    SlowClientException() {
        super("the client sent too slowly (--slow-client-timeout)");
    }
}
