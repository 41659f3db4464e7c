package io.sluice.ingester.http.server;

import java.io.IOException;

/// Answers requests, each on a thread of its own, which it may block.
@FunctionalInterface
public interface HttpHandler {
    /// Answers one request ([HttpCall#answer]).
    ///
    /// @throws IOException if the connection fails; it is closed then
    void handle(HttpCall call) throws IOException;
}
