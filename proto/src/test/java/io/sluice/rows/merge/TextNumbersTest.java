package io.sluice.rows.merge;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TextNumbersTest {
    @Test
    void equalTextsHaveOneNumberAndOthersAnother() {
        for (long seed = 0; seed < 200; seed++) {
            var random = new Random(seed);
            var numbers = new TextNumbers();
            Map<String, Integer> expected = new LinkedHashMap<>();
            for (int i = random.nextInt(2_000); i > 0; i--) {
                String text = text(random);
                byte[] bytes = ("<" + text + ">").getBytes(StandardCharsets.ISO_8859_1);
                int number = expected.computeIfAbsent(text, _ -> expected.size());
                assertThat(numbers.number(bytes, 1, bytes.length - 2))
                        .as("seed %d", seed)
                        .isEqualTo(number);
            }
            assertThat(numbers.size()).isEqualTo(expected.size());
            expected.forEach((text, number) ->
                    assertThat(numbers.value(number)).isEqualTo(text.getBytes(StandardCharsets.ISO_8859_1)));
            assertThat(numbers.usedBytes())
                    .isEqualTo(
                            expected.keySet().stream().mapToInt(String::length).sum());
        }
    }

    /// Among them zeros at the end, texts that begin with others, and long ones that differ at their ends only.
    @Test
    void textsAreSortedByTheirBytesAsUnsignedNumbers() {
        for (long seed = 0; seed < 300; seed++) {
            var random = new Random(seed);
            var numbers = new TextNumbers();
            for (int i = random.nextInt(300); i > 0; i--) {
                byte[] bytes = text(random).getBytes(StandardCharsets.ISO_8859_1);
                int _ = numbers.number(bytes, 0, bytes.length);
            }
            List<Integer> expected = IntStream.range(0, numbers.size())
                    .boxed()
                    .sorted(Comparator.comparing(numbers::value, Arrays::compareUnsigned))
                    .toList();
            assertThat(Arrays.stream(numbers.sorted()).boxed())
                    .as("seed %d", seed)
                    .isEqualTo(expected);
        }
    }

    private static String text(Random random) {
        String prefix = List.of("", "host_", "p".repeat(7), "q".repeat(70), "q".repeat(200), "ÿ")
                .get(random.nextInt(6));
        StringBuilder text = new StringBuilder(prefix);
        for (int i = random.nextInt(12); i > 0; i--) {
            text.append("\u0000\u0001ab\u007f\u0080ÿ".charAt(random.nextInt(7)));
        }
        return text.toString();
    }

    @Test
    void longsHaveTheirNumbersInTheOrderInWhichTheyCome() {
        var random = new Random(1);
        var numbers = new LongNumbers();
        for (int round = 0; round < 3; round++) {
            Map<Long, Integer> expected = new LinkedHashMap<>();
            for (int i = 0; i < 20_000; i++) {
                long value = random.nextBoolean() ? random.nextInt(5_000) : (long) random.nextInt(5_000) << 40;
                assertThat(numbers.number(value)).isEqualTo(expected.computeIfAbsent(value, _ -> expected.size()));
            }
            assertThat(numbers.size()).isEqualTo(expected.size());
            assertThat(numbers.values())
                    .containsExactly(expected.keySet().stream()
                            .mapToLong(Long::longValue)
                            .toArray());
            numbers.clear();
            assertThat(numbers.size()).isZero();
        }
    }
}
