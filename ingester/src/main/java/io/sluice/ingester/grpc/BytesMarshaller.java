package io.sluice.ingester.grpc;

import io.grpc.KnownLength;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;

/// A message as its bytes. gRPC has measured it against the limit before.
final class BytesMarshaller implements MethodDescriptor.Marshaller<byte[]> {
    @Override
    public InputStream stream(byte[] value) {
        return new ByteArrayInputStream(value);
    }

    @Override
    public byte[] parse(InputStream stream) {
        try {
            if (stream instanceof KnownLength) {
                byte[] bytes = new byte[stream.available()];
                int read = stream.readNBytes(bytes, 0, bytes.length);
                if (read == bytes.length && stream.read() < 0) {
                    return bytes;
                }
                throw Status.INTERNAL
                        .withDescription("message of %d bytes, announced %d".formatted(read, bytes.length))
                        .asRuntimeException();
            }
            return stream.readAllBytes();
        } catch (IOException e) {
            throw Status.INTERNAL
                    .withDescription("cannot read the message")
                    .withCause(e)
                    .asRuntimeException();
        }
    }
}
