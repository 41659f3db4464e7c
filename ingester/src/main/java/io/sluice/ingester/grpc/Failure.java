package io.sluice.ingester.grpc;

import com.google.rpc.Code;
import io.sluice.ingester.door.WriteOutcome;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Why a call does not succeed, as clients hear it.
///
/// @param reason the `ErrorInfo.reason`
/// @param maybeDone whether what was asked may have happened all the same
/// @param retryAfter empty if trying again makes no sense
/// @param quota the limit that is reached, if that is the matter
record Failure(
        Code code,
        String reason,
        String message,
        boolean maybeDone,
        Optional<Duration> retryAfter,
        Optional<WriteOutcome.Quota> quota) {
    private static final Logger LOG = LoggerFactory.getLogger(Failure.class);

    Failure(Code code, String reason, String message, boolean maybeDone, Optional<Duration> retryAfter) {
        this(code, reason, message, maybeDone, retryAfter, Optional.empty());
    }

    /// What became of a write that was not written.
    static Failure of(WriteOutcome.Failure outcome) {
        return switch (outcome) {
            case WriteOutcome.Invalid(String message) -> invalid(message);
            // The request's fault as much as any other error in it, so it has the same code.
            case WriteOutcome.Conflict(String message) -> badRequest("SCHEMA_CONFLICT", message);
            case WriteOutcome.LimitReached(WriteOutcome.Limit limit, String message) -> limitReached(limit, message);
            case WriteOutcome.Refused refused -> refused(refused);
            case WriteOutcome.Unknown(String message) ->
                new Failure(Code.INTERNAL, "OUTCOME_UNKNOWN", message, true, Optional.empty());
        };
    }

    /// To try again makes no sense, hence no hint when: clients of OTLP's rule do not.
    static Failure limitReached(WriteOutcome.Limit limit, String message) {
        return new Failure(Code.RESOURCE_EXHAUSTED, limit.name() + "_LIMIT", message, false, Optional.empty());
    }

    static Failure invalid(String message) {
        return badRequest("INVALID_WRITE", message);
    }

    static Failure tooLarge(String message) {
        return badRequest("MESSAGE_TOO_LARGE", message);
    }

    /// Writes of a stream are numbered otherwise than they must be.
    static Failure badSequence(String message) {
        return badRequest("CLIENT_SEQUENCE", message);
    }

    /// A client stopped in the middle of a message, or does not read what it is told.
    static Failure slow(Duration timeout) {
        return new Failure(
                Code.ABORTED,
                "SLOW_CLIENT",
                "the client has sent less than %d bytes of its message for %d s (--slow-client-timeout)"
                        .formatted(Arrival.STEP_BYTES, timeout.toSeconds()),
                false,
                Optional.empty());
    }

    /// A message is packed that may not be: nobody would count what it unpacks to.
    static Failure packed(String encoding) {
        return new Failure(
                Code.UNIMPLEMENTED,
                "PACKED_MESSAGE",
                "grpc-encoding is '%s': expected identity, as only writes may be packed".formatted(encoding),
                false,
                Optional.empty());
    }

    private static Failure badRequest(String reason, String message) {
        return new Failure(Code.INVALID_ARGUMENT, reason, message, false, Optional.empty());
    }

    static Failure refused(WriteOutcome.Refused refused) {
        Code code = switch (refused.reason()) {
            case NOT_READY, GRACEFUL_STOP, WAL_FAILED, FENCED, CATALOG_UNAVAILABLE -> Code.UNAVAILABLE;
            case PERSIST_SATURATED,
                    DISK_FULL,
                    WAL_FULL,
                    ADMISSION_LIMIT,
                    NAMESPACE_LIMIT,
                    INFLIGHT_BYTES,
                    MEMORY_LIMIT,
                    PARTITION_LIMIT -> Code.RESOURCE_EXHAUSTED;
        };
        return new Failure(
                code,
                refused.reason().name(),
                refused.message(),
                false,
                Optional.of(refused.retryAfter()),
                refused.quota());
    }

    /// What nobody expected: the client gets a number by which the log tells more.
    static Failure unexpected(Throwable cause, boolean maybeDone) {
        String id = UUID.randomUUID().toString();
        LOG.error("a call failed, error id {}", id, cause);
        return new Failure(Code.INTERNAL, "INTERNAL", "internal error " + id, maybeDone, Optional.empty());
    }

    /// The same, of which it is known that more than itself may have happened.
    Failure withDoubt(boolean isInDoubt) {
        return isInDoubt && !maybeDone ? new Failure(code, reason, message, true, retryAfter, quota) : this;
    }

    /// On the wire: `none` or `possible`.
    String sideEffects() {
        return maybeDone ? "possible" : "none";
    }
}
