package io.sluice.query.flight;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/// A message in pieces, of which the transport takes some off the front now and then.
final class FrameBufferTest {
    private final AtomicInteger released = new AtomicInteger();

    private FrameBuffer buffer(byte[] message, Random random) {
        List<ByteBuffer> pieces = new ArrayList<>();
        for (int at = 0; at < message.length; ) {
            int length = Math.min(message.length - at, 1 + random.nextInt(20));
            ByteBuffer piece = ByteBuffer.allocateDirect(length + 3).position(3);
            pieces.add(piece.put(message, at, length).position(3));
            at += length;
        }
        return FrameBuffer.of(pieces, released::incrementAndGet);
    }

    private static byte[] bytes(ByteBuf buffer) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (ByteBuffer piece : buffer.nioBuffers()) {
            byte[] some = new byte[piece.remaining()];
            piece.get(some);
            bytes.writeBytes(some);
        }
        return bytes.toByteArray();
    }

    private static byte[] random(int length, Random random) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    /// What comes out is what went in, however it is taken and whenever the memory is taken away.
    @Test
    void whatIsTakenAndWhatIsLeftIsTheMessageAlsoBehindADetach() {
        for (long seed = 0; seed < 2_000; seed++) {
            Random random = new Random(seed);
            released.set(0);
            byte[] message = random(1 + random.nextInt(200), random);
            FrameBuffer buffer = buffer(message, random);
            ByteArrayOutputStream read = new ByteArrayOutputStream();
            Deque<ByteBuf> taken = new ArrayDeque<>();
            while (buffer.isReadable()) {
                if (random.nextInt(4) == 0) {
                    buffer.detach();
                }
                int length = 1 + random.nextInt(buffer.readableBytes());
                taken.add(buffer.readRetainedSlice(length));
                if (random.nextBoolean()) {
                    read.writeBytes(bytes(taken.getLast()));
                } else {
                    byte[] copy = new byte[length];
                    taken.getLast().getBytes(0, copy);
                    read.writeBytes(copy);
                }
            }
            assertThat(read.toByteArray()).as("seed %d", seed).isEqualTo(message);
            buffer.release();
            assertThat(released.get()).as("seed %d: once at most", seed).isLessThanOrEqualTo(1);
            taken.forEach(ByteBuf::release);
            assertThat(released.get()).as("seed %d", seed).isEqualTo(1);
        }
    }

    @Test
    void aDetachLetsGoOfTheMemoryAtOnceUnlessAPartIsBeingWritten() {
        byte[] message = random(100, new Random(1));
        FrameBuffer untouched = buffer(message, new Random(2));
        untouched.detach();
        assertThat(released).hasValue(1);
        assertThat(bytes(untouched)).isEqualTo(message);
        untouched.release();
        assertThat(released).hasValue(1);

        FrameBuffer begun = buffer(message, new Random(3));
        ByteBuf part = begun.readRetainedSlice(40);
        begun.detach();
        assertThat(released).as("the part that was taken is still needed").hasValue(1);
        part.release();
        assertThat(released).hasValue(2);
        assertThat(bytes(begun)).containsExactly(java.util.Arrays.copyOfRange(message, 40, 100));
        begun.release();
    }

    @Test
    void whatTheNetworkMayBeReadingStaysWhereItIs() {
        FrameBuffer buffer = buffer(random(100, new Random(1)), new Random(2));
        ByteBuffer[] addresses = buffer.nioBuffers();
        assertThat(addresses.length).isEqualTo(buffer.nioBufferCount());
        buffer.detach();
        assertThat(released).hasValue(0);
        buffer.release();
        assertThat(released).hasValue(1);
    }

    @Test
    void numbersAreReadAcrossPieces() {
        byte[] message = {1, 2, 3, 4, 5, 6, 7, 8, 9};
        FrameBuffer buffer = buffer(message, new Random(5));
        assertThat(buffer.getByte(8)).isEqualTo((byte) 9);
        assertThat(buffer.getInt(1)).isEqualTo(0x02030405);
        assertThat(buffer.getLongLE(0)).isEqualTo(0x0807060504030201L);
        assertThat(buffer.getUnsignedMediumLE(0)).isEqualTo(0x030201);
        buffer.release();
    }
}
