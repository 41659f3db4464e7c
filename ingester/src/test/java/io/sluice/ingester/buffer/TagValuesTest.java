package io.sluice.ingester.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.ingester.door.ByteHash;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.ToIntFunction;
import org.junit.jupiter.api.Test;

final class TagValuesTest {
    private static int hash(byte[] value) {
        return ByteHash.of(value, 0, value.length);
    }

    /// Against a map, with values that begin and end like one another, each amid other bytes.
    private static void check(int count, ToIntFunction<byte[]> hash) {
        TagValues values = new TagValues();
        Map<String, Integer> expected = new LinkedHashMap<>();
        Random random = new Random(1);
        for (int i = 0; i < 3 * count; i++) {
            int number = random.nextInt(count);
            String text = "x".repeat(number % 19) + number;
            byte[] value = text.getBytes(StandardCharsets.UTF_8);
            byte[] source = ("<" + text + ">").getBytes(StandardCharsets.UTF_8);
            int found = values.find(source, 1, value.length, hash.applyAsInt(value));
            assertThat(found).as(text).isEqualTo(expected.getOrDefault(text, -1));
            if (found < 0) {
                expected.put(text, values.size());
                assertThat(values.add(source, 1, value.length, hash.applyAsInt(value)))
                        .isEqualTo(expected.get(text));
            }
        }
        assertThat(values.size()).isEqualTo(expected.size()).isGreaterThan(count / 2);
        byte[] absent = "absent".getBytes(StandardCharsets.UTF_8);
        assertThat(values.find(absent, 0, absent.length, hash.applyAsInt(absent)))
                .isEqualTo(-1);
        assertThat(values.find(absent, 0, 0, hash.applyAsInt(new byte[0]))).isEqualTo(-1);
    }

    @Test
    void eachValueHasTheCodeThatItCameWith() {
        check(20_000, TagValuesTest::hash);
    }

    /// Invariant 7: values that somebody chose to have one hash are found, and do not take the square of their number.
    @Test
    void valuesOfOneHashAreToldFromOneAnother() {
        check(20_000, _ -> 5);
    }

    @Test
    void theHashIsThatOfTheBytesWhereverTheyStand() {
        Random random = new Random(2);
        for (int lengthBytes = 0; lengthBytes < 40; lengthBytes++) {
            byte[] value = new byte[lengthBytes];
            random.nextBytes(value);
            for (int after = 0; after < 9; after++) {
                byte[] source = new byte[3 + lengthBytes + after];
                random.nextBytes(source);
                System.arraycopy(value, 0, source, 3, lengthBytes);
                assertThat(ByteHash.of(source, 3, lengthBytes))
                        .as("%d bytes, %d behind them", lengthBytes, after)
                        .isEqualTo(hash(value));
            }
        }
    }
}
