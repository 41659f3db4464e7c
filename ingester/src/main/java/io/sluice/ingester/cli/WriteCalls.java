package io.sluice.ingester.cli;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ClientCalls;
import io.sluice.proto.v1.WriteRequest;
import io.sluice.proto.v1.WriteResponse;
import io.sluice.proto.v1.WriteServiceGrpc;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/// Writes on a channel, tried again for as long as the server asks for that. For one thread.
final class WriteCalls {
    static final int MAX_ATTEMPTS = 20;
    /// The server's advice is followed within these bounds.
    static final Duration MIN_RETRY_DELAY = Duration.ofMillis(10);

    static final Duration MAX_RETRY_DELAY = Duration.ofSeconds(30);
    /// An answer that takes longer is given up: the outcome is not known then.
    private static final Duration ANSWER_DEADLINE = Duration.ofMinutes(2);

    private final ManagedChannel channel;
    private final Consumer<Duration> pause;

    /// @param pause waits
    WriteCalls(ManagedChannel channel, Consumer<Duration> pause) {
        this.channel = channel;
        this.pause = pause;
    }

    /// What became of a write.
    sealed interface Answer {
        /// Its rows are durable.
        record Written() implements Answer {}

        /// Nothing of it was written, nor ever will be as it is; a part of it may be good.
        record Rejected(String reason) implements Answer {}

        /// Given up.
        ///
        /// @param isWrittenPerhaps whether it may have been written all the same
        record Failed(String reason, boolean isWrittenPerhaps) implements Answer {}

        /// The server cannot be reached, or does not serve: there is no use in going on.
        record Unavailable(StatusRuntimeException failure) implements Answer {}
    }

    /// Sends a write, and does not wait for the answer.
    Future<WriteResponse> start(WriteRequest request) {
        return ClientCalls.futureUnaryCall(
                channel.newCall(
                        WriteServiceGrpc.getWriteMethod(),
                        CallOptions.DEFAULT.withDeadlineAfter(ANSWER_DEADLINE.toSeconds(), TimeUnit.SECONDS)),
                request);
    }

    /// Waits for the answer to a write that was sent.
    ///
    /// @param onRetry hears why, and in how many milliseconds, it is sent again
    Answer await(WriteRequest request, Future<WriteResponse> sent, Consumer<String> onRetry)
            throws InterruptedException {
        Future<WriteResponse> answer = sent;
        for (int attempt = 1; ; attempt++) {
            try {
                answer.get();
                return new Answer.Written();
            } catch (ExecutionException e) {
                StatusRuntimeException failure = e.getCause() instanceof StatusRuntimeException status
                        ? status
                        : Status.fromThrowable(e).asRuntimeException();
                Optional<Duration> again = retryAfter(failure);
                if (again.isEmpty() || attempt == MAX_ATTEMPTS) {
                    return failed(failure, again.isPresent());
                }
                onRetry.accept("the server asks to try again in %d ms: %s"
                        .formatted(again.get().toMillis(), failure.getStatus().getDescription()));
                pause.accept(again.get());
                answer = start(request);
            }
        }
    }

    /// @param isRefusal whether the server has asked to try again
    private static Answer failed(StatusRuntimeException failure, boolean isRefusal) {
        Status status = failure.getStatus();
        String reason = "%s: %s".formatted(status.getCode(), status.getDescription());
        Optional<String> sideEffects = detail(failure, ErrorInfo.class)
                .map(info -> info.getMetadataOrDefault("side_effects", ""))
                .filter(effects -> !effects.isEmpty());
        return switch (status.getCode()) {
            case UNAVAILABLE -> new Answer.Unavailable(failure);
            case INVALID_ARGUMENT -> new Answer.Rejected(reason);
            // Either the server is full, or the request is too large: then nobody asks to try it again.
            case RESOURCE_EXHAUSTED -> isRefusal ? new Answer.Failed(reason, false) : new Answer.Rejected(reason);
            case DEADLINE_EXCEEDED ->
                new Answer.Failed("no answer within %d s".formatted(ANSWER_DEADLINE.toSeconds()), true);
            case INTERNAL, UNKNOWN, CANCELLED, ABORTED, DATA_LOSS ->
                new Answer.Failed(reason, !sideEffects.equals(Optional.of("none")));
            default -> new Answer.Failed(reason, sideEffects.equals(Optional.of("possible")));
        };
    }

    /// How long the server asks to wait; empty if it does not ask.
    private static Optional<Duration> retryAfter(StatusRuntimeException failure) {
        return detail(failure, RetryInfo.class).map(RetryInfo::getRetryDelay).map(WriteCalls::bounded);
    }

    private static Duration bounded(com.google.protobuf.Duration asked) {
        // Compared in seconds first: what a server says may be more than a duration holds in nanoseconds.
        if (asked.getSeconds() >= MAX_RETRY_DELAY.toSeconds()) {
            return MAX_RETRY_DELAY;
        }
        Duration delay = Duration.ofSeconds(Math.max(0, asked.getSeconds()), asked.getNanos());
        return delay.compareTo(MIN_RETRY_DELAY) < 0 ? MIN_RETRY_DELAY : delay;
    }

    private static <T extends Message> Optional<T> detail(StatusRuntimeException failure, Class<T> type) {
        com.google.rpc.Status details = StatusProto.fromThrowable(failure);
        if (details != null) {
            for (Any detail : details.getDetailsList()) {
                if (detail.is(type)) {
                    try {
                        return Optional.of(detail.unpack(type));
                    } catch (InvalidProtocolBufferException e) {
                        return Optional.empty(); // said in a way that nobody understands
                    }
                }
            }
        }
        return Optional.empty();
    }
}
