package io.sluice.ingester.sink;

/// A write reached the log, and then something failed: it may or may not be there after a restart.
public final class OutcomeUnknownException extends Exception {
    public OutcomeUnknownException(String message, Throwable cause) {
        super(message, cause);
    }
}
