package io.sluice.ingester.http.server;

/// A request's head is no HTTP that is understood here. Behind it nothing can be read.
final class BadRequestException extends Exception {
    private final int status;

    BadRequestException(int status, String message) {
        super(message, null, false, false);
        this.status = status;
    }

    int status() {
        return status;
    }
}
