package io.sluice.ingester.sink;

import io.sluice.ingester.door.WriteOutcome;

/// A write was refused before it reached the log: it had no effect and never will.
public final class WriteRefusedException extends Exception {
    private final WriteOutcome.Reason reason;

    public WriteRefusedException(WriteOutcome.Reason reason, String message) {
        super(message);
        this.reason = reason;
    }

    public WriteOutcome.Reason reason() {
        return reason;
    }
}
