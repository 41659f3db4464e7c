package io.sluice.ingester.cli;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.RetryInfo;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ClientCalls;
import io.sluice.ingester.lineprotocol.LineError;
import io.sluice.ingester.lineprotocol.LineProtocolParser;
import io.sluice.ingester.lineprotocol.ParseOptions;
import io.sluice.ingester.lineprotocol.ParsedLines;
import io.sluice.ingester.lineprotocol.Precision;
import io.sluice.model.NamespaceName;
import io.sluice.proto.v1.WriteRequest;
import io.sluice.proto.v1.WriteResponse;
import io.sluice.proto.v1.WriteServiceGrpc;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/// Sends batches of lines as writes, a few at a time, and tries again what the server asks to be tried again. For one
/// thread.
final class LineSender {
    private static final int MAX_ATTEMPTS = 20;
    private static final int MAX_ERRORS = 20;
    /// The server's advice is followed within these bounds.
    private static final Duration MIN_RETRY_DELAY = Duration.ofMillis(10);

    private static final Duration MAX_RETRY_DELAY = Duration.ofSeconds(30);
    /// An answer that takes longer is given up: the outcome is not known then.
    private static final Duration ANSWER_DEADLINE = Duration.ofMinutes(2);

    private final ManagedChannel channel;
    private final NamespaceName namespace;
    private final Precision precision;
    private final Progress progress;
    private final int maxInFlight;
    private final LineProtocolParser parser =
            new LineProtocolParser(ThreadLocalRandom.current().nextLong());
    private final Deque<InFlight> inFlight = new ArrayDeque<>();
    private boolean all = true;
    private int errors;

    LineSender(
            ManagedChannel channel, NamespaceName namespace, Precision precision, int maxInFlight, Progress progress) {
        this.channel = channel;
        this.namespace = namespace;
        this.precision = precision;
        this.maxInFlight = maxInFlight;
        this.progress = progress;
    }

    /// @param place the lines, in words
    private record InFlight(WriteRequest request, long rows, String place, Future<WriteResponse> answer) {}

    /// Sends the good lines of a batch, and tells which are bad.
    void send(String input, LineBatches.Batch batch) {
        long nowNs = Clock.systemUTC().millis() * 1_000_000L;
        ParsedLines lines = parser.parse(
                batch.bytes(),
                0,
                batch.lengthBytes(),
                new ParseOptions(namespace, precision, nowNs, MAX_ERRORS, _ -> Optional.empty()));
        for (LineError error : lines.errors()) {
            tell("%s line %d: %s".formatted(input, batch.firstLine() + error.lineNumber() - 1, error.reason()));
        }
        if (lines.badLines() > 0) {
            all = false;
            progress.bad(lines.badLines());
        }
        if (lines.request().isPresent()) {
            WriteRequest request = parsed(lines.request().get());
            String place = "%s lines %d to %d".formatted(input, batch.firstLine(), batch.lastLine());
            inFlight.addLast(new InFlight(request, lines.rows(), place, start(request)));
            if (inFlight.size() >= maxInFlight) {
                await(inFlight.removeFirst());
            }
        }
    }

    private static WriteRequest parsed(byte[] bytes) {
        try {
            return WriteRequest.parseFrom(ByteString.copyFrom(bytes));
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException("the parser writes no valid request", e);
        }
    }

    private Future<WriteResponse> start(WriteRequest request) {
        return ClientCalls.futureUnaryCall(
                channel.newCall(
                        WriteServiceGrpc.getWriteMethod(),
                        CallOptions.DEFAULT.withDeadlineAfter(ANSWER_DEADLINE.toSeconds(), TimeUnit.SECONDS)),
                request);
    }

    private void await(InFlight first) {
        Future<WriteResponse> answer = first.answer();
        for (int attempt = 1; ; attempt++) {
            try {
                answer.get();
                progress.written(first.rows());
                return;
            } catch (ExecutionException e) {
                Throwable cause = Optional.ofNullable(e.getCause()).orElse(e);
                Optional<Duration> again = retryAfter(cause);
                if (again.isEmpty() || attempt == MAX_ATTEMPTS) {
                    giveUp(first, cause);
                    return;
                }
                tell("%s: the server asks to try again in %d ms: %s"
                        .formatted(
                                first.place(),
                                again.get().toMillis(),
                                Status.fromThrowable(cause).getDescription()));
                LockSupport.parkNanos(again.get().toNanos());
                answer = start(first.request());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new CommandFailedException(ExitCodes.PARTIAL, "interrupted");
            }
        }
    }

    private void giveUp(InFlight write, Throwable cause) {
        Status status = Status.fromThrowable(cause);
        if (status.getCode() == Status.Code.UNAVAILABLE) {
            tell("%s, and what follows, may not be written".formatted(write.place()));
            throw status.asRuntimeException();
        }
        all = false;
        progress.bad(write.rows());
        tell("%s: %d rows were not written: %s: %s"
                .formatted(
                        write.place(),
                        write.rows(),
                        status.getCode(),
                        status.getCode() == Status.Code.DEADLINE_EXCEEDED
                                ? "no answer within %d s, so it is not known whether they were"
                                        .formatted(ANSWER_DEADLINE.toSeconds())
                                : status.getDescription()));
    }

    /// How long the server asks to wait; empty if it does not ask.
    private static Optional<Duration> retryAfter(Throwable failure) {
        if (!(failure instanceof StatusRuntimeException status)) {
            return Optional.empty();
        }
        com.google.rpc.Status details = StatusProto.fromThrowable(status);
        if (details != null) {
            for (Any detail : details.getDetailsList()) {
                if (detail.is(RetryInfo.class)) {
                    try {
                        com.google.protobuf.Duration delay =
                                detail.unpack(RetryInfo.class).getRetryDelay();
                        return Optional.of(bounded(Duration.ofSeconds(delay.getSeconds(), delay.getNanos())));
                    } catch (InvalidProtocolBufferException e) {
                        return Optional.empty(); // said in a way that nobody understands
                    }
                }
            }
        }
        return Optional.empty();
    }

    private static Duration bounded(Duration delay) {
        Duration atLeast = delay.compareTo(MIN_RETRY_DELAY) < 0 ? MIN_RETRY_DELAY : delay;
        return atLeast.compareTo(MAX_RETRY_DELAY) > 0 ? MAX_RETRY_DELAY : atLeast;
    }

    private void tell(String message) {
        if (errors < MAX_ERRORS) {
            progress.tell(message);
        } else if (errors == MAX_ERRORS) {
            progress.tell("more like that is counted, not shown");
        }
        errors++;
    }

    /// Waits for what is under way; whether all lines were written.
    boolean finish() {
        while (!inFlight.isEmpty()) {
            await(inFlight.removeFirst());
        }
        return all;
    }
}
