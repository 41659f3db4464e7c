package io.sluice.ingester.door;

import io.sluice.ingester.door.WriteOutcome.Reason;

/// Rows cannot be made files now, or not by this process. They stay readable and in the log.
public final class PersistRefusedException extends Exception {
    private final Reason reason;

    public PersistRefusedException(Reason reason, String message) {
        super(message);
        this.reason = reason;
    }

    public Reason reason() {
        return reason;
    }
}
