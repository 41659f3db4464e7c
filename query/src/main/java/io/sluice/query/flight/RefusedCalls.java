package io.sluice.query.flight;

import com.google.protobuf.Any;
import com.google.protobuf.Duration;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.sluice.query.QueryRefusal;

/// Refusals as gRPC statuses, in the shape that writes' have: `google.rpc.ErrorInfo`, `google.rpc.RetryInfo`, and the
/// trailer that gRPC's own retry obeys.
final class RefusedCalls {
    private static final String DOMAIN = "sluice";
    private static final Metadata.Key<String> PUSHBACK =
            Metadata.Key.of("grpc-retry-pushback-ms", Metadata.ASCII_STRING_MARSHALLER);

    private RefusedCalls() {}

    /// @param trailers to be sent along; taken over
    static StatusRuntimeException status(QueryRefusal refusal, Metadata trailers) {
        trailers.put(PUSHBACK, Long.toString(refusal.retryAfter().toMillis()));
        return StatusProto.toStatusRuntimeException(
                com.google.rpc.Status.newBuilder()
                        .setCode((refusal.isServing() ? Code.RESOURCE_EXHAUSTED : Code.UNAVAILABLE).getNumber())
                        .setMessage(refusal.message())
                        .addDetails(Any.pack(ErrorInfo.newBuilder()
                                .setReason(refusal.reason())
                                .setDomain(DOMAIN)
                                .putAllMetadata(refusal.details())
                                .putMetadata("side_effects", "none")
                                .build()))
                        .addDetails(Any.pack(RetryInfo.newBuilder()
                                .setRetryDelay(Duration.newBuilder()
                                        .setSeconds(refusal.retryAfter().toSeconds())
                                        .setNanos(refusal.retryAfter().toNanosPart()))
                                .build()))
                        .build(),
                trailers);
    }
}
