package io.sluice.ingester.grpc;

import io.grpc.BindableService;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.sluice.ingester.admission.WriteAdmission;
import io.sluice.ingester.door.ByteBudget;
import io.sluice.ingester.door.WriteHandler;
import io.sluice.ingester.door.WriteOutcome.Refused;
import io.sluice.proto.v1.WriteResponse;
import io.sluice.proto.v1.WriteServiceGrpc;
import io.sluice.proto.v1.WriteStreamResponse;
import java.util.Optional;

/// `sluice.v1.WriteService`. Requests are not parsed here: the bytes go on as they came, to be logged as they are.
final class WriteServiceDoor implements BindableService {
    private final WriteAdmission admission;
    private final WriteHandler writes;
    private final int maxRequestBytes;
    private final WriteStreams streams;
    private final ByteBudget unpacked;

    /// @param unpacked where packed messages have their room until a write counts them
    WriteServiceDoor(
            WriteAdmission admission,
            WriteHandler writes,
            int maxRequestBytes,
            WriteStreams streams,
            ByteBudget unpacked) {
        this.unpacked = unpacked;
        this.admission = admission;
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
                .addMethod(write, (call, _) -> openWrite(call))
                .addMethod(writeStream, (call, _) -> streams.open(call))
                .build();
    }

    private ServerCall.Listener<InboundMessage> openWrite(ServerCall<InboundMessage, WriteResponse> call) {
        Optional<Refused> refusal = Optional.ofNullable(Arrival.KEY.get())
                .flatMap(Arrival::refusedAtBegin)
                .or(admission::refusal);
        return UnaryWriteCall.open(call, admission, writes, refusal);
    }

    /// The method as generated, but for how requests are read.
    private <R> MethodDescriptor<InboundMessage, R> method(MethodDescriptor<?, R> generated, int maxBytes) {
        return MethodDescriptor.<InboundMessage, R>newBuilder()
                .setType(generated.getType())
                .setFullMethodName(generated.getFullMethodName())
                .setRequestMarshaller(new InboundMessage.Marshaller(maxBytes, unpacked, admission::noRoomToUnpack))
                .setResponseMarshaller(generated.getResponseMarshaller())
                // For reflection.
                .setSchemaDescriptor(generated.getSchemaDescriptor())
                .build();
    }
}
