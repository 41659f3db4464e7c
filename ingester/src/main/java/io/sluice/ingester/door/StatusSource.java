package io.sluice.ingester.door;

/// Tells what the server is doing.
@FunctionalInterface
public interface StatusSource {
    /// A JSON document.
    String json();
}
