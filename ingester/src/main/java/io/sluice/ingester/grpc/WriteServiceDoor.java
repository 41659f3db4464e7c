package io.sluice.ingester.grpc;

import io.grpc.BindableService;
import io.grpc.MethodDescriptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import io.sluice.ingester.door.WriteHandler;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.proto.v1.WriteResponse;
import io.sluice.proto.v1.WriteServiceGrpc;
import org.jspecify.annotations.Nullable;

/// `sluice.v1.WriteService`. Requests are not parsed here: the bytes go on as they came, to be logged as they are.
final class WriteServiceDoor implements BindableService {
    private final WriteHandler writes;

    WriteServiceDoor(WriteHandler writes) {
        this.writes = writes;
    }

    @Override
    public ServerServiceDefinition bindService() {
        MethodDescriptor<byte[], WriteResponse> write = MethodDescriptor.<byte[], WriteResponse>newBuilder()
                .setType(MethodDescriptor.MethodType.UNARY)
                .setFullMethodName(WriteServiceGrpc.getWriteMethod().getFullMethodName())
                .setRequestMarshaller(new BytesMarshaller())
                .setResponseMarshaller(WriteServiceGrpc.getWriteMethod().getResponseMarshaller())
                // For reflection.
                .setSchemaDescriptor(WriteServiceGrpc.getWriteMethod().getSchemaDescriptor())
                .build();
        ServiceDescriptor service = ServiceDescriptor.newBuilder(WriteServiceGrpc.SERVICE_NAME)
                .setSchemaDescriptor(WriteServiceGrpc.getServiceDescriptor().getSchemaDescriptor())
                .addMethod(write)
                .build();
        return ServerServiceDefinition.builder(service)
                .addMethod(write, ServerCalls.asyncUnaryCall(this::write))
                .build();
    }

    private void write(byte[] request, StreamObserver<WriteResponse> reply) {
        try {
            var _ = writes.write(request).whenComplete((outcome, failure) -> answer(outcome, failure, reply));
        } catch (RuntimeException e) {
            reply.onError(Statuses.unexpected(e, "possible"));
        }
    }

    private static void answer(
            @Nullable WriteOutcome outcome, @Nullable Throwable failure, StreamObserver<WriteResponse> reply) {
        if (outcome == null) {
            reply.onError(Statuses.unexpected(
                    failure == null ? new IllegalStateException("no outcome") : failure, "possible"));
            return;
        }
        switch (outcome) {
            case WriteOutcome.Written(var sequence) -> {
                reply.onNext(WriteResponse.newBuilder()
                        .setSequenceNumber(sequence.value())
                        .build());
                reply.onCompleted();
            }
            case WriteOutcome.Invalid(String message) -> fail(reply, Statuses.invalid(message));
            case WriteOutcome.Conflict(String message) -> fail(reply, Statuses.conflict(message));
            case WriteOutcome.Refused refused -> fail(reply, Statuses.refused(refused));
            case WriteOutcome.Unknown(String message) -> fail(reply, Statuses.unknown(message));
        }
    }

    private static void fail(StreamObserver<WriteResponse> reply, StatusRuntimeException status) {
        reply.onError(status);
    }
}
