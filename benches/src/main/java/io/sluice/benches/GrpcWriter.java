package io.sluice.benches;

import java.io.IOException;
import java.util.concurrent.CompletableFuture;

/// Sends writes over a gRPC connection of its own. Any thread may write.
interface GrpcWriter extends AutoCloseable {
    /// Sends a `sluice.v1.WriteRequest`, without waiting.
    ///
    /// @param acked hears once that the write is acknowledged, on the connection's thread; never if it fails
    void write(byte[] request, Runnable acked);

    /// Completes when a write fails; never otherwise.
    CompletableFuture<IOException> failure();

    /// Breaks off what is in flight.
    @Override
    void close();
}
