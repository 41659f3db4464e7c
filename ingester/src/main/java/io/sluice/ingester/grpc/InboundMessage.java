package io.sluice.ingester.grpc;

import io.grpc.KnownLength;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;

/// A message as its bytes, or what is known of one that is too large to be read.
///
/// @param bytes of the message; none if it is too large
/// @param excess says that it is too large
record InboundMessage(byte[] bytes, Optional<String> excess) {
    private static final byte[] NONE = {};

    private static InboundMessage of(byte[] bytes) {
        return new InboundMessage(bytes, Optional.empty());
    }

    /// Reads messages up to a limit, and makes no array for one that is longer. A call is handed the message all the
    /// same, so that it can say so in its own words.
    ///
    /// @param maxBytes of a message, unpacked
    record Marshaller(int maxBytes) implements MethodDescriptor.Marshaller<InboundMessage> {
        @Override
        public InputStream stream(InboundMessage value) {
            return new ByteArrayInputStream(value.bytes());
        }

        @Override
        public InboundMessage parse(InputStream stream) {
            try {
                return stream instanceof KnownLength ? readKnown(stream) : readUnknown(stream);
            } catch (IOException e) {
                throw Status.INTERNAL
                        .withDescription("cannot read the message")
                        .withCause(e)
                        .asRuntimeException();
            }
        }

        private InboundMessage readKnown(InputStream stream) throws IOException {
            int announced = stream.available();
            if (announced > maxBytes) {
                return tooLarge("%d bytes".formatted(announced));
            }
            byte[] bytes = new byte[announced];
            int read = stream.readNBytes(bytes, 0, announced);
            if (read < announced || stream.read() >= 0) {
                throw new IOException("message of %d bytes, announced %d".formatted(read, announced));
            }
            return of(bytes);
        }

        /// A packed message: its length shows when it is unpacked.
        private InboundMessage readUnknown(InputStream stream) throws IOException {
            byte[] bytes = stream.readNBytes(maxBytes);
            return stream.read() < 0 ? of(bytes) : tooLarge("more than %d bytes unpacked".formatted(maxBytes));
        }

        private InboundMessage tooLarge(String found) {
            return new InboundMessage(
                    NONE, Optional.of("the message has %s: expected at most %d".formatted(found, maxBytes)));
        }
    }
}
