package io.sluice.ingester.grpc;

import io.grpc.KnownLength;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.sluice.ingester.door.ByteBudget;
import io.sluice.ingester.door.ByteBudget.Reservation;
import io.sluice.ingester.door.WriteOutcome.Refused;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.Function;

/// A message as its bytes, or what is known of one that was not read.
///
/// @param bytes of the message; none if it was not read
/// @param excess says that it is too large
/// @param refused says that there was no room to unpack it
/// @param room that it takes until it is closed, if it was packed
record InboundMessage(byte[] bytes, Optional<String> excess, Optional<Refused> refused, Reservation room)
        implements AutoCloseable {
    private static final byte[] NONE = {};
    private static final Reservation NO_ROOM = () -> {};
    /// What is unpacked at first; then twice as much each time.
    private static final int FIRST_BYTES = 64 * 1_024;

    InboundMessage(byte[] bytes, Optional<String> excess) {
        this(bytes, excess, Optional.empty(), NO_ROOM);
    }

    /// Whoever needs the bytes counts them from now on. Idempotent.
    @Override
    public void close() {
        room.close();
    }

    private static InboundMessage of(byte[] bytes) {
        return new InboundMessage(bytes, Optional.empty());
    }

    /// Reads messages up to a limit, and makes no array for one that is longer. A call is handed the message all the
    /// same, so that it can say so in its own words.
    ///
    /// @param maxBytes of a message, unpacked
    /// @param unpacked where packed messages have their room: a few bytes may unpack to many
    /// @param noRoom what they hear for whom there is none
    record Marshaller(int maxBytes, ByteBudget unpacked, Function<String, Refused> noRoom)
            implements MethodDescriptor.Marshaller<InboundMessage> {
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
            byte[] bytes = NONE;
            int length = 0;
            Reservation room = NO_ROOM;
            boolean done = false;
            try {
                // One byte more tells the end from a message that goes on, before more memory is taken.
                for (int next = stream.read(); next >= 0; next = stream.read()) {
                    if (length == maxBytes) {
                        return tooLarge("more than %d bytes unpacked".formatted(maxBytes));
                    }
                    int grown = (int) Math.min(Math.max(FIRST_BYTES, 2L * length), maxBytes);
                    Optional<Reservation> more = unpacked.tryReserve(grown); // both arrays are held for a moment
                    if (more.isEmpty()) {
                        return new InboundMessage(
                                NONE, Optional.empty(), Optional.of(noRoom.apply(unpacked.describeLimit())), NO_ROOM);
                    }
                    try (Reservation _ = room) {
                        room = more.get();
                        bytes = Arrays.copyOf(bytes, grown);
                    }
                    bytes[length++] = (byte) next;
                    length += stream.readNBytes(bytes, length, bytes.length - length);
                }
                done = true;
                return new InboundMessage(Arrays.copyOf(bytes, length), Optional.empty(), Optional.empty(), room);
            } finally {
                if (!done) {
                    room.close();
                }
            }
        }

        private InboundMessage tooLarge(String found) {
            return new InboundMessage(
                    NONE, Optional.of("the message has %s: expected at most %d".formatted(found, maxBytes)));
        }
    }
}
