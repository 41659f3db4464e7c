package io.sluice.ingester.grpc;

import com.google.protobuf.Any;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.sluice.ingester.door.WriteOutcome;
import java.time.Duration;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Outcomes as gRPC statuses, with `google.rpc.ErrorInfo` (reason, side effects) and, where trying again makes sense,
/// `google.rpc.RetryInfo` and the trailer that gRPC's own retry obeys.
final class Statuses {
    private static final Logger LOG = LoggerFactory.getLogger(Statuses.class);
    private static final String DOMAIN = "sluice";
    private static final Metadata.Key<String> PUSHBACK =
            Metadata.Key.of("grpc-retry-pushback-ms", Metadata.ASCII_STRING_MARSHALLER);

    private Statuses() {}

    static StatusRuntimeException invalid(String message) {
        return status(Code.INVALID_ARGUMENT, "INVALID_WRITE", message, "none");
    }

    /// A conflict is the request's fault as much as any other error in it, so it has the same code.
    static StatusRuntimeException conflict(String message) {
        return status(Code.INVALID_ARGUMENT, "SCHEMA_CONFLICT", message, "none");
    }

    static StatusRuntimeException unknown(String message) {
        return status(Code.INTERNAL, "OUTCOME_UNKNOWN", message, "possible");
    }

    static StatusRuntimeException refused(WriteOutcome.Refused refused) {
        Code code = switch (refused.reason()) {
            case NOT_READY, GRACEFUL_STOP, WAL_FAILED, FENCED, CATALOG_UNAVAILABLE -> Code.UNAVAILABLE;
            case PERSIST_SATURATED, WAL_FULL, ADMISSION_LIMIT, MEMORY_LIMIT -> Code.RESOURCE_EXHAUSTED;
        };
        Duration after = refused.retryAfter();
        RetryInfo retry = RetryInfo.newBuilder()
                .setRetryDelay(com.google.protobuf.Duration.newBuilder()
                        .setSeconds(after.getSeconds())
                        .setNanos(after.getNano()))
                .build();
        com.google.rpc.Status status = builder(code, refused.reason().name(), refused.message(), "none")
                .addDetails(Any.pack(retry))
                .build();
        Metadata trailers = new Metadata();
        trailers.put(PUSHBACK, Long.toString(after.toMillis()));
        return StatusProto.toStatusRuntimeException(status, trailers);
    }

    /// What nobody expected: the client gets a number by which the log tells more.
    static StatusRuntimeException unexpected(Throwable failure, String sideEffects) {
        String id = UUID.randomUUID().toString();
        LOG.error("a call failed, error id {}", id, failure);
        return status(Code.INTERNAL, "INTERNAL", "internal error " + id, sideEffects);
    }

    private static StatusRuntimeException status(Code code, String reason, String message, String sideEffects) {
        return StatusProto.toStatusRuntimeException(
                builder(code, reason, message, sideEffects).build());
    }

    private static com.google.rpc.Status.Builder builder(Code code, String reason, String message, String effects) {
        return com.google.rpc.Status.newBuilder()
                .setCode(code.getNumber())
                .setMessage(message)
                .addDetails(Any.pack(ErrorInfo.newBuilder()
                        .setReason(reason)
                        .setDomain(DOMAIN)
                        .putMetadata("side_effects", effects)
                        .build()));
    }
}
