package io.sluice.query;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Scope;
import org.apache.arrow.vector.types.pojo.Schema;

/// Makes an OpenTelemetry span for each query, from the request to the end of its stream. The span's parent is that of
/// the calling thread's context; it is itself the context in which the query is executed.
public final class TracedQueryExec implements QueryExec {
    static final AttributeKey<String> NAMESPACE = AttributeKey.stringKey("sluice.namespace");
    static final AttributeKey<String> TABLE = AttributeKey.stringKey("sluice.table");
    static final AttributeKey<Long> ROWS = AttributeKey.longKey("sluice.rows");
    static final AttributeKey<Long> BATCHES = AttributeKey.longKey("sluice.batches");
    static final AttributeKey<Boolean> COMPLETE = AttributeKey.booleanKey("sluice.complete");
    static final String FIRST_BATCH = "first batch";

    private final QueryExec next;
    private final Tracer tracer;

    public TracedQueryExec(QueryExec next, Tracer tracer) {
        this.next = next;
        this.tracer = tracer;
    }

    @Override
    public QueryStream execute(QueryRequest request)
            throws InvalidQueryException, TableNotFoundException, QueryRefusedException {
        Span span = tracer.spanBuilder("query")
                .setSpanKind(SpanKind.SERVER)
                .setAttribute(NAMESPACE, request.namespace().value())
                .setAttribute(TABLE, request.table().value())
                .startSpan();
        boolean done = false;
        try (Scope _ = span.makeCurrent()) {
            QueryStream stream = new Traced(next.execute(request), span);
            done = true;
            return stream;
        } catch (InvalidQueryException | TableNotFoundException | QueryRefusedException | RuntimeException e) {
            failed(span, e);
            throw e;
        } finally {
            if (!done) {
                span.end();
            }
        }
    }

    static void failed(Span span, Exception failure) {
        span.recordException(failure).setStatus(StatusCode.ERROR, String.valueOf(failure.getMessage()));
    }

    @Override
    public Schema schema(QueryRequest request)
            throws InvalidQueryException, TableNotFoundException, QueryRefusedException {
        return next.schema(request);
    }

    private static final class Traced extends ForwardingQueryStream {
        private final Span span;
        private long rows;
        private long batches;
        private boolean complete;
        private boolean closed;

        Traced(QueryStream stream, Span span) {
            super(stream);
            this.span = span;
        }

        @Override
        public boolean next() {
            boolean any;
            try (Scope _ = span.makeCurrent()) {
                any = super.next();
            } catch (RuntimeException e) {
                failed(span, e);
                throw e;
            }
            if (!any) {
                complete = true;
                return false;
            }
            if (batches++ == 0) {
                span.addEvent(FIRST_BATCH);
            }
            rows += rowCount();
            return true;
        }

        @Override
        public void close() {
            super.close();
            if (!closed) {
                closed = true;
                span.setAttribute(ROWS, rows)
                        .setAttribute(BATCHES, batches)
                        .setAttribute(COMPLETE, complete)
                        .end();
            }
        }
    }
}
