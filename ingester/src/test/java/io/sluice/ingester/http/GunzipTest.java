package io.sluice.ingester.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;

/// Every damage is told from the truth: what is unpacked is what was packed, or it is an error.
final class GunzipTest {
    private static final byte[] TEXT = text(20_000);
    private static final int ARBITRARY_LIMIT = 1 << 20;

    private static byte[] text(int lengthBytes) {
        Random random = new Random(3);
        byte[] text = new byte[lengthBytes];
        for (int i = 0; i < lengthBytes; i++) {
            text[i] = (byte) ('a' + random.nextInt(6));
        }
        return text;
    }

    /// @param stepBytes how much the source gives at once
    private static byte[] unpack(byte[] packed, int stepBytes) throws IOException, HttpError {
        int[] position = {0};
        BodySource source = (into, from, length) -> {
            if (position[0] == packed.length) {
                return -1;
            }
            int read = Math.min(Math.min(length, stepBytes), packed.length - position[0]);
            System.arraycopy(packed, position[0], into, from, read);
            position[0] += read;
            return read;
        };
        ByteArrayOutputStream unpacked = new ByteArrayOutputStream();
        try (Gunzip gunzip = new Gunzip(source, ARBITRARY_LIMIT)) {
            byte[] chunk = new byte[777];
            for (int read = gunzip.read(chunk, 0, chunk.length);
                    read >= 0;
                    read = gunzip.read(chunk, 0, chunk.length)) {
                assertThat(read).isPositive();
                unpacked.write(chunk, 0, read);
            }
        }
        return unpacked.toByteArray();
    }

    private static byte[] joined(byte[]... parts) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }

    /// A member whose header has every optional part.
    private static byte[] memberWithFullHeader(byte[] text, boolean isChecksumRight) {
        byte[] plain = RunningDoor.gzip(text);
        byte[] head = joined(
                new byte[] {0x1f, (byte) 0x8b, 8, 0x1f, 1, 2, 3, 4, 0, 3},
                new byte[] {5, 0, 'e', 'x', 't', 'r', 'a'},
                "name\0a comment\0".getBytes(StandardCharsets.UTF_8));
        CRC32 crc = new CRC32();
        crc.update(head);
        short checksum = (short) (isChecksumRight ? crc.getValue() : ~crc.getValue());
        byte[] check = ByteBuffer.allocate(2)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putShort(checksum)
                .array();
        return joined(head, check, Arrays.copyOfRange(plain, 10, plain.length));
    }

    @Test
    void whatWasPackedIsUnpackedHoweverItComes() throws Exception {
        byte[] packed = joined(RunningDoor.gzip(TEXT), RunningDoor.gzip(new byte[0]), RunningDoor.gzip("the end"));
        byte[] expected = joined(TEXT, "the end".getBytes(StandardCharsets.UTF_8));
        for (int stepBytes : new int[] {1, 2, 3, 7, 1_000, Integer.MAX_VALUE}) {
            assertThat(unpack(packed, stepBytes)).as("%d", stepBytes).isEqualTo(expected);
        }
    }

    @Test
    void aHeaderMayHaveEveryOptionalPart() throws Exception {
        byte[] packed = joined(memberWithFullHeader(TEXT, true), memberWithFullHeader(TEXT, true));
        assertThat(unpack(packed, 1)).isEqualTo(joined(TEXT, TEXT));
        assertThatThrownBy(() -> unpack(memberWithFullHeader(TEXT, false), 100))
                .hasMessageContaining("the header of member 1 has checksum");
    }

    @Test
    void everyPrefixSaveWholeMembersIsAnError() throws Exception {
        byte[] first = RunningDoor.gzip(Arrays.copyOf(TEXT, 300));
        byte[] both = joined(first, memberWithFullHeader(Arrays.copyOf(TEXT, 300), true));
        for (int lengthBytes = 0; lengthBytes < both.length; lengthBytes++) {
            byte[] prefix = Arrays.copyOf(both, lengthBytes);
            if (lengthBytes == first.length) {
                assertThat(unpack(prefix, 50)).isEqualTo(Arrays.copyOf(TEXT, 300));
            } else {
                assertThatThrownBy(() -> unpack(prefix, 50))
                        .as("cut at %d", lengthBytes)
                        .isInstanceOfSatisfying(
                                HttpError.class, e -> assertThat(e.status).isEqualTo(400))
                        .hasMessageStartingWith("the body is not valid gzip");
            }
        }
    }

    @Test
    void damageIsFoundOrDoesNotMatter() throws IOException {
        byte[] packed = joined(RunningDoor.gzip(TEXT), memberWithFullHeader(TEXT, true));
        byte[] expected = joined(TEXT, TEXT);
        long seed = 20_260_101;
        Random random = new Random(seed);
        int found = 0;
        for (int round = 0; round < 2_000; round++) {
            byte[] damaged = packed.clone();
            for (int i = random.nextInt(3); i >= 0; i--) {
                damaged[random.nextInt(damaged.length)] ^= (byte) (1 + random.nextInt(255));
            }
            try {
                assertThat(unpack(damaged, 1 + random.nextInt(30_000)))
                        .as("seed %d, round %d", seed, round)
                        .isEqualTo(expected);
            } catch (HttpError e) {
                assertThat(e.status).as("seed %d, round %d", seed, round).isIn(400, 413);
                found++;
            }
        }
        assertThat(found).as("seed %d", seed).isGreaterThan(1_900);
    }

    @Test
    void aMemberThatLiesAboutItsLengthIsFound() {
        byte[] packed = RunningDoor.gzip(TEXT);
        packed[packed.length - 4] ^= 1;
        assertThatThrownBy(() -> unpack(packed, 1_000))
                .hasMessageContaining("says that it has 20001 bytes, found 20000");
    }
}
