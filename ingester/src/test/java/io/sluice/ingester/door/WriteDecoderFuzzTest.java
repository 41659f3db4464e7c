package io.sluice.ingester.door;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.InvalidProtocolBufferException;
import com.sun.management.ThreadMXBean;
import io.sluice.proto.v1.WriteRequest;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Invariant 7: no input ends the process or makes it use memory without bound.
class WriteDecoderFuzzTest {
    private static final int ROUNDS = 60_000;

    /// Objects, strings and an error's text for each byte received; what a claim could cost is a million times more.
    private static final long MAX_ALLOCATED_BYTES_PER_BYTE = 100;

    private static final long MAX_ALLOCATED_BYTES = 64 << 10;

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @Test
    void aMutatedRequestIsRefusedOrReadAsProtobufReadsIt() {
        byte[] valid = Requests.valid()
                .addTables(Requests.cpu().setTable("mem"))
                .build()
                .toByteArray();
        int refused = 0;
        int taken = 0;
        for (long seed = 0; seed < ROUNDS; seed++) {
            byte[] request = mutate(valid, new Random(seed));
            try {
                if (check(request)) {
                    taken++;
                } else {
                    refused++;
                }
            } catch (RuntimeException | AssertionError | StackOverflowError e) {
                throw new AssertionError(
                        "seed %d: %s".formatted(seed, HexFormat.of().formatHex(request)), e);
            }
        }
        assertThat(refused).isGreaterThan(ROUNDS / 4);
        assertThat(taken).isGreaterThan(ROUNDS / 50);
    }

    @Test
    void everyPrefixOfARequestIsRefused() {
        byte[] valid = Requests.valid().build().toByteArray();
        for (int lengthBytes = 0; lengthBytes < valid.length; lengthBytes++) {
            assertThat(check(Arrays.copyOf(valid, lengthBytes)))
                    .as("cut at %d", lengthBytes)
                    .isFalse();
        }
        assertThat(check(valid)).isTrue();
    }

    @Test
    void randomBytesAreRefused() {
        for (long seed = 0; seed < 20_000; seed++) {
            var random = new Random(seed);
            byte[] request = new byte[random.nextInt(200)];
            random.nextBytes(request);
            assertThat(check(request)).as("seed %d", seed).isFalse();
        }
    }

    @Test
    void groupsWithinGroupsDoNotOverflowTheStack() {
        byte[] request = new byte[1 << 20];
        Arrays.fill(request, (byte) (15 << 3 | 3)); // a group of field 15 begins
        assertThat(check(request)).isFalse();
    }

    /// Whether a request is taken. What is taken must be what the generated classes read, and cost no more than it may.
    private boolean check(byte[] request) {
        long limitBytes = MAX_ALLOCATED_BYTES + request.length * MAX_ALLOCATED_BYTES_PER_BYTE;
        // The first time may load classes.
        long allocatedBytes = allocatedBytes(request);
        if (allocatedBytes > limitBytes && allocatedBytes(request) > limitBytes) {
            throw new AssertionError("%,d bytes allocated for a request of %,d: expected at most %,d"
                    .formatted(allocatedBytes, request.length, limitBytes));
        }
        try {
            var found = DecodedRows.of(WriteDecoder.decode(request));
            var expected = ReferenceRows.of(WriteRequest.parseFrom(request));
            if (!found.equals(expected)) {
                throw new AssertionError("found %s: expected %s".formatted(found, expected));
            }
        } catch (InvalidWriteException e) {
            assertThat(e.getMessage()).isNotBlank();
            return false;
        } catch (InvalidProtocolBufferException e) {
            // A name that stands twice: only the last one counts for us, protobuf wants UTF-8 of both.
            assertThat(e).hasMessageContaining("UTF-8");
        }
        return true;
    }

    private long allocatedBytes(byte[] request) {
        long before = threads.getCurrentThreadAllocatedBytes();
        try {
            WriteDecoder.decode(request);
        } catch (InvalidWriteException e) {
            // what it cost is looked at either way
        }
        return threads.getCurrentThreadAllocatedBytes() - before;
    }

    /// Flips bits, cuts, splices, doubles, and writes numbers that claim much where lengths and counts stand.
    static byte[] mutate(byte[] valid, Random random) {
        byte[] request = valid.clone();
        int mutations = 1 + random.nextInt(3);
        for (int i = 0; i < mutations && request.length > 5; i++) {
            int at = random.nextInt(request.length - 5);
            switch (random.nextInt(8)) {
                case 0 -> request[at] ^= (byte) (1 << random.nextInt(8));
                case 1 -> request[at] = (byte) random.nextInt();
                case 2 -> request = Arrays.copyOf(request, at);
                case 3 -> request[at]++;
                case 4 -> request[at]--;
                case 5 -> { // a varint of 2^31 - 1 or of -1
                    Arrays.fill(request, at, at + 4, (byte) 0xFF);
                    request[at + 4] = (byte) (random.nextBoolean() ? 0x07 : 0x0F);
                }
                case 6 -> { // a piece moves
                    int lengthBytes = random.nextInt(Math.min(24, request.length - at));
                    int to = random.nextInt(request.length - lengthBytes);
                    System.arraycopy(request, at, request, to, lengthBytes);
                }
                default -> { // a piece is doubled
                    int to = Math.min(request.length, at + random.nextInt(24));
                    byte[] longer = Arrays.copyOf(request, request.length + to - at);
                    System.arraycopy(request, at, longer, to, request.length - at);
                    request = longer;
                }
            }
        }
        return request;
    }
}
