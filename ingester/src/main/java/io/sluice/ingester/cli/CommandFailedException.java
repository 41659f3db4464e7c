package io.sluice.ingester.cli;

/// A command cannot do what was asked: one clear line, and an exit code.
final class CommandFailedException extends RuntimeException {
    private final int exitCode;

    CommandFailedException(int exitCode, String message) {
        super(message);
        this.exitCode = exitCode;
    }

    int exitCode() {
        return exitCode;
    }
}
