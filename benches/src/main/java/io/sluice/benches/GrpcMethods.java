package io.sluice.benches;

import com.google.protobuf.CodedOutputStream;
import io.grpc.CallOptions;
import io.grpc.Drainable;
import io.grpc.KnownLength;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.netty.NettyChannelBuilder;
import io.sluice.proto.v1.WriteResponse;
import io.sluice.proto.v1.WriteServiceGrpc;
import io.sluice.proto.v1.WriteStreamRequest;
import io.sluice.proto.v1.WriteStreamResponse;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/// The service's write methods for a client whose requests are encoded already, so that a benchmark measures the way of
/// a message and not how it is made.
final class GrpcMethods {
    static final MethodDescriptor<byte[], WriteResponse> WRITE = method(WriteServiceGrpc.getWriteMethod());
    static final MethodDescriptor<byte[], WriteStreamResponse> WRITE_STREAM =
            method(WriteServiceGrpc.getWriteStreamMethod());
    /// Callbacks run on the connection's thread.
    static final CallOptions OPTIONS = CallOptions.DEFAULT.withExecutor(Runnable::run);

    private GrpcMethods() {}

    /// A connection to a server on this machine.
    static ManagedChannel connect(int port) {
        return NettyChannelBuilder.forAddress("127.0.0.1", port)
                .usePlaintext()
                .directExecutor()
                .build();
    }

    /// A `sluice.v1.WriteStreamRequest` around a request.
    static byte[] streamed(long clientSequence, byte[] request) {
        byte[] message = new byte
                [CodedOutputStream.computeUInt64Size(WriteStreamRequest.CLIENT_SEQUENCE_FIELD_NUMBER, clientSequence)
                        + CodedOutputStream.computeByteArraySize(WriteStreamRequest.WRITE_FIELD_NUMBER, request)];
        CodedOutputStream out = CodedOutputStream.newInstance(message);
        try {
            out.writeUInt64(WriteStreamRequest.CLIENT_SEQUENCE_FIELD_NUMBER, clientSequence);
            out.writeByteArray(WriteStreamRequest.WRITE_FIELD_NUMBER, request);
        } catch (IOException e) {
            throw new IllegalStateException(e); // an array has no errors of its own
        }
        return message;
    }

    private static <R> MethodDescriptor<byte[], R> method(MethodDescriptor<?, R> generated) {
        return MethodDescriptor.<byte[], R>newBuilder()
                .setType(generated.getType())
                .setFullMethodName(generated.getFullMethodName())
                .setRequestMarshaller(new Encoded())
                .setResponseMarshaller(generated.getResponseMarshaller())
                .build();
    }

    private static final class Encoded implements MethodDescriptor.Marshaller<byte[]> {
        @Override
        public InputStream stream(byte[] message) {
            return new EncodedStream(message);
        }

        @Override
        public byte[] parse(InputStream stream) {
            try {
                return stream.readAllBytes();
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    /// Lets gRPC copy the message at once.
    private static final class EncodedStream extends ByteArrayInputStream implements KnownLength, Drainable {
        EncodedStream(byte[] message) {
            super(message);
        }

        @Override
        public int drainTo(OutputStream target) throws IOException {
            int length = available();
            transferTo(target);
            return length;
        }
    }
}
