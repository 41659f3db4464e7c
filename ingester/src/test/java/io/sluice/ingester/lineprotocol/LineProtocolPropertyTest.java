package io.sluice.ingester.lineprotocol;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.ingester.door.DecodedRows;
import io.sluice.ingester.door.InvalidWriteException;
import io.sluice.ingester.door.WriteDecoder;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LineProtocolPropertyTest {
    private static final String[] TABLES = {"cpu", "m\\ e\\,m", "d=k", "é", "a\\=b", "\\\\", "\"q\""};
    private static final String[] KEYS = {
        "host", "a", "b", "c\\=d", "e\\ f", "g\\,h", "ü", "\\", "\\\\x", "i\\j", "time", "\"k\"", "value"
    };
    private static final String[] TAG_VALUES = {
        "x", "y", "server01", "a\\ b", "\"quoted\"", "ö", "\\,", "x\\\\y", "日本", "eight888", "nine99999", "\r"
    };
    private static final String[] FIELD_VALUES = {
        "1",
        "1i",
        "1u",
        "-1i",
        "0.5",
        "-1e3",
        "1.",
        ".5",
        "-.5E-2",
        "t",
        "F",
        "true",
        "False",
        "FALSE",
        "-0",
        "007",
        "9223372036854775807i",
        "-9223372036854775808i",
        "9223372036854775808i",
        "-9223372036854775809i",
        "18446744073709551615u",
        "18446744073709551616u",
        "99999999999999999999u",
        "1e308",
        "1e309",
        "4.9e-324",
        "1e-400",
        "62.288713455200195",
        "123456789012345678901234567890",
        "\"text\"",
        "\"\"",
        "\"a\\\"b\\\\c\\d\"",
        "\"line\nfeed, cpu v=1\n\"",
        "\"日本\"",
        "\"a b\"",
        "+1",
        "NaN",
        "1i1",
        "--1",
        "tru",
        "1e",
        ".",
        "-",
        "-i",
        "-u",
        "\"open",
        "\"x\"y",
        ""
    };
    private static final String[] TIMES = {
        " 1",
        " -1",
        "",
        " ",
        "  1700000000000000000",
        " 1 ",
        " 9223372036854775807",
        " 1\t",
        " 1\r",
        "\r",
        " x",
        " 1 x",
        " -",
        " 99999999999999999999"
    };

    @Test
    void everyBodyOfGeneratedLinesIsReadAsTheReferenceReadsIt() throws InvalidWriteException {
        var parser = new LineProtocolParser(Samples.ARBITRARY_SEED);
        long goodLines = 0;
        long badLines = 0;
        for (long seed = 0; seed < 4_000; seed++) {
            var random = new Random(seed);
            ParsedLines parsed =
                    check(parser, generate(random), random.nextInt(4) == 0 ? Precision.MS : Precision.NS, seed);
            goodLines += parsed.rows();
            badLines += parsed.badLines();
        }
        assertThat(goodLines).as("the generator makes good lines").isGreaterThan(10_000);
        assertThat(badLines).as("the generator makes bad lines").isGreaterThan(4_000);
    }

    @Test
    void everyMutatedBodyIsReadAsTheReferenceReadsIt() throws IOException, InvalidWriteException {
        List<byte[]> samples = List.of(
                Arrays.copyOf(Samples.read("telegraf_metrics.lp.gz"), 3_000),
                Arrays.copyOf(Samples.read("tsbs_devops.lp.gz"), 2_000),
                Samples.read("air_and_water.lp"));
        var parser = new LineProtocolParser(Samples.ARBITRARY_SEED);
        for (long seed = 0; seed < 6_000; seed++) {
            var random = new Random(seed);
            byte[] body = random.nextBoolean()
                    ? generate(random)
                    : samples.get(random.nextInt(samples.size())).clone();
            check(parser, mutate(body, random), Precision.NS, seed);
        }
    }

    /// Bodies of a few series, mostly in the same order, through caches that hold all, some and hardly any of them.
    @ParameterizedTest
    @ValueSource(longs = {2_250, 18_000, LineProtocolParser.MAX_KEPT_BYTES})
    void everyPointOfASeriesThatCameBeforeIsReadAsTheReferenceReadsIt(long keptBytes) throws InvalidWriteException {
        var parser = new LineProtocolParser(Samples.ARBITRARY_SEED, keptBytes);
        long rows = 0;
        long knownRows = 0;
        for (long seed = 0; seed < 2_000; seed++) {
            var random = new Random(seed);
            // Others every 100 bodies, so that the cache has to change.
            String[] series = series(new Random(seed / 100));
            int at = random.nextInt(series.length);
            var lines = new StringBuilder();
            for (int i = random.nextInt(60); i >= 0; i--) {
                appendFields(lines.append(series[at]), random, random.nextInt(20) == 0);
                at = random.nextInt(10) == 0 ? random.nextInt(series.length) : (at + 1) % series.length;
            }
            rows += check(parser, lines.toString().getBytes(StandardCharsets.UTF_8), Precision.NS, seed)
                    .rows();
            knownRows += parser.knownRows();
        }
        assertThat(knownRows).as("of %d rows", rows).isBetween(keptBytes < 10_000 ? 100 : rows / 4, rows * 9 / 10);
    }

    private static String[] series(Random random) {
        String[] series = new String[1 + random.nextInt(30)];
        for (int i = 0; i < series.length; i++) {
            var text = new StringBuilder(TABLES[random.nextInt(3)]);
            int tags = random.nextInt(4);
            for (int tag = 0; tag < tags; tag++) {
                text.append(",t%d=".formatted(random.nextInt(8) == 0 ? tag + 1 : tag))
                        .append(random.nextInt(4) == 0 ? one(TAG_VALUES, random) : "v" + random.nextInt(20));
            }
            series[i] = text.toString();
        }
        return series;
    }

    private static ParsedLines check(LineProtocolParser parser, byte[] body, Precision precision, long seed)
            throws InvalidWriteException {
        ParseOptions options = Samples.options(precision, KnownColumns.NONE);
        var reference = new ReferenceParser(options).parse(body);
        // In the middle of a larger array, whose rest must not matter.
        byte[] padded = new byte[body.length + 20];
        Arrays.fill(padded, (byte) '"');
        System.arraycopy(body, 0, padded, 10, body.length);

        ParsedLines parsed = parser.parse(padded, 10, body.length, options);

        String shown = "seed %d: %s".formatted(seed, new String(body, StandardCharsets.ISO_8859_1));
        assertThat(parsed.errors().stream().map(LineError::lineNumber).toList())
                .as("%s%n%s", shown, parsed.errors())
                .isEqualTo(reference.badLines);
        assertThat(parsed.badLines()).as(shown).isEqualTo(reference.badLines.size());
        assertThat(parsed.request().isPresent()).as(shown).isEqualTo(parsed.rows() > 0);
        Map<String, List<Map<String, Object>>> rows = parsed.request().isEmpty()
                ? Map.of()
                : DecodedRows.of(WriteDecoder.decode(parsed.request().get()));
        assertThat(rows.equals(reference.tables))
                .as("%s%nfound %s%nexpected %s", shown, rows, reference.tables)
                .isTrue();
        return parsed;
    }

    private static byte[] generate(Random random) {
        var lines = new StringBuilder();
        int lineCount = 1 + random.nextInt(12);
        // Mostly good lines, save in one body of four.
        int badOf = random.nextInt(4) == 0 ? 2 : 40;
        for (int i = 0; i < lineCount; i++) {
            switch (random.nextInt(12)) {
                case 0 -> lines.append("# comment, \"a=b\n");
                case 1 -> lines.append(random.nextBoolean() ? "\n" : " \t\r\n");
                default -> appendLine(lines, random, badOf);
            }
        }
        return lines.toString().getBytes(StandardCharsets.UTF_8);
    }

    private static void appendLine(StringBuilder lines, Random random, int badOf) {
        boolean mayBeBad = random.nextInt(badOf) == 0;
        lines.append(random.nextInt(8) == 0 ? " " : "").append(one(TABLES, random));
        int tags = random.nextInt(3);
        for (int i = 0; i < tags; i++) {
            String key = mayBeBad ? one(KEYS, random) : "t" + i + one(KEYS, random);
            lines.append(',').append(key).append('=').append(one(TAG_VALUES, random));
        }
        appendFields(lines, random, mayBeBad);
    }

    private static void appendFields(StringBuilder lines, Random random, boolean mayBeBad) {
        lines.append(random.nextInt(8) == 0 ? "  " : " ");
        int fields = 1 + random.nextInt(3);
        for (int i = 0; i < fields; i++) {
            int value = random.nextInt(mayBeBad ? FIELD_VALUES.length : 16);
            String key = mayBeBad ? one(KEYS, random) : "f" + value;
            lines.append(i == 0 ? "" : ",").append(key).append('=').append(FIELD_VALUES[value]);
        }
        lines.append(TIMES[random.nextInt(mayBeBad ? TIMES.length : 4)])
                .append(random.nextInt(20) == 0 ? "\r\n" : "\n");
    }

    private static String one(String[] of, Random random) {
        return of[random.nextInt(of.length)];
    }

    /// Cuts, doubles, splices and overwrites, mostly with the bytes that mean something.
    private static byte[] mutate(byte[] body, Random random) {
        byte[] special = "\\\",= \n\r#\t\0\u00ff0iu.e-tF".getBytes(StandardCharsets.ISO_8859_1);
        byte[] mutated = body;
        int mutations = 1 + random.nextInt(6);
        for (int i = 0; i < mutations && mutated.length > 0; i++) {
            int at = random.nextInt(mutated.length);
            switch (random.nextInt(6)) {
                case 0 -> mutated = Arrays.copyOf(mutated, at);
                case 1 -> mutated[at] ^= (byte) (1 << random.nextInt(8));
                case 2 -> {
                    int to = Math.min(mutated.length, at + random.nextInt(30));
                    byte[] longer = Arrays.copyOf(mutated, mutated.length + to - at);
                    System.arraycopy(mutated, at, longer, to, mutated.length - at);
                    mutated = longer;
                }
                default -> mutated[at] = special[random.nextInt(special.length)];
            }
        }
        return mutated;
    }
}
