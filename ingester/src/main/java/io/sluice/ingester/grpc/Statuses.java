package io.sluice.ingester.grpc;

import com.google.protobuf.Any;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.ProtoUtils;
import java.time.Duration;

/// Failures as gRPC statuses, with `google.rpc.ErrorInfo` (reason, limit, side effects) and, where trying again makes
/// sense, `google.rpc.RetryInfo`; and the trailer that gRPC's own retry obeys, which otherwise says "never".
final class Statuses {
    private static final String DOMAIN = "sluice";
    private static final Metadata.Key<com.google.rpc.Status> DETAILS = Metadata.Key.of(
            "grpc-status-details-bin", ProtoUtils.metadataMarshaller(com.google.rpc.Status.getDefaultInstance()));
    private static final Metadata.Key<String> PUSHBACK =
            Metadata.Key.of("grpc-retry-pushback-ms", Metadata.ASCII_STRING_MARSHALLER);

    private static final String NEVER = "-1";

    private Statuses() {}

    static StatusRuntimeException of(Failure failure) {
        Metadata trailers = new Metadata();
        return of(failure, trailers).asRuntimeException(trailers);
    }

    /// Makes no exception, whose stack would cost more than all else of a refusal.
    ///
    /// @param trailers to be sent along; the details are added to them
    static Status of(Failure failure, Metadata trailers) {
        ErrorInfo.Builder info = ErrorInfo.newBuilder()
                .setReason(failure.reason())
                .setDomain(DOMAIN)
                .putMetadata("side_effects", failure.sideEffects());
        failure.quota()
                .ifPresent(quota -> info.putMetadata("pool", quota.pool())
                        .putMetadata("bucket", quota.bucket())
                        .putMetadata("limit", Long.toString(quota.limit()))
                        .putMetadata("current", Long.toString(quota.current())));
        com.google.rpc.Status.Builder status = com.google.rpc.Status.newBuilder()
                .setCode(failure.code().getNumber())
                .setMessage(failure.message())
                .addDetails(Any.pack(info.build()));
        failure.retryAfter()
                .ifPresentOrElse(
                        after -> {
                            status.addDetails(Any.pack(retryInfo(after)));
                            trailers.put(PUSHBACK, Long.toString(after.toMillis()));
                        },
                        // Else a client whose policy lists the code would send the same again at once.
                        () -> trailers.put(PUSHBACK, NEVER));
        trailers.put(DETAILS, status.build());
        return Status.fromCodeValue(failure.code().getNumber()).withDescription(failure.message());
    }

    private static RetryInfo retryInfo(Duration after) {
        return RetryInfo.newBuilder()
                .setRetryDelay(com.google.protobuf.Duration.newBuilder()
                        .setSeconds(after.getSeconds())
                        .setNanos(after.getNano()))
                .build();
    }
}
