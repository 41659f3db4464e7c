package io.sluice.ingester.grpc;

import io.grpc.BindableService;
import io.grpc.MethodDescriptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import io.sluice.ingester.door.StreamedWriteHandler;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.model.SequenceNumber;
import io.sluice.proto.v1.WriteResponse;
import io.sluice.proto.v1.WriteServiceGrpc;
import io.sluice.proto.v1.WriteStreamResponse;
import org.jspecify.annotations.Nullable;

/// `sluice.v1.WriteService`. Requests are not parsed here: the bytes go on as they came, to be logged as they are.
final class WriteServiceDoor implements BindableService {
    private final StreamedWriteHandler writes;
    private final int maxRequestBytes;
    private final WriteStreams streams;

    WriteServiceDoor(StreamedWriteHandler writes, int maxRequestBytes, WriteStreams streams) {
        this.writes = writes;
        this.maxRequestBytes = maxRequestBytes;
        this.streams = streams;
    }

    @Override
    public ServerServiceDefinition bindService() {
        MethodDescriptor<InboundMessage, WriteResponse> write =
                method(WriteServiceGrpc.getWriteMethod(), maxRequestBytes);
        MethodDescriptor<InboundMessage, WriteStreamResponse> writeStream =
                method(WriteServiceGrpc.getWriteStreamMethod(), streams.maxMessageBytes());
        ServiceDescriptor service = ServiceDescriptor.newBuilder(WriteServiceGrpc.SERVICE_NAME)
                .setSchemaDescriptor(WriteServiceGrpc.getServiceDescriptor().getSchemaDescriptor())
                .addMethod(write)
                .addMethod(writeStream)
                .build();
        return ServerServiceDefinition.builder(service)
                .addMethod(write, ServerCalls.asyncUnaryCall(this::write))
                .addMethod(writeStream, (call, _) -> streams.open(call))
                .build();
    }

    /// The method as generated, but for how requests are read.
    private static <R> MethodDescriptor<InboundMessage, R> method(MethodDescriptor<?, R> generated, int maxBytes) {
        return MethodDescriptor.<InboundMessage, R>newBuilder()
                .setType(generated.getType())
                .setFullMethodName(generated.getFullMethodName())
                .setRequestMarshaller(new InboundMessage.Marshaller(maxBytes))
                .setResponseMarshaller(generated.getResponseMarshaller())
                // For reflection.
                .setSchemaDescriptor(generated.getSchemaDescriptor())
                .build();
    }

    private void write(InboundMessage request, StreamObserver<WriteResponse> reply) {
        if (request.excess().isPresent()) {
            fail(reply, Failure.tooLarge(request.excess().get()));
            return;
        }
        try {
            var _ = writes.write(request.bytes()).whenComplete((outcome, failure) -> answer(outcome, failure, reply));
        } catch (RuntimeException e) {
            fail(reply, Failure.unexpected(e, true));
        }
    }

    private static void answer(
            @Nullable WriteOutcome outcome, @Nullable Throwable thrown, StreamObserver<WriteResponse> reply) {
        switch (outcome) {
            case WriteOutcome.Written(SequenceNumber sequence) -> {
                reply.onNext(WriteResponse.newBuilder()
                        .setSequenceNumber(sequence.value())
                        .build());
                reply.onCompleted();
            }
            case WriteOutcome.Failure failed -> fail(reply, Failure.of(failed));
            case null ->
                fail(
                        reply,
                        Failure.unexpected(thrown == null ? new IllegalStateException("no outcome") : thrown, true));
        }
    }

    private static void fail(StreamObserver<WriteResponse> reply, Failure failure) {
        reply.onError(Statuses.of(failure));
    }
}
