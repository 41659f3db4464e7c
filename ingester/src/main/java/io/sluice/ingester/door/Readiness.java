package io.sluice.ingester.door;

import java.util.List;

/// Whether the server takes writes and answers queries.
@FunctionalInterface
public interface Readiness {
    /// Why not, one line each; empty if it does.
    List<String> reasons();
}
