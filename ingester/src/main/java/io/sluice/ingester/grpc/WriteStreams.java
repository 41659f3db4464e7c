package io.sluice.ingester.grpc;

import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.ingester.admission.Admission;
import io.sluice.ingester.admission.AdmissionPermit;
import io.sluice.ingester.admission.WriteAdmission;
import io.sluice.ingester.door.StreamedWriteHandler;
import io.sluice.ingester.door.WriteOutcome.Refused;
import io.sluice.proto.v1.WriteStreamResponse;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;

/// The open write streams: refuses one too many, and ends them when the server stops. Any thread may call.
final class WriteStreams {
    private final WriteAdmission admission;
    private final StreamedWriteHandler writes;
    private final int maxMessageBytes;
    private final Executor executor;
    private final MeterRegistry metrics;
    private final Set<WriteStreamCall> calls = ConcurrentHashMap.newKeySet();
    private volatile boolean isStopping;

    WriteStreams(
            WriteAdmission admission,
            StreamedWriteHandler writes,
            int maxMessageBytes,
            Executor executor,
            MeterRegistry metrics) {
        this.admission = admission;
        this.writes = writes;
        this.maxMessageBytes = maxMessageBytes;
        this.executor = executor;
        this.metrics = metrics;
        Gauge.builder("sluice.write.streams.open", calls::size)
                .description("Write streams that are open")
                .register(metrics);
    }

    int maxMessageBytes() {
        return maxMessageBytes;
    }

    /// Begins a stream, unless there are too many.
    ServerCall.Listener<InboundMessage> open(ServerCall<InboundMessage, WriteStreamResponse> call) {
        return switch (admission.admitStream()) {
            case Admission.Rejected(Refused why) -> refuse(call, Failure.refused(why));
            case Admission.Admitted(AdmissionPermit permit) -> {
                boolean done = false;
                try {
                    ServerCall.Listener<InboundMessage> listener = begin(call);
                    done = true;
                    yield new Admitted(listener, permit);
                } finally {
                    if (!done) {
                        permit.close();
                    }
                }
            }
        };
    }

    /// Gives a stream's place back when gRPC has told that the stream is over, and not before: until then it takes
    /// memory, whether it was closed or not.
    private static final class Admitted extends SimpleForwardingServerCallListener<InboundMessage> {
        private final AdmissionPermit permit;

        Admitted(ServerCall.Listener<InboundMessage> stream, AdmissionPermit permit) {
            super(stream);
            this.permit = permit;
        }

        @Override
        public void onMessage(InboundMessage message) {
            try {
                super.onMessage(message);
            } catch (Error e) {
                // Let through, it would keep gRPC from telling of the stream's end.
                throw new IllegalStateException(e);
            }
        }

        @Override
        public void onComplete() {
            try (permit) {
                super.onComplete();
            }
        }

        @Override
        public void onCancel() {
            try (permit) {
                super.onCancel();
            }
        }
    }

    private WriteStreamCall begin(ServerCall<InboundMessage, WriteStreamResponse> call) {
        ConnectionThread connection = Optional.ofNullable(Arrival.KEY.get())
                .flatMap(Arrival::thread)
                .orElseGet(() -> ConnectionThread.unknown(executor));
        WriteStreamCall stream =
                new WriteStreamCall(call, writes, admission::streamCatalogAccess, executor, connection, this::ended);
        calls.add(stream);
        boolean done = false;
        try {
            stream.start();
            done = true;
        } finally {
            if (!done) {
                calls.remove(stream);
            }
        }
        if (isStopping) {
            stream.stop(Failure.refused(admission.stopping()));
        }
        return stream;
    }

    private ServerCall.Listener<InboundMessage> refuse(
            ServerCall<InboundMessage, WriteStreamResponse> call, Failure failure) {
        Metadata trailers = WriteStreamCall.trailers(0, failure);
        count("TOO_MANY_STREAMS");
        call.close(Statuses.of(failure, trailers), trailers);
        return new ServerCall.Listener<>() {};
    }

    private void ended(WriteStreamCall stream, String reason) {
        count(reason); // before it is gone
        calls.remove(stream);
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
        calls.forEach(stream -> stream.stop(Failure.refused(admission.stopping())));
    }
}
