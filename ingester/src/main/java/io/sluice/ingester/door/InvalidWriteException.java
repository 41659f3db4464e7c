package io.sluice.ingester.door;

/// A request is wrong in itself. The message names what, where, what was expected and what was found.
public final class InvalidWriteException extends Exception {
    public InvalidWriteException(String message) {
        super(message);
    }
}
