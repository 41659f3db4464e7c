package io.sluice.ingester.lineprotocol;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.ingester.door.DecodedColumn;
import io.sluice.ingester.door.DecodedRows;
import io.sluice.ingester.door.DecodedRows.TagValue;
import io.sluice.ingester.door.InvalidWriteException;
import io.sluice.ingester.door.WriteDecoder;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.TableId;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SeriesCacheTest {
    private final LineProtocolParser parser = new LineProtocolParser(Samples.ARBITRARY_SEED);

    @Test
    void theFirstPointOfAShapeIsReadInEachBodyAndTheOthersOfKnownSeriesAreNot() {
        String hosts = lines(0, 100);
        assertThat(known(parser, hosts)).isZero();
        assertThat(known(parser, hosts)).isEqualTo(99);
        assertThat(known(parser, hosts + hosts)).isEqualTo(199);
        assertThat(known(parser, lines(50, 150))).isEqualTo(49);
        assertThat(known(parser, "m v=1 1\nm v=1 2\nm,host=h7 v=1 3\nm,host=h7,dc=a v=1 4\n"))
                .as("three shapes, two of them new")
                .isEqualTo(1);
    }

    @Test
    void seriesAreKnownInWhateverOrderTheyCome() throws InvalidWriteException {
        parse(parser, lines(0, 100));
        String backwards = IntStream.range(0, 100)
                .mapToObj(i -> "m,host=h%d v=%di 1\n".formatted(99 - i, i))
                .collect(Collectors.joining());
        ParsedLines parsed = parse(parser, backwards);
        assertThat(parser.knownRows()).isEqualTo(99);
        assertThat(rows(parsed).get("m"))
                .isEqualTo(IntStream.range(0, 100)
                        .mapToObj(i ->
                                Map.<String, Object>of("host", new TagValue("h" + (99 - i)), "v", (long) i, "time", 1L))
                        .toList());
    }

    @Test
    void aSeriesWhoseTextBeginsLikeThatOfAnotherIsAnother() throws InvalidWriteException {
        String body = "m,host=a v=1i 1\nm,host=ab v=2i 1\nm,host=a v=3i 1\nm,host=a\\ b v=4i 1\nm,host=a,b=c v=5i 1\n";
        for (int i = 0; i < 3; i++) {
            assertThat(rows(parse(parser, body)).get("m"))
                    .isEqualTo(List.of(
                            Map.of("host", new TagValue("a"), "v", 1L, "time", 1L),
                            Map.of("host", new TagValue("ab"), "v", 2L, "time", 1L),
                            Map.of("host", new TagValue("a"), "v", 3L, "time", 1L),
                            Map.of("host", new TagValue("a b"), "v", 4L, "time", 1L),
                            Map.of("host", new TagValue("a"), "b", new TagValue("c"), "v", 5L, "time", 1L)));
        }
    }

    @Test
    void aKnownSeriesAtTheEndOfABodyHasNoFields() {
        parse(parser, "m,host=a v=1 1\nm,host=a v=1 2\n");
        for (String cut : List.of("m,host=a", "m,host=a ", "m,host=a\n", "m,host=a \n", "m,host=a\r\n")) {
            assertThat(parse(parser, "m,host=a v=1 1\n" + cut).errors())
                    .as(cut)
                    .extracting(LineError::lineNumber)
                    .containsExactly(2L);
        }
    }

    @Test
    void aBadPointOfAKnownSeriesLeavesNothingInItsTableNorInAnother() throws InvalidWriteException {
        String good = "m,host=a v=1i 1\nn,host=b v=1i 1\n";
        parse(parser, good + good);
        ParsedLines parsed =
                parse(parser, "m,host=c v=nope 2\n" + good + "m,host=a x=1i,v=nope 2\nn,host=b y=1i,v=nope 2\n" + good);
        assertThat(parsed.errors()).extracting(LineError::lineNumber).containsExactly(1L, 4L, 5L);
        assertThat(rows(parsed))
                .isEqualTo(Map.of(
                        "m",
                        List.of(
                                Map.of("host", new TagValue("a"), "v", 1L, "time", 1L),
                                Map.of("host", new TagValue("a"), "v", 1L, "time", 1L)),
                        "n",
                        List.of(
                                Map.of("host", new TagValue("b"), "v", 1L, "time", 1L),
                                Map.of("host", new TagValue("b"), "v", 1L, "time", 1L))));
        assertThat(WriteDecoder.decode(parsed.request().orElseThrow()).tables())
                .allSatisfy(table -> assertThat(table.columns()).hasSize(3));
    }

    /// What a series is in one namespace says nothing about another.
    @Test
    void aKnownSeriesObeysTheSchemaOfEachBody() {
        String body = "m,host=a v=1 1\nm,host=a v=1 2\n";
        parse(parser, body);
        var schema = new TableSchema(
                new NamespaceName("metrics"),
                new TableName("m"),
                new TableId(1),
                PartitionTemplate.DAILY,
                List.of(ColumnSchema.TIME, ColumnSchema.field("host", ColumnType.F64)));
        ParsedLines parsed = parse(parser, body, Samples.options(Precision.NS, table -> Optional.of(schema)));
        assertThat(parsed.errors())
                .extracting(LineError::reason)
                .containsOnly("column 'host' is a TAG: expected FIELD of type F64, which it is in table 'm'");
        assertThat(parsed.badLines()).isEqualTo(2);
        assertThat(parse(parser, body).badLines()).isZero();
    }

    @Test
    void aFieldThatIsATagOfAKnownSeriesIsBad() {
        parse(parser, "m,host=a v=1 1\nm,host=a v=1 1\n");
        assertThat(parse(parser, "m,host=a v=1 1\nm,host=a host=1 1\n").errors())
                .extracting(LineError::lineNumber)
                .containsExactly(2L);
    }

    /// The codes of a body's dictionaries are its own.
    @Test
    void valuesOfKnownSeriesStandInTheDictionaryOnceThoughOtherPointsHaveThemToo() throws InvalidWriteException {
        parse(parser, lines(0, 10));
        // "h3" comes by a point of an unknown series first, and with a backslash, too.
        ParsedLines parsed =
                parse(parser, "m,dc=x,host=h3 v=1i 1\n" + lines(0, 10) + "m,host=h\\3 v=1i 1\n" + lines(0, 10));
        var host = WriteDecoder.decode(parsed.request().orElseThrow()).tables().getFirst().columns().stream()
                .filter(column -> column.schema().name().value().equals("host"))
                .findFirst()
                .orElseThrow();
        assertThat(host.values())
                .isInstanceOfSatisfying(
                        DecodedColumn.Values.Dictionary.class,
                        dictionary -> assertThat(dictionary.values())
                                .containsExactlyInAnyOrder(
                                        "h0", "h1", "h2", "h3", "h4", "h5", "h6", "h7", "h8", "h9", "h\\3"));
    }

    @Test
    void whatStandsBehindTheBodyIsNotCompared() {
        byte[] bytes = "m,host=abc v=1 1\nm,host=abc v=1 1\n".getBytes(StandardCharsets.UTF_8);
        assertThat(parser.parse(bytes, 0, bytes.length, Samples.options()).rows())
                .isEqualTo(2);
        for (int length = 18; length < bytes.length; length++) {
            ParsedLines cut = parser.parse(bytes, 0, length, Samples.options());
            ParsedLines alone = new LineProtocolParser(Samples.ARBITRARY_SEED)
                    .parse(Arrays.copyOf(bytes, length), 0, length, Samples.options());
            assertThat(cut.rows()).as("%d bytes", length).isEqualTo(alone.rows());
            assertThat(cut.errors()).as("%d bytes", length).isEqualTo(alone.errors());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {SeriesCache.MAX_TEXT_BYTES, SeriesCache.MAX_TEXT_BYTES + 1})
    void aTextThatIsTooLongIsNotKept(int lengthBytes) {
        String series = "m,host=" + "x".repeat(lengthBytes - "m,host=".length());
        String body = (series + " v=1 1\n").repeat(3);
        parse(parser, body);
        assertThat(known(parser, body)).isEqualTo(lengthBytes > SeriesCache.MAX_TEXT_BYTES ? 0 : 2);
    }

    /// Whatever comes, a cache takes no more than its limit, a series and a shape apart.
    @Test
    void aFullCacheKeepsWhatItHasAsLongAsThatIsOfUse() {
        var small = new LineProtocolParser(Samples.ARBITRARY_SEED, 30_000);
        parse(small, lines(0, 300));
        int kept = small.knownSeries();
        assertThat(kept).isBetween(50, 200);
        for (int i = 0; i < 20; i++) {
            // A third of the points is known.
            assertThat(known(small, lines(0, kept) + lines(20_000 + 1_000 * i, 20_000 + 1_000 * i + 2 * kept)))
                    .as("body %d", i)
                    .isGreaterThan(kept / 2L);
            assertThat(small.knownSeries()).isEqualTo(kept);
        }
    }

    @Test
    void aFullCacheThatIsOfNoUseForgetsAllAndLearnsWhatComesNow() {
        var small = new LineProtocolParser(Samples.ARBITRARY_SEED, 30_000);
        parse(small, lines(0, 300));
        String others = lines(30_000, 30_040);
        for (int i = 0; i < 100; i++) {
            parse(small, others);
        }
        assertThat(known(small, others)).isEqualTo(39);
    }

    /// Points whose series never come again are looked at seldom, and cost their readers little.
    @Test
    void aFullCacheThatKnowsNothingLooksAtOnePointOfSixteen() {
        var small = new LineProtocolParser(Samples.ARBITRARY_SEED, 30_000);
        parse(small, lines(0, 300));
        int kept = small.knownSeries();
        parse(small, lines(10_000, 10_100));
        assertThat(known(small, lines(0, kept)))
                .as("one of the first 16 points is looked at, and found; then the cache is awake")
                .isBetween(kept - 17L, kept - 1L);
    }

    /// Many tables of one series each, as a shape is kept for each of them.
    @Test
    void shapesAreChargedToo() {
        var small = new LineProtocolParser(Samples.ARBITRARY_SEED, 150_000);
        String tables = IntStream.range(0, 5_000)
                .mapToObj(i -> "m%d,a=1,b=2,c=3,d=4 v=1 1\n".formatted(i))
                .collect(Collectors.joining());
        assertThat(parse(small, tables).rows()).isEqualTo(5_000);
        assertThat(small.knownSeries()).isLessThan(50);
    }

    private static String lines(int from, int to) {
        return IntStream.range(from, to)
                .mapToObj(i -> "m,host=h%d v=%di 1\n".formatted(i, i))
                .collect(Collectors.joining());
    }

    private static ParsedLines parse(LineProtocolParser parser, String body) {
        return parse(parser, body, Samples.options());
    }

    private static ParsedLines parse(LineProtocolParser parser, String body, ParseOptions options) {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        return parser.parse(bytes, 0, bytes.length, options);
    }

    private static long known(LineProtocolParser parser, String body) {
        ParsedLines parsed = parse(parser, body);
        assertThat(parsed.errors()).isEmpty();
        return parser.knownRows();
    }

    private static Map<String, List<Map<String, Object>>> rows(ParsedLines parsed) throws InvalidWriteException {
        return DecodedRows.of(WriteDecoder.decode(parsed.request().orElseThrow()));
    }
}
