package io.sluice.query;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import com.google.re2j.Pattern;
import io.sluice.model.ColumnName;
import io.sluice.proto.v1.Predicate;
import io.sluice.proto.v1.TimeRange;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class QueryRequestsTest {
    private static final String JSON = """
            {"namespace":"metrics","table":"cpu","columns":["time","host"],
             "timeRange":{"startNs":"0","endNs":"10"},"predicates":[{"column":"host","in":["a","b"]}]}""";

    private static QueryRequest parse(String text) throws InvalidQueryException {
        return QueryRequests.parse(text.getBytes(StandardCharsets.UTF_8));
    }

    private static io.sluice.proto.v1.QueryRequest.Builder message() {
        return io.sluice.proto.v1.QueryRequest.newBuilder()
                .setNamespace("metrics")
                .setTable("cpu")
                .addColumns("time")
                .addColumns("host")
                .setTimeRange(TimeRange.newBuilder().setStartNs(0).setEndNs(10))
                .addPredicates(
                        Predicate.newBuilder().setColumn("host").addIn("a").addIn("b"));
    }

    @Test
    void jsonAndProtobufSayTheSame() throws InvalidQueryException {
        QueryRequest request = parse(JSON);
        assertThat(request).isEqualTo(QueryRequests.parse(message().build().toByteArray()));
        assertThat(request.startNs()).isZero();
        assertThat(request.endNs()).isEqualTo(10);
        assertThat(request.predicates())
                .containsExactly(new TagPredicate.OneOf(new ColumnName("host"), false, Set.of("a", "b")));
    }

    @Test
    void withoutATimeRangeAllTimesAreMeant() throws InvalidQueryException {
        QueryRequest request = parse("{\"namespace\":\"n\",\"table\":\"t\"}");
        assertThat(request.startNs()).isEqualTo(Long.MIN_VALUE);
        assertThat(request.endNs()).isEqualTo(Long.MAX_VALUE);
        assertThat(request.columns()).isEmpty();
    }

    @Test
    void aFieldThatNobodyKnowsIsRefusedInBothForms() {
        assertThatThrownBy(() -> parse("{\"namespace\":\"n\",\"table\":\"t\",\"colums\":[]}"))
                .isInstanceOf(InvalidQueryException.class)
                .hasMessageContaining("colums");
        byte[] unknown = message()
                .setUnknownFields(UnknownFieldSet.newBuilder()
                        .addField(
                                99,
                                UnknownFieldSet.Field.newBuilder().addVarint(1).build())
                        .build())
                .build()
                .toByteArray();
        assertThatThrownBy(() -> QueryRequests.parse(unknown))
                .isInstanceOf(InvalidQueryException.class)
                .hasMessageContaining("99");
    }

    @Test
    void aCommandOfFlightSqlIsToldAsSuch() {
        byte[] command = Any.newBuilder()
                .setTypeUrl("type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery")
                .setValue(ByteString.copyFromUtf8("\n\010select 1"))
                .build()
                .toByteArray();
        assertThatThrownBy(() -> QueryRequests.parse(command))
                .isInstanceOf(InvalidQueryException.class)
                .hasMessage(
                        "query is Flight SQL's CommandStatementQuery, and SQL is not spoken here: expected a"
                                + " sluice.v1.QueryRequest, as protobuf or as JSON such as {\"namespace\":\"n\",\"table\":\"t\"}");
    }

    @Test
    void whatIsNoRequestIsToldWhatOneIs() {
        assertThatThrownBy(() -> parse("select * from cpu"))
                .isInstanceOf(InvalidQueryException.class)
                .hasMessageStartingWith("query is neither JSON nor protobuf (")
                .hasMessageEndingWith("as JSON such as {\"namespace\":\"n\",\"table\":\"t\"}");
        assertThatThrownBy(() -> parse("{\"namespace"))
                .isInstanceOf(InvalidQueryException.class)
                .message()
                .hasLineCount(1)
                .startsWith("query is not the JSON of a sluice.v1.QueryRequest: ");
    }

    @Test
    void whatMakesNoSenseIsNamed() {
        assertThatThrownBy(() -> parse("{\"table\":\"t\"}")).hasMessageContaining("namespace name is empty");
        assertThatThrownBy(() -> parse("{\"namespace\":\"n\",\"table\":\"t\",\"columns\":[\"a\",\"a\"]}"))
                .hasMessageContaining("'a' is asked for twice");
        assertThatThrownBy(() -> parse("{\"namespace\":\"n\",\"table\":\"t\",\"predicates\":[{\"column\":\"a\"}]}"))
                .hasMessageContaining("no values");
        assertThatThrownBy(() -> parse(
                        "{\"namespace\":\"n\",\"table\":\"t\",\"timeRange\":{\"startNs\":\"2\",\"endNs\":\"1\"}}"))
                .hasMessageContaining("starts at 2 and ends at 1");
        assertThatThrownBy(() -> parse("{\"namespace\":")).isInstanceOf(InvalidQueryException.class);
        assertThatThrownBy(() -> QueryRequests.parse(new byte[QueryRequests.MAX_BYTES + 1]))
                .hasMessageContaining("at most");
    }

    private static QueryRequest with(String more) throws InvalidQueryException {
        return parse("{\"namespace\":\"n\",\"table\":\"t\"," + more + "}");
    }

    @Test
    void limitOrderMergeAndEachConditionAreRead() throws InvalidQueryException {
        QueryRequest request = with("""
                "limit":"7","order":"time","merge":true,"predicates":[
                 {"column":"a","equals":"x"},{"column":"a","notEquals":"x"},{"column":"a","notIn":["x","y"]},
                 {"column":"a","matches":"^x"},{"column":"a","notMatches":""}]""");
        ColumnName a = new ColumnName("a");
        assertThat(request.limit()).hasValue(7);
        assertThat(request.order()).isEqualTo(QueryRequest.Order.TIME);
        assertThat(request.isMerged()).isTrue();
        assertThat(request.predicates())
                .containsExactly(
                        new TagPredicate.OneOf(a, false, Set.of("x")),
                        new TagPredicate.OneOf(a, true, Set.of("x")),
                        new TagPredicate.OneOf(a, true, Set.of("x", "y")),
                        TagPredicate.Matching.of(a, false, "^x"),
                        TagPredicate.Matching.of(a, true, ""));
        assertThat(parse(JSON).limit()).isEmpty();
        assertThat(parse(JSON).order()).isEqualTo(QueryRequest.Order.NATURAL);
        assertThat(parse(JSON).isMerged()).isFalse();
    }

    @Test
    void limitsOrdersAndConditionsThatMakeNoSenseAreNamed() {
        assertThatThrownBy(() -> with("\"limit\":0"))
                .hasMessage("limit is 0: expected 1 to 9223372036854775807, or none");
        assertThatThrownBy(() -> with("\"limit\":\"18446744073709551615\""))
                .hasMessageContaining("limit is 18446744073709551615");
        assertThatThrownBy(() -> with("\"limit\":-1")).isInstanceOf(InvalidQueryException.class);
        assertThatThrownBy(() -> with("\"order\":\"tiem\"")).hasMessage("order is 'tiem': expected 'time' or none");
        assertThatThrownBy(() -> with("\"predicates\":[{\"column\":\"a\",\"equals\":\"x\",\"matches\":\"x\"}]"))
                .hasMessageContaining("predicate on 'a' has 2 conditions: expected exactly one of in, not_in");
        assertThatThrownBy(() -> with("\"predicates\":[{\"column\":\"a\",\"matches\":\"x(\"}]"))
                .hasMessageContaining("regular expression 'x(' of predicate on 'a': expected RE2 syntax");
    }

    /// RE2 writes counted repetitions out: without a limit a few characters take all memory there is.
    @Test
    void expressionsThatGrowLargeAreRefusedAndOrdinaryOnesAreNot() throws InvalidQueryException {
        for (String large : List.of(
                "((a{1000}){1000}){1000}",
                "[]{1}(]((a{1000}){1000}){1000}",
                "[[:alpha:](]((a{1000}){1000}){1000}",
                "[\\]\\(]((a{1000}){1000}){1000}",
                "\\Q[\\E((a{1000}){1000}){1000}",
                "(?:a{900,}){900,}",
                "\\p{Greek}{50}{50}",
                "(((((((((((x{2}){2}){2}){2}){2}){2}){2}){2}){2}){2}){2})",
                "a".repeat(1_001))) {
            String json = large.replace("\\", "\\\\");
            assertThatThrownBy(() -> with("\"predicates\":[{\"column\":\"a\",\"matches\":\"" + json + "\"}]"))
                    .as(large)
                    .isInstanceOf(InvalidQueryException.class)
                    .hasMessageContaining("expected at most");
        }
        for (String ordinary : List.of(
                "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
                "\\d{1,3}(\\.\\d{1,3}){3}",
                "^(web|db)-[0-9]+\\.(eu|us)$",
                "[(){}]{20}",
                "{",
                "x{,5}",
                "\\x{10FFFF}",
                "\\Qa{9}{9}{9}{9}\\E")) {
            String json = ordinary.replace("\\", "\\\\");
            assertThat(with("\"predicates\":[{\"column\":\"a\",\"matches\":\"" + json + "\"}]")
                            .predicates())
                    .as(ordinary)
                    .hasSize(1);
        }
    }

    /// What the scan takes for small must be small when it is compiled.
    @Test
    void noExpressionIsMuchLargerThanItsMeasuredSize() {
        Random random = new Random(5);
        String[] parts = {
            "a",
            "(",
            ")",
            "(?:",
            "[",
            "]",
            "[^",
            "[:alpha:]",
            "{3}",
            "{2,4}",
            "{3,}",
            "*",
            "+?",
            "|",
            "\\Q",
            "\\E",
            "\\",
            "\\p{L}",
            "\\x{61}",
            ".",
            "^",
            "{",
            "}",
            ",",
            "(?i)",
            "(?P<n>"
        };
        int compiled = 0;
        for (int round = 0; round < 200_000; round++) {
            StringBuilder regex = new StringBuilder();
            for (int count = 1 + random.nextInt(12); count > 0; count--) {
                regex.append(parts[random.nextInt(parts.length)]);
            }
            long size = RegexSize.of(regex.toString());
            try {
                int instructions = Pattern.compile(regex.toString()).programSize();
                compiled++;
                assertThat((long) instructions).as(regex.toString()).isLessThanOrEqualTo(4 * size + 10);
            } catch (RuntimeException e) {
                assertThat(size).as(regex.toString()).isNotNegative();
            }
        }
        assertThat(compiled).isGreaterThan(10_000);
    }

    @Test
    void noTicketEndsInAnythingButAQueryOrAClearError() {
        Random random = new Random(7);
        byte[] json = JSON.getBytes(StandardCharsets.UTF_8);
        byte[] message = message().build().toByteArray();
        for (int round = 0; round < 20_000; round++) {
            byte[] bytes = (round % 2 == 0 ? json : message).clone();
            for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
            }
            try {
                QueryRequests.parse(bytes);
            } catch (InvalidQueryException e) {
                assertThat(e.getMessage()).as("round %d", round).isNotBlank();
            }
        }
    }
}
