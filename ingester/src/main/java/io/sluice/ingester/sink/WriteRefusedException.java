package io.sluice.ingester.sink;

import io.sluice.ingester.door.WriteOutcome;
import java.util.Optional;

/// A write was refused before it reached the log: it had no effect and never will.
public final class WriteRefusedException extends Exception {
    private final WriteOutcome.Reason reason;
    private final transient Optional<WriteOutcome.Refused> refusal;

    public WriteRefusedException(WriteOutcome.Reason reason, String message) {
        super(message);
        this.reason = reason;
        this.refusal = Optional.empty();
    }

    /// Of a write that is told more than why.
    public WriteRefusedException(WriteOutcome.Refused refusal) {
        super(refusal.message());
        this.reason = refusal.reason();
        this.refusal = Optional.of(refusal);
    }

    /// What the client is told; empty if that follows from the reason.
    public Optional<WriteOutcome.Refused> refusal() {
        return refusal;
    }

    public WriteOutcome.Reason reason() {
        return reason;
    }
}
