package io.sluice.query.flight;

import io.grpc.Drainable;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import org.apache.arrow.flight.grpc.AddWritableBuffer;

/// A `FlightData` message on its way to the transport.
sealed interface Frame {
    /// What the transport reads.
    InputStream stream();

    /// A small one, which the transport copies.
    record Copied(byte[] bytes) implements Frame {
        @Override
        public InputStream stream() {
            return new ByteArrayInputStream(bytes);
        }
    }

    /// One that the transport writes from where it lies. It belongs to whoever hands it to the call, and is released
    /// when that has returned; the transport holds it on its own.
    record Referred(FrameBuffer buffer) implements Frame {
        @Override
        public InputStream stream() {
            return new Handover(buffer);
        }
    }

    /// Gives gRPC the buffer itself where gRPC takes it, and its bytes elsewhere.
    final class Handover extends ByteBufInputStream implements Drainable {
        private final ByteBuf buffer;

        private Handover(ByteBuf buffer) {
            super(buffer);
            this.buffer = buffer;
        }

        @Override
        public int drainTo(OutputStream target) throws IOException {
            int lengthBytes = buffer.readableBytes();
            var _ = AddWritableBuffer.add(buffer, target, true);
            return lengthBytes;
        }
    }
}
