package io.sluice.ingester.door;

import java.util.concurrent.CompletionStage;

/// Takes a write from a door. Any thread may call.
public interface WriteHandler {
    /// Writes one request, all of it or nothing.
    ///
    /// @param request the bytes of a `sluice.v1.WriteRequest`; not changed by anybody from now on
    /// @param catalog the write's way to the catalog; left when this returns
    /// @return completes with the outcome, never exceptionally; possibly on a thread that must not be blocked
    CompletionStage<WriteOutcome> write(byte[] request, CatalogAccess catalog);
}
