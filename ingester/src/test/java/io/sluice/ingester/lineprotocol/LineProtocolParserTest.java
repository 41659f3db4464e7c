package io.sluice.ingester.lineprotocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LineProtocolParserTest {
    private static final NamespaceName NAMESPACE = new NamespaceName("metrics");
    private final LineProtocolParser parser = new LineProtocolParser(Samples.ARBITRARY_SEED);

    @Test
    void aLineBecomesARowOfItsTable() throws InvalidWriteException {
        var rows = rows("cpu,host=a,region=eu usage=0.5,count=3i,total=4u,up=t,note=\"ok\" 12");
        assertThat(rows)
                .isEqualTo(Map.of(
                        "cpu",
                        List.of(Map.of(
                                "host",
                                new TagValue("a"),
                                "region",
                                new TagValue("eu"),
                                "usage",
                                0.5,
                                "count",
                                3L,
                                "total",
                                BigInteger.valueOf(4),
                                "up",
                                true,
                                "note",
                                "ok",
                                "time",
                                12L))));
    }

    @Test
    void aColumnThatALineLacksIsNullInItsRow() throws InvalidWriteException {
        var rows = rows("m a=1i 1\nm,t=x b=\"s\" 2\nm a=2i 3\nm,t=y c=t 4");
        assertThat(rows.get("m"))
                .isEqualTo(List.of(
                        Map.of("a", 1L, "time", 1L),
                        Map.of("b", "s", "t", new TagValue("x"), "time", 2L),
                        Map.of("a", 2L, "time", 3L),
                        Map.of("c", true, "t", new TagValue("y"), "time", 4L)));
    }

    @Test
    void aLineWithoutATimestampGetsTheDefaultWhateverThePrecision() throws InvalidWriteException {
        var parsed = parse("m a=1", Samples.options(Precision.S, KnownColumns.NONE));
        assertThat(rowsOf("m", parsed).getFirst()).containsEntry("time", Samples.DEFAULT_TIME_NS);
    }

    @ParameterizedTest
    @CsvSource({
        "NS, -7, -7",
        "US, 7, 7000",
        "MS, -7, -7000000",
        "S, 7, 7000000000",
        "M, 7, 420000000000",
        "H, 7, 25200000000000"
    })
    void timestampsAreScaledByThePrecision(Precision precision, long written, long expectedNs)
            throws InvalidWriteException {
        var parsed = parse("m a=1 " + written, Samples.options(precision, KnownColumns.NONE));
        assertThat(rowsOf("m", parsed).getFirst()).containsEntry("time", expectedNs);
    }

    @Test
    void ofAFieldThatStandsTwiceTheLastWinsItsTypeIncluded() throws InvalidWriteException {
        assertThat(rows("m a=1i,b=t,a=\"x\" 1").get("m")).isEqualTo(List.of(Map.of("a", "x", "b", true, "time", 1L)));
    }

    @Test
    void rowsOfOneKeyAreAllKept() throws InvalidWriteException {
        assertThat(rows("m,t=x a=1 1\nm,t=x a=2 1").get("m")).hasSize(2);
    }

    @Test
    void aStringMayHoldLineFeedsAndLaterLinesCountOn() throws InvalidWriteException {
        var parsed = parse("m a=\"1\n2\n\" 1\nbad\nm a=\"3\" 2");
        assertThat(parsed.errors()).extracting(LineError::lineNumber).containsExactly(4L);
        assertThat(rowsOf("m", parsed)).extracting(row -> row.get("a")).containsExactly("1\n2\n", "3");
    }

    @Test
    void aBadLineIsSkippedWithTheLineFeedsInItsStrings() throws InvalidWriteException {
        var parsed = parse("m a=nope,b=\"1\nm a=1 1\n\" 1\nm a=2 2");
        assertThat(parsed.badLines()).isEqualTo(1);
        assertThat(rowsOf("m", parsed)).extracting(row -> row.get("a")).containsExactly(2.0);
    }

    @Test
    void nothingBehindAStringThatIsNeverClosedIsRead() throws InvalidWriteException {
        var parsed = parse("m a=1 1\nm a=\"open\nm a=3 3\n");
        assertThat(parsed.rows()).isEqualTo(1);
        assertThat(parsed.errors())
                .containsExactly(new LineError(2, "string of field 'a' is never closed: nothing after it was read"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                ",t=x a=1|table name is missing before ','",
                "m|fields are missing: expected 'table[,tag=value…] field=value[,…] [timestamp]'",
                "m,t=x|fields are missing: expected 'table[,tag=value…] field=value[,…] [timestamp]'",
                "m, a=1|key of a tag is missing",
                "m,=x a=1|key of a tag is missing",
                "m,t a=1|tag 't' has no value: expected '='",
                "m,t= a=1|value of tag 't' is empty",
                "m,t=,u=x a=1|value of tag 't' is empty",
                "m,t=x=y a=1|value of tag 't' has a bare '=': expected '\\='",
                "m,t=x,t=y a=1|tag 't' stands twice",
                "m,a=x a=1|column 'a' is a FIELD of type F64: expected TAG, which it is in table 'm' since earlier in this request",
                "m,time=x a=1|'time' is a TAG: expected another name, 'time' is the column of the timestamps",
                "m time=1i|'time' is a FIELD: expected another name, 'time' is the column of the timestamps",
                "m a|field 'a' has no value: expected '='",
                "m =1|key of a field is missing",
                "m a=1,|key of a field is missing",
                "m a=|value '' of field 'a' is none: expected 1.5, 1i, 1u, true or \"text\"",
                "m a=x,b=1|value 'x' of field 'a' is none: expected 1.5, 1i, 1u, true or \"text\"",
                "m a=+1|value '+1' of field 'a' is none: expected 1.5, 1i, 1u, true or \"text\"",
                "m a=NaN|value 'NaN' of field 'a' is none: expected 1.5, 1i, 1u, true or \"text\"",
                "m a=-Inf|value '-Inf' of field 'a' is none: expected 1.5, 1i, 1u, true or \"text\"",
                "m a=1.0i|value '1.0i' of field 'a' is none: expected 1.5, 1i, 1u, true or \"text\"",
                "m a=-1u|value '-1u' of field 'a' is none: expected 1.5, 1i, 1u, true or \"text\"",
                "m a=-i|value '-i' of field 'a' is none: expected 1.5, 1i, 1u, true or \"text\"",
                "m a=1i2|value '1i2' of field 'a' is none: expected 1.5, 1i, 1u, true or \"text\"",
                "m a=\"x\"y|value '\"x\"y' of field 'a' is none: expected 1.5, 1i, 1u, true or \"text\"",
                "m a=9223372036854775808i|value '9223372036854775808i' of field 'a' is out of range: expected -9223372036854775808 to 9223372036854775807",
                "m a=18446744073709551616u|value '18446744073709551616u' of field 'a' is out of range: expected 0 to 18446744073709551615",
                "m a=1e309|value '1e309' of field 'a' is out of range: expected a finite 64-bit float",
                "m a=1 1.5|timestamp '1.5' is no integer",
                "m a=1 -|timestamp '-' is no integer",
                "m a=1 1 2|'2' behind the timestamp: expected the end of the line",
                "m a=1 9223372036854775807|timestamp '9223372036854775807' in NS is out of range: expected -9214560000000000000 to 9214646399999999999",
                "m a=1 -99999999999999999999|timestamp '-99999999999999999999' in NS is out of range: expected -9214560000000000000 to 9214646399999999999",
            })
    void aBadLineSaysWhatIsWrong(String line, String reason) {
        var parsed = parse(line);
        assertThat(parsed.errors()).containsExactly(new LineError(1, reason));
        assertThat(parsed.badLines()).isEqualTo(1);
        assertThat(parsed.request()).isEmpty();
    }

    @Test
    void namesThatBreakTheRulesMakeABadLineThatIsQuotedShortAndPrintable() {
        var parsed = parse("m\u0007 a=1\nm %s=1\nm,\u0085=x a=1\nm,a=\0 b=\n".formatted("k".repeat(256)));
        assertThat(parsed.errors())
                .containsExactly(
                        new LineError(1, "table name 'm\\x07' has a control character: expected none"),
                        new LineError(
                                2,
                                "column name '%s'… is 256 bytes long: expected at most 255".formatted("k".repeat(64))),
                        new LineError(3, "column name '\\x85' has a control character: expected none"),
                        new LineError(4, "value '' of field 'b' is none: expected 1.5, 1i, 1u, true or \"text\""));
    }

    @Test
    void whatIsNoUtf8IsABadLine() {
        var body = "m\u00ff a=1\nm,t\u00ff=x a=1\nm,t=\u00ff a=1\nm a=\"\u00ff\"\nm a=\u00ff"
                .getBytes(StandardCharsets.ISO_8859_1);
        var parsed = parser.parse(body, 0, body.length, Samples.options());
        assertThat(parsed.errors())
                .extracting(LineError::reason)
                .containsExactly(
                        "table name 'm\\xFF' is not UTF-8",
                        "column name 't\\xFF' is not UTF-8",
                        "value '\\xFF' of tag 't' is not UTF-8",
                        "string of field 'a' is not UTF-8",
                        "value '\\xFF' of field 'a' is none: expected 1.5, 1i, 1u, true or \"text\"");
    }

    /// The first line of a column is read in another way than the next ones are.
    @Test
    void integersOfAnyLengthAreReadInEveryLine() throws InvalidWriteException {
        for (int digits = 1; digits <= 19; digits++) {
            for (String number : List.of(
                    "1".repeat(digits),
                    "9".repeat(digits),
                    "0".repeat(digits),
                    "1234567890123456789".substring(0, digits))) {
                for (String sign : List.of("", "-")) {
                    var value = new BigInteger(sign + number);
                    String body = "m a=1i,b=1i 1\nm a=%si,b=%1$si 2\nm a=1i,b=%1$si".formatted(sign + number);
                    var parsed = parse(body);
                    if (value.bitLength() > 63) {
                        assertThat(parsed.badLines()).as(body).isEqualTo(2);
                    } else {
                        long expected = value.longValueExact();
                        assertThat(rowsOf("m", parsed))
                                .as(body)
                                .isEqualTo(List.of(
                                        Map.of("a", 1L, "b", 1L, "time", 1L),
                                        Map.of("a", expected, "b", expected, "time", 2L),
                                        Map.of("a", 1L, "b", expected, "time", Samples.DEFAULT_TIME_NS)));
                    }
                }
            }
        }
        for (String wrong : List.of("i", "-i", "--1i", "1ii", "1/i", "1:i", "12345678i9", "1234567890123456x", "+1i")) {
            assertThat(parse("m a=1i 1\nm a=%s 2\nm a=%1$s,b=1i 3".formatted(wrong))
                            .errors())
                    .as(wrong)
                    .extracting(LineError::lineNumber)
                    .containsExactly(2L, 3L);
        }
    }

    @Test
    void aLineThatContradictsAnEarlierOneIsBad() throws InvalidWriteException {
        var parsed = parse("m,t=x a=1i 1\nm,t=x a=1 2\nm t=1 3\nm,a=x b=1 4\nm a=2i 5");
        assertThat(parsed.errors())
                .containsExactly(
                        new LineError(
                                2,
                                "column 'a' is a FIELD of type F64: expected FIELD of type I64, which it is in table 'm' since earlier in this request"),
                        new LineError(
                                3,
                                "column 't' is a FIELD of type F64: expected TAG, which it is in table 'm' since earlier in this request"),
                        new LineError(
                                4,
                                "column 'a' is a TAG: expected FIELD of type I64, which it is in table 'm' since earlier in this request"));
        assertThat(rowsOf("m", parsed)).extracting(row -> row.get("a")).containsExactly(1L, 2L);
    }

    @Test
    void aBadLineLeavesNoColumnTypeOrTableBehind() throws InvalidWriteException {
        var parsed = parse("m,t=x a=1i,b=nope\nn a=1i,b=nope\nm t=\"f\",a=\"s\" 1\nm u=1,a=2 2\nm,u=x a=\"s\" 3");
        assertThat(parsed.errors()).extracting(LineError::lineNumber).containsExactly(1L, 2L, 4L);
        assertThat(rows(parsed))
                .isEqualTo(Map.of(
                        "m",
                        List.of(
                                Map.of("t", "f", "a", "s", "time", 1L),
                                Map.of("u", new TagValue("x"), "a", "s", "time", 3L))));
    }

    @Test
    void aLineThatContradictsTheCatalogIsBadAndTheFirstToAgreeIsGood() throws InvalidWriteException {
        List<TableName> asked = new ArrayList<>();
        var schema = schema(ColumnSchema.TIME, ColumnSchema.tag("t"), ColumnSchema.field("a", ColumnType.F64));
        KnownColumns known = table -> {
            asked.add(table);
            return table.value().equals("m") ? Optional.of(schema) : Optional.empty();
        };
        var parsed = parse(
                "m,t=x a=1 1\nm a=1i 2\nm,a=x b=1 3\nm t=1 4\nn t=1 5\nm,t=y a=2,c=t 6\nn t=2 7",
                Samples.options(Precision.NS, known));
        assertThat(parsed.errors())
                .containsExactly(
                        new LineError(
                                2,
                                "column 'a' is a FIELD of type I64: expected FIELD of type F64, which it is in table 'm'"),
                        new LineError(3, "column 'a' is a TAG: expected FIELD of type F64, which it is in table 'm'"),
                        new LineError(4, "column 't' is a FIELD of type F64: expected TAG, which it is in table 'm'"));
        assertThat(rowsOf("m", parsed)).hasSize(2);
        assertThat(asked).containsExactly(new TableName("m"), new TableName("n"));
    }

    @Test
    void aTypeThatTheCatalogKnowsIsNotOpenInItsFirstLine() {
        var schema = schema(ColumnSchema.TIME, ColumnSchema.field("a", ColumnType.F64));
        var options = Samples.options(Precision.NS, table -> Optional.of(schema));
        assertThat(parse("m a=1,a=1i", options).badLines()).isEqualTo(1);
        assertThat(parse("m a=1i,a=1", options).badLines()).isZero();
    }

    @Test
    void aTableHoldsAThousandColumnsTimeAndThoseOfTheCatalogIncluded() {
        String full = columns(0, 999);
        assertThat(parse("m " + full).badLines()).isZero();
        assertThat(parse("m " + columns(0, 1_000)).errors())
                .containsExactly(new LineError(
                        1, "column 'c999' is new in table 'm', which has 1,000 columns: expected at most 1,000"));
        assertThat(parse("m %s\nm x=1\nm c7=2".formatted(full)).errors())
                .extracting(LineError::lineNumber)
                .containsExactly(2L);
        var schema = schema(ColumnSchema.TIME, ColumnSchema.field("a", ColumnType.F64));
        var options = Samples.options(Precision.NS, table -> Optional.of(schema));
        assertThat(parse("m " + full, options).badLines()).isEqualTo(1);
        assertThat(parse("m a=1," + columns(0, 998), options).badLines()).isZero();
    }

    @Test
    void aBodyHoldsTenThousandTables() throws InvalidWriteException {
        String lines =
                IntStream.range(0, 10_001).mapToObj(i -> "m" + i + " a=1 1\n").collect(Collectors.joining());
        var parsed = parse(lines + "m0 a=2 2\n");
        assertThat(parsed.errors())
                .containsExactly(
                        new LineError(10_001, "table 'm10000' is one too many: expected at most 10,000 in a request"));
        assertThat(WriteDecoder.decode(parsed.request().orElseThrow()).rowCount())
                .isEqualTo(10_001);
    }

    /// Invariant 7: a sparse body, whose columns would take a thousand times its length, stops at the limit.
    @Test
    void aRequestStaysBelowItsLimitHoweverSparseTheLinesAre() throws InvalidWriteException {
        int limitBytes = 1 << 20;
        var options = new ParseOptions(NAMESPACE, Precision.NS, 0, 1, KnownColumns.NONE, limitBytes);
        String sparse = "m " + columns(0, 500) + "\n" + "m c0=1\n".repeat(10_000);
        var parsed = parse(sparse, options);
        assertThat(parsed.badLines()).isGreaterThan(9_000);
        assertThat(parsed.errors()).hasSize(1);
        assertThat(parsed.errors().getFirst().reason())
                .startsWith("row would bring the request's columns to 1,0")
                .endsWith("bytes: expected at most 1,048,576");
        assertThat(parsed.request().orElseThrow()).hasSizeBetween(limitBytes / 4, limitBytes);
        assertThat(WriteDecoder.decode(parsed.request().get()).rowCount()).isEqualTo(parsed.rows());

        String strings = "m,t=%s s=\"%s\" 1\n".formatted("t".repeat(600_000), "s".repeat(600_000));
        assertThat(parse(strings, options).badLines()).isEqualTo(1);
        assertThat(parse("m s=\"%s\" 1\n".repeat(2).formatted("s".repeat(600_000), "s".repeat(600_000)), options)
                        .badLines())
                .isEqualTo(1);
    }

    /// Invariant 7: what is small on the wire and large as objects is charged for.
    @Test
    void tablesColumnsAndDictionaryValuesAreChargedForTheirObjects() {
        var options = new ParseOptions(NAMESPACE, Precision.NS, 0, 1, KnownColumns.NONE, 1 << 20);
        String tables =
                IntStream.range(0, 1_000).mapToObj(i -> "m" + i + " a=1\n").collect(Collectors.joining());
        // 2,048 for the table, 1,024 for the column, 129 bits for the row
        assertThat(parse(tables, options).rows()).isEqualTo((1 << 20) * 8 / (3_072 * 8 + 129));
        String columns = IntStream.range(0, 2)
                .mapToObj(i -> "m" + i + " " + columns(0, 600) + "\n")
                .collect(Collectors.joining());
        assertThat(parse(columns, options).rows()).isEqualTo(1);
        String values = IntStream.range(10_000, 30_000)
                .mapToObj(i -> "m,t=" + i + " a=1\n")
                .collect(Collectors.joining());
        // 64 for the value's objects, 5 for its bytes, 162 bits for the row; 4,096 for the table and its columns
        assertThat(parse(values, options).rows()).isEqualTo(((1 << 20) - 4_096) * 8 / (69 * 8 + 162));
    }

    @Test
    void errorsAreBoundedButAllBadLinesAreCounted() {
        var options = new ParseOptions(NAMESPACE, Precision.NS, 0, 2, KnownColumns.NONE);
        var parsed = parse("x\n".repeat(50_000), options);
        assertThat(parsed.badLines()).isEqualTo(50_000);
        assertThat(parsed.errors()).extracting(LineError::lineNumber).containsExactly(1L, 2L);
    }

    @Test
    void aBodyWithoutLinesHasNoRequest() {
        for (String body : List.of("", "\n\r\n \t\n", "# only\n#comments", "\r")) {
            var parsed = parse(body);
            assertThat(parsed).isEqualTo(new ParsedLines(Optional.empty(), 0, 0, List.of()));
        }
    }

    @Test
    void aRangeOutsideTheBodyIsRefused() {
        assertThatThrownBy(() -> parser.parse(new byte[4], 2, 3, Samples.options()))
                .isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void optionsOutOfRangeAreRefused() {
        assertThatThrownBy(() -> new ParseOptions(NAMESPACE, Precision.NS, Long.MAX_VALUE, 1, KnownColumns.NONE))
                .hasMessageContaining("defaultTimeNs");
        assertThatThrownBy(() -> new ParseOptions(NAMESPACE, Precision.NS, 0, -1, KnownColumns.NONE))
                .hasMessageContaining("maxErrors");
        assertThatThrownBy(() -> new ParseOptions(NAMESPACE, Precision.NS, 0, 1, KnownColumns.NONE, 1 << 29))
                .hasMessageContaining("maxRequestBytes");
    }

    @ParameterizedTest
    @CsvSource({"ns, NS", "n, NS", "us, US", "u, US", "µ, US", "ms, MS", "s, S", "m, M", "h, H"})
    void precisionsOfBothApisAreKnown(String name, Precision precision) {
        assertThat(Precision.parse(name)).contains(precision);
        assertThat(Precision.parse(name + "x")).isEmpty();
    }

    private static TableSchema schema(ColumnSchema... columns) {
        return new TableSchema(
                NAMESPACE, new TableName("m"), new TableId(1), PartitionTemplate.DAILY, List.of(columns));
    }

    private static String columns(int from, int to) {
        return IntStream.range(from, to).mapToObj(i -> "c" + i + "=1").collect(Collectors.joining(","));
    }

    private ParsedLines parse(String body) {
        return parse(body, Samples.options());
    }

    private ParsedLines parse(String body, ParseOptions options) {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        return parser.parse(bytes, 0, bytes.length, options);
    }

    private static List<Map<String, Object>> rowsOf(String table, ParsedLines parsed) throws InvalidWriteException {
        return rows(parsed).getOrDefault(table, List.of());
    }

    private Map<String, List<Map<String, Object>>> rows(String body) throws InvalidWriteException {
        var parsed = parse(body);
        assertThat(parsed.errors()).isEmpty();
        return rows(parsed);
    }

    private static Map<String, List<Map<String, Object>>> rows(ParsedLines parsed) throws InvalidWriteException {
        return DecodedRows.of(WriteDecoder.decode(parsed.request().orElseThrow()));
    }
}
