package io.sluice.ingester.door;

/// The server is starting, and cannot do yet what it was asked for. Nothing was done; it can be asked again.
public final class NotReadyException extends Exception {
    public NotReadyException(String message) {
        super(message);
    }
}
