package io.sluice.wal;

/// An entry was not taken: it had no effect and never will.
public final class WalRefusedException extends Exception {
    private final Reason reason;

    WalRefusedException(Reason reason, String message) {
        super(message);
        this.reason = reason;
    }

    public Reason reason() {
        return reason;
    }

    /// Why.
    public enum Reason {
        /// As much waits as may wait.
        QUEUE_FULL,
        /// The next segment cannot be created; tried again all the time.
        NO_SPACE,
        /// The log has as many bytes as it may have, until segments are let go of.
        FULL,
        /// The log is closed, or was not started.
        CLOSED,
        /// A write or a sync failed, which is final.
        FAILED
    }
}
