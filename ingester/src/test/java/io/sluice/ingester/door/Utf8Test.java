package io.sluice.ingester.door;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

class Utf8Test {
    private static final long SEED = 42;

    @Test
    void everySequenceOfTwoBytesIsJudgedAsTheJdkJudgesIt() {
        for (int value = 0; value < 1 << 16; value++) {
            check((byte) (value >> 8), (byte) value);
        }
    }

    @Test
    void everySequenceOfFourBytesWithTheEdgesOfTheRangesIsJudgedAsTheJdkJudgesIt() {
        int[] edges = {
            0, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF,
            0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF
        };
        for (int a : edges) {
            for (int b : edges) {
                for (int c : edges) {
                    for (int d : edges) {
                        check((byte) a, (byte) b, (byte) c, (byte) d);
                    }
                }
            }
        }
    }

    @Test
    void textWithOneByteChangedIsJudgedAsTheJdkJudgesIt() {
        var random = new Random(SEED);
        byte[] text = "plain ASCII, höher, 日本語, 🙂🙃, and some more ASCII".getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < 100_000; i++) {
            byte[] changed = text.clone();
            changed[random.nextInt(changed.length)] = (byte) random.nextInt();
            check(changed);
        }
    }

    @Test
    void bytesOutsideTheRangeDoNotMatter() {
        byte[] bytes = {(byte) 0xFF, 'a', (byte) 0xC3, (byte) 0xBC, (byte) 0xBC};
        assertThat(Utf8.isValid(bytes, 1, 4)).isTrue();
        assertThat(Utf8.isValid(bytes, 1, 3)).as("cut within a character").isFalse();
        assertThat(Utf8.isValid(bytes, 3, 4)).as("begins within a character").isFalse();
        assertThat(Utf8.isValid(bytes, 2, 2)).as("empty").isTrue();
    }

    private static void check(byte... bytes) {
        boolean expected;
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
            expected = true;
        } catch (CharacterCodingException e) {
            expected = false;
        }
        if (Utf8.isValid(bytes, 0, bytes.length) != expected) {
            throw new AssertionError("seed %d: %s: expected %s"
                    .formatted(SEED, java.util.HexFormat.ofDelimiter(" ").formatHex(bytes), expected));
        }
    }
}
