package io.sluice.ingester.grpc;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.ingester.door.RetryDelays;
import io.sluice.ingester.door.StreamedWriteHandler;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.door.WriteOutcome.Refused;
import io.sluice.proto.v1.WriteStreamResponse;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;

/// The open write streams: counts them, refuses one too many, and ends them when the server stops. Any thread may call.
final class WriteStreams {
    private static final Refused STOPPING =
            new Refused(Reason.GRACEFUL_STOP, "the server is stopping", Duration.ofSeconds(5));

    private final StreamedWriteHandler writes;
    private final GrpcServer.Limits limits;
    private final Executor executor;
    private final RetryDelays delays;
    private final MeterRegistry metrics;
    /// At most as many as are allowed, but for a moment in which one is refused.
    private final AtomicInteger open = new AtomicInteger();

    private final Set<WriteStreamCall> calls = ConcurrentHashMap.newKeySet();
    private volatile boolean isStopping;

    WriteStreams(
            StreamedWriteHandler writes,
            GrpcServer.Limits limits,
            Executor executor,
            RetryDelays delays,
            MeterRegistry metrics) {
        this.writes = writes;
        this.limits = limits;
        this.executor = executor;
        this.delays = delays;
        this.metrics = metrics;
        Gauge.builder("sluice.write.streams.open", calls::size)
                .description("Write streams that are open")
                .register(metrics);
        Gauge.builder("sluice.write.streams.limit", limits::maxStreams)
                .description("Write streams that may be open")
                .register(metrics);
    }

    int maxMessageBytes() {
        return limits.maxStreamMessageBytes();
    }

    /// Begins a stream, unless there are too many.
    ServerCall.Listener<InboundMessage> open(ServerCall<InboundMessage, WriteStreamResponse> call) {
        if (open.incrementAndGet() > limits.maxStreams()) {
            open.decrementAndGet();
            return refuse(call);
        }
        WriteStreamCall stream = new WriteStreamCall(call, writes, executor, this::ended);
        calls.add(stream);
        stream.start();
        if (isStopping) {
            stream.stop(Failure.refused(STOPPING));
        }
        return stream;
    }

    private ServerCall.Listener<InboundMessage> refuse(ServerCall<InboundMessage, WriteStreamResponse> call) {
        Failure failure = Failure.refused(new Refused(
                Reason.ADMISSION_LIMIT,
                "%d write streams are open, which is the limit".formatted(limits.maxStreams()),
                delays.soon()));
        Metadata trailers = WriteStreamCall.trailers(0, failure);
        count("TOO_MANY_STREAMS");
        call.close(Statuses.of(failure, trailers).getStatus(), trailers);
        return new ServerCall.Listener<>() {};
    }

    private void ended(WriteStreamCall stream, String reason) {
        calls.remove(stream);
        open.decrementAndGet();
        count(reason);
    }

    private void count(String reason) {
        Counter.builder("sluice.write.stream.terminations")
                .description("Write streams that ended, and why")
                .tag("reason", reason)
                .register(metrics)
                .increment();
    }

    /// Ends all streams, those that are opened from now on too: each behind the acks of what it has handed over.
    void stop() {
        isStopping = true;
        calls.forEach(stream -> stream.stop(Failure.refused(STOPPING)));
    }
}
