package io.sluice.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PartitionTemplateTest {
    private static final long SEED = 20_261_121;
    private static final List<String> TIMES = List.of(
            "%Y", "%m.%Y", "%G-W%V", "%Y-%m-%d", "%Y/%j".replace('/', '.'), "%Y-%m-%d %H", "%Y%j.%H", "%Y-%m-%dT%H:%M");

    @ParameterizedTest
    @CsvSource({
        "%Y, 2026, 2026-01-01T00:00:00Z, 2027-01-01T00:00:00Z",
        "%m_%Y, 11_2026, 2026-11-01T00:00:00Z, 2026-12-01T00:00:00Z",
        "%G-W%V, 2026-W47, 2026-11-16T00:00:00Z, 2026-11-23T00:00:00Z",
        "%Y-%m-%d, 2026-11-21, 2026-11-21T00:00:00Z, 2026-11-22T00:00:00Z",
        "%Y.%j, 2026.325, 2026-11-21T00:00:00Z, 2026-11-22T00:00:00Z",
        "%Y%m%dT%H, 20261121T13, 2026-11-21T13:00:00Z, 2026-11-21T14:00:00Z",
        "%Y-%m-%d %H:%M, 2026-11-21 13:20, 2026-11-21T13:20:00Z, 2026-11-21T13:21:00Z"
    })
    void aTimeFormatCutsAndNamesItsUnit(String format, String expected, Instant start, Instant end) {
        var template = new PartitionTemplate(format);
        PartitionKey key = template.key(template.slot(ns(Instant.parse("2026-11-21T13:20:59.999999999Z"))));
        assertThat(key.value()).isEqualTo(expected);
        assertThat(template.startNs(key)).isEqualTo(ns(start));
        assertThat(template.endNs(key)).isEqualTo(ns(end));
    }

    @Test
    void everyTimestampLiesInTheStretchThatItsKeyNames() {
        var random = new Random(SEED);
        for (String format : TIMES) {
            var template = new PartitionTemplate(format);
            for (int i = 0; i < 20_000; i++) {
                long timestamp = timestamp(random, i);
                long slot = template.slot(timestamp);
                PartitionKey key = template.key(slot);
                assertThat(template.startNs(key)).as("%s of %d", key, timestamp).isEqualTo(template.slotStartNs(slot));
                assertThat(template.startNs(key)).isLessThanOrEqualTo(timestamp);
                assertThat(template.endNs(key)).isGreaterThan(timestamp);
                assertThat(template.slot(template.startNs(key))).isEqualTo(slot);
                assertThat(template.slot(template.endNs(key) - 1)).isEqualTo(slot);
                assertThat(template.slot(template.endNs(key))).isEqualTo(slot + 1);
            }
        }
    }

    private static long timestamp(Random random, int round) {
        return switch (round) {
            case 0 -> PartitionTemplate.MIN_TIMESTAMP_NS;
            case 1 -> PartitionTemplate.MAX_TIMESTAMP_NS;
            case 2 -> 0;
            case 3 -> -1;
            default -> random.nextLong(PartitionTemplate.MIN_TIMESTAMP_NS, PartitionTemplate.MAX_TIMESTAMP_NS + 1);
        };
    }

    /// Values are made of few characters, those with a meaning in keys among them, so that collisions would be found.
    @Test
    void rowsShareAKeyExactlyIfTheyShareAllParts() {
        var random = new Random(SEED);
        List<PartitionTemplate> templates = List.of(
                new PartitionTemplate("tag:a"),
                new PartitionTemplate("tag:a|tag:b"),
                new PartitionTemplate("%Y-%m-%d|tag:a|tag:b|tag:c"),
                new PartitionTemplate("tag:a|%Y-%m-%dT%H|tag:b"));
        for (PartitionTemplate template : templates) {
            Map<String, List<Object>> rowsByKey = new HashMap<>();
            for (int i = 0; i < 30_000; i++) {
                long slot = template.slot(random.nextLong(3 * PartitionTemplate.DAY_NS));
                List<Object> row = new ArrayList<>(List.of(slot));
                List<TagPart> values = new ArrayList<>();
                for (int tag = 0; tag < template.tags().size(); tag++) {
                    Optional<String> value = value(random);
                    row.add(value);
                    values.add(TagPart.of(value));
                }
                PartitionKey key = template.key(slot, values);
                assertThat(rowsByKey.computeIfAbsent(key.value(), _ -> row))
                        .as("seed %d, key %s", SEED, key)
                        .isEqualTo(row);
                assertThat(template.tagParts(key)).isEqualTo(values);
                assertThat(template.startNs(key)).isEqualTo(template.slotStartNs(slot));
                for (int tag = 0; tag < values.size(); tag++) {
                    Optional<?> value = (Optional<?>) row.get(tag + 1);
                    assertThat(values.get(tag).holds(value.map(String.class::cast)))
                            .isTrue();
                    assertThat(values.get(tag).holds(value.map(text -> text + "x")))
                            .isEqualTo(value.isEmpty());
                }
            }
            assertThat(rowsByKey.values()).doesNotHaveDuplicates();
        }
    }

    private static Optional<String> value(Random random) {
        List<String> letters = List.of("|", "!", "^", "#", "%", "a", "7C", "\n", "\u0085", "é", "\uD83D\uDE00", " ");
        int shape = random.nextInt(10);
        if (shape == 0) {
            return Optional.empty();
        }
        StringBuilder value = new StringBuilder(shape == 1 ? "ä".repeat(random.nextInt(28, 36)) : "");
        for (int i = random.nextInt(4); i > 0; i--) {
            value.append(letters.get(random.nextInt(letters.size())));
        }
        return Optional.of(value.toString());
    }

    @Test
    void keysAreReadable() {
        var template = new PartitionTemplate("%Y-%m-%d|tag:region|tag:host");
        assertThat(key(template, Optional.of("eu"), Optional.of("web-1"))).isEqualTo("1970-01-01|eu|web-1");
        assertThat(key(template, Optional.of("Zürich"), Optional.empty())).isEqualTo("1970-01-01|Zürich|!");
        assertThat(key(template, Optional.of(""), Optional.of("a|b!"))).isEqualTo("1970-01-01|^|a%7Cb%21");
        assertThat(key(template, Optional.of("x".repeat(64)), Optional.of("y".repeat(65))))
                .matches("1970-01-01\\|x{64}\\|y{64}#[0-9a-f]{32}");
    }

    private static String key(PartitionTemplate template, Optional<String> region, Optional<String> host) {
        return template.key(0, List.of(TagPart.of(region), TagPart.of(host))).value();
    }

    @Test
    void aTagsNameMayHoldAnything() {
        var template = new PartitionTemplate("tag:a%7Cb|tag:%25|tag:tag:é");
        assertThat(template.tags())
                .containsExactly(new ColumnName("a|b"), new ColumnName("%"), new ColumnName("tag:é"));
        assertThat(new PartitionTemplate(template.text())).isEqualTo(template);
        assertThat(new PartitionTemplate("tag:%61")).isEqualTo(new PartitionTemplate("tag:a"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "|",
                "day",
                "tag:",
                "tag:time",
                "tag:a|tag:a",
                "%Y|%m",
                "%m",
                "%Y-%d",
                "%Y-%m-%d %M",
                "%H",
                "%V",
                "%Y-%V",
                "%Y%Y",
                "%q",
                "%",
                "%Y%",
                "%Y#",
                "tag:a%",
                "tag:%ZZ",
                "tag:%FF",
                "tag:%0A",
                "%Y-%m-%d|",
                "tag:a|tag:b|tag:c|tag:d|tag:e|tag:f|tag:g|tag:h|tag:i"
            })
    void whatIsNoTemplateIsRefusedByName(String text) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new PartitionTemplate(text))
                .withMessageStartingWith("partition template '%s'", text)
                .withMessageContaining("expected");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "2026-11-21", "2026-11-21|a|b", "2026-11-31|a", "2026-1-021|a", "+026-11-21|a", "2026-11-21x|a",
                "2026-11-21|", "9999-11-21|a", "2026-11-21|%7c", "2026-11-21|a#b", "2026-11-21|%61", "2026-11-21|%4"
            })
    void aKeyOfAnotherTemplateIsRefused(String key) {
        var template = new PartitionTemplate("%Y-%m-%d|tag:host");
        assertThatIllegalArgumentException().isThrownBy(() -> {
            var _ = template.startNs(new PartitionKey(key));
            var _ = template.tagParts(new PartitionKey(key));
        });
    }

    private static long ns(Instant instant) {
        return Math.addExact(Math.multiplyExact(instant.getEpochSecond(), 1_000_000_000L), instant.getNano());
    }
}
