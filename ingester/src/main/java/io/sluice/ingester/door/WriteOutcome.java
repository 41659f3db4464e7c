package io.sluice.ingester.door;

import io.sluice.model.SequenceNumber;
import java.time.Duration;
import java.util.Optional;

/// What became of a write.
public sealed interface WriteOutcome {
    /// On disk, and seen by every query from now on.
    record Written(SequenceNumber sequence) implements WriteOutcome {}

    /// Anything else.
    sealed interface Failure extends WriteOutcome {}

    /// The request is wrong, and will be wrong again. Nothing was written.
    record Invalid(String message) implements Failure {}

    /// The request contradicts the schema: a column has another kind or type. Nothing was written.
    record Conflict(String message) implements Failure {}

    /// The write needs a namespace, table or column more than there may be. Nothing was written.
    record LimitReached(Limit limit, String message) implements Failure {}

    /// Of what there may be no more; with `_LIMIT` behind it the `ErrorInfo.reason` on the wire.
    enum Limit {
        NAMESPACE_COUNT,
        TABLE_COUNT,
        COLUMN_COUNT
    }

    /// Not now. Nothing was written.
    ///
    /// @param retryAfter how long to wait before trying again
    /// @param quota the limit that is reached; empty if there is none, or it has no number
    record Refused(Reason reason, String message, Duration retryAfter, Optional<Quota> quota) implements Failure {
        public Refused(Reason reason, String message, Duration retryAfter) {
            this(reason, message, retryAfter, Optional.empty());
        }
    }

    /// A limit, and how much of it is used.
    ///
    /// @param pool what it is a limit of
    /// @param bucket which part of that
    record Quota(String pool, String bucket, long limit, long current) {}

    /// The write may or may not be there after a restart.
    record Unknown(String message) implements Failure {}

    /// Why a write was refused; the name is the `ErrorInfo.reason` on the wire. What lasts longest stands first: of
    /// several reasons, it is the one that is told.
    enum Reason {
        /// Another process runs under this one's id; this one is about to end.
        FENCED,
        /// The log failed; the process is about to end.
        WAL_FAILED,
        /// Stopping.
        GRACEFUL_STOP,
        /// Starting: the log is being replayed.
        NOT_READY,
        /// A disk is nearly full.
        DISK_FULL,
        /// The log has no room for another segment.
        WAL_FULL,
        /// The ledger of bytes is full.
        MEMORY_LIMIT,
        /// The write's namespace has rows of as many partitions as it may, and it needs another.
        PARTITION_LIMIT,
        /// The persist queue is full.
        PERSIST_SATURATED,
        /// The catalog does not answer.
        CATALOG_UNAVAILABLE,
        /// The writes in flight fill their budget, in bytes or in number.
        INFLIGHT_BYTES,
        /// Too many requests or streams at once.
        ADMISSION_LIMIT,
        /// Too many requests for one namespace at once.
        NAMESPACE_LIMIT
    }
}
