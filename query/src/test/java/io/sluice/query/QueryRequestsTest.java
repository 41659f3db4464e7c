package io.sluice.query;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.UnknownFieldSet;
import io.sluice.model.ColumnName;
import io.sluice.proto.v1.Predicate;
import io.sluice.proto.v1.TimeRange;
import java.nio.charset.StandardCharsets;
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
                .containsExactly(new QueryRequest.TagIn(new ColumnName("host"), Set.of("a", "b")));
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
