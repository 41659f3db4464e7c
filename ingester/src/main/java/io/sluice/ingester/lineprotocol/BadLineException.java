package io.sluice.ingester.lineprotocol;

/// The line being read is wrong. Thrown and caught within a parse; carries no stack, as bad lines may be many.
final class BadLineException extends Exception {
    BadLineException(String message) {
        super(message, null, false, false);
    }
}
