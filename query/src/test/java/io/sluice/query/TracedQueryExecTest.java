package io.sluice.query;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.EventData;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import io.sluice.query.InMemoryQuerySource.Row;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class TracedQueryExecTest {
    private final RootAllocator allocator = new RootAllocator();
    private final InMemoryQuerySource source = new InMemoryQuerySource(allocator);
    private final InMemorySpanExporter spans = InMemorySpanExporter.create();
    private final SdkTracerProvider provider = SdkTracerProvider.builder()
            .addSpanProcessor(SimpleSpanProcessor.create(spans))
            .build();
    private final QueryExec queries = new TracedQueryExec(
            new BufferQueryExec(
                    new TracedQuerySource(source, provider.get("test")), allocator, new SimpleMeterRegistry()),
            provider.get("test"));

    @BeforeEach
    void addRows() {
        source.add(List.of(new Row(5, "a", 1), new Row(6, "b", 2)), false);
        source.add(List.of(new Row(InMemoryQuerySource.DAY_NS, "a", 3)), false);
    }

    @AfterEach
    void close() {
        source.close();
        allocator.close();
        provider.close();
    }

    private static QueryRequest request(String table) throws InvalidQueryException {
        String json = "{\"namespace\":\"metrics\",\"table\":\"%s\"}".formatted(table);
        return QueryRequests.parse(json.getBytes(StandardCharsets.UTF_8));
    }

    private SpanData span(String name) {
        return spans.getFinishedSpanItems().stream()
                .filter(span -> span.getName().equals(name))
                .reduce((_, last) -> last)
                .orElseThrow();
    }

    @Test
    void aQueryIsASpanAndEachOfItsPartitionsOneBelow() throws Exception {
        try (QueryStream stream = queries.execute(request("cpu"))) {
            while (stream.next()) {
                stream.takeBatch().close();
            }
            assertThat(spans.getFinishedSpanItems())
                    .as("while the stream is open")
                    .noneMatch(span -> span.getName().equals("query"));
        }
        SpanData query = span("query");
        Attributes attributes = query.getAttributes();
        assertThat(attributes.get(TracedQueryExec.NAMESPACE)).isEqualTo("metrics");
        assertThat(attributes.get(TracedQueryExec.TABLE)).isEqualTo("cpu");
        assertThat(attributes.get(TracedQueryExec.ROWS)).isEqualTo(3);
        assertThat(attributes.get(TracedQueryExec.COMPLETE)).isTrue();
        assertThat(query.getEvents()).extracting(EventData::getName).containsExactly(TracedQueryExec.FIRST_BATCH);
        assertThat(spans.getFinishedSpanItems())
                .filteredOn(span -> span.getName().equals(TracedQuerySource.SPAN))
                .allMatch(span -> span.getParentSpanId().equals(query.getSpanId()))
                .extracting(span -> span.getAttributes().get(TracedQuerySource.PARTITION))
                .contains("1970-01-01", "1970-01-02");
    }

    @Test
    void aStreamThatIsNotReadToItsEndSaysSo() throws Exception {
        try (QueryStream stream = queries.execute(request("cpu"))) {
            assertThat(stream.next()).isTrue();
        }
        assertThat(span("query").getAttributes().get(TracedQueryExec.COMPLETE)).isFalse();
        assertThat(span("query").getAttributes().get(TracedQueryExec.ROWS)).isEqualTo(2);
    }

    @Test
    void aQueryThatFailsTellsWhy() throws Exception {
        QueryRequest absent = request("disk");
        assertThatThrownBy(() -> queries.execute(absent)).isInstanceOf(TableNotFoundException.class);
        assertThat(span("query").getStatus().getStatusCode()).isEqualTo(StatusCode.ERROR);
        assertThat(span("query").getStatus().getDescription()).contains("disk");
    }
}
