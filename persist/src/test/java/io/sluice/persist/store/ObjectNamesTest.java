package io.sluice.persist.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

final class ObjectNamesTest {
    @ParameterizedTest
    @ValueSource(strings = {"a", "a/b/c", "metrics/cpu/2026-01-01/x.parquet", "%2E%2E/b", "a b", "a..", "~", "CON"})
    void takesPathsThatLeadDownwards(String name) {
        assertThat(ObjectNames.check(name)).isEqualTo(name);
    }

    static Stream<String> noNames() {
        return Stream.of(
                "",
                "/",
                "/a",
                "a/",
                "a//b",
                ".",
                "..",
                "a/..",
                "../a",
                "a/../b",
                "a/./b",
                ".tmp/a",
                "a/.hidden",
                "a\\b",
                "a\u0000",
                "a\nb",
                "ä",
                "\u007f",
                "a".repeat(256),
                "a/".repeat(512) + "a");
    }

    @ParameterizedTest
    @MethodSource("noNames")
    void refusesEverythingElse(String noName) {
        assertThatIllegalArgumentException().isThrownBy(() -> ObjectNames.check(noName));
    }

    @Test
    void saysWhichPartOfTheRuleIsBroken() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ObjectNames.check("a/../b"))
                .withMessage("object name 'a/../b' has the segment '..': expected none that begins with a dot");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ObjectNames.check("a/\u0001"))
                .withMessageContaining("has the character U+0001 at index 2: expected printable ASCII");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ObjectNames.check("a".repeat(256)))
                .withMessageContaining("has a segment of 256 bytes: expected at most 255");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ObjectNames.check("a/".repeat(512) + "a"))
                .withMessageContaining("is 1025 bytes long: expected at most 1024");
    }

    @ParameterizedTest
    @CsvSource(
            ignoreLeadingAndTrailingWhitespace = false,
            value = {
                "cpu,cpu",
                "2026-01-01,2026-01-01",
                "Az09-_.=,Az09-_.=",
                ".,%2E",
                "..,%2E.",
                ".tmp,%2Etmp",
                "a/b,a%2Fb",
                "a b,a%20b",
                "%2E,%252E",
                "a!b,a%21b",
                "a\\b,a%5Cb",
                "ä😀,%C3%A4%F0%9F%98%80"
            })
    void encodesTextAsOneSegment(String text, String segment) {
        assertThat(ObjectNames.encode(text)).isEqualTo(segment);
    }

    @Test
    void textOfTheLongestNameIsCutAndKeepsApartWhatDiffersBehindTheCut() {
        String exact = "a".repeat(200);
        String one = "a".repeat(254) + "b";
        String other = "a".repeat(254) + "c";

        assertThat(ObjectNames.encode(exact)).isEqualTo(exact);
        assertThat(ObjectNames.encode(one)).hasSize(200).startsWith("a".repeat(167) + "!");
        assertThat(ObjectNames.encode(other)).hasSize(200).isNotEqualTo(ObjectNames.encode(one));
        assertThat(ObjectNames.encode(one)).isEqualTo(ObjectNames.encode(one));
    }

    @Test
    void aCutNeverGoesThroughAnEscape() {
        for (int shift = 0; shift < 3; shift++) {
            String encoded = ObjectNames.encode("a".repeat(shift) + "ü".repeat(120));

            assertThat(encoded).hasSizeBetween(198, 200).contains("!");
            String kept = encoded.substring(0, encoded.indexOf('!'));
            assertThat(kept).matches("a*(%[0-9A-F]{2})+");
        }
    }

    /// Whatever the text: the result is a segment, different from that of every other text, and decodes if it
    /// is whole.
    @Test
    void anyTextsEncodeToDifferentSegmentsThatDecode() {
        long seed = 20260101;
        var random = new Random(seed);
        Set<String> texts = new HashSet<>();
        Set<String> segments = new HashSet<>();
        for (int i = 0; i < 20_000; i++) {
            String text = randomText(random);
            String segment = ObjectNames.encode(text);
            assertThatCode(() -> ObjectNames.check(segment))
                    .as("seed %d, text '%s'", seed, text)
                    .doesNotThrowAnyException();
            assertThat(segment.length()).isLessThanOrEqualTo(ObjectNames.MAX_ENCODED_BYTES);
            assertThat(segment).doesNotContain("/");
            if (segment.indexOf('!') < 0) {
                assertThat(URLDecoder.decode(segment, StandardCharsets.UTF_8))
                        .as("seed %d", seed)
                        .isEqualTo(text);
            }
            texts.add(text);
            segments.add(segment);
        }
        assertThat(segments).as("seed %d", seed).hasSameSizeAs(texts);
    }

    private static String randomText(Random random) {
        int[] alphabet = {'a', 'A', '0', '.', '/', '%', '!', '+', ' ', '\\', '~', 0, 0xe4, 0x65e5, 0x1f600};
        int length = 1 + random.nextInt(random.nextInt(10) == 0 ? 255 : 5);
        var text = new StringBuilder();
        for (int i = 0; i < length; i++) {
            text.appendCodePoint(alphabet[random.nextInt(alphabet.length)]);
        }
        return text.toString();
    }

    @Test
    void textThatIsNoneIsRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> ObjectNames.encode(""));
        assertThatIllegalArgumentException().isThrownBy(() -> ObjectNames.encode("\ud83d"));
    }
}
