package io.sluice.query;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.arrow.vector.types.pojo.Schema;

/// Lets so many streams be open at once and refuses more. A stream counts until it is closed.
public final class LimitedQueryExec implements QueryExec {
    private final QueryExec next;
    private final int limit;
    private final Semaphore permits;
    private final Counter refused;

    public LimitedQueryExec(QueryExec next, int limit, MeterRegistry metrics) {
        this.next = next;
        this.limit = limit;
        this.permits = new Semaphore(limit);
        this.refused = Counter.builder("sluice.query.refused")
                .description("Queries refused because too many were open")
                .register(metrics);
        Gauge.builder("sluice.query.open", () -> limit - permits.availablePermits())
                .description("Streams that are open")
                .register(metrics);
    }

    @Override
    public QueryStream execute(QueryRequest request)
            throws InvalidQueryException, TableNotFoundException, QueryRefusedException {
        if (!permits.tryAcquire()) {
            refused.increment();
            throw new QueryRefusedException(
                    true, "%d queries are open, which is the limit (--max-concurrent-queries)".formatted(limit));
        }
        boolean done = false;
        try {
            QueryStream stream = next.execute(request);
            done = true;
            AtomicBoolean released = new AtomicBoolean();
            return new ForwardingQueryStream(stream) {
                @Override
                public void close() {
                    try {
                        super.close();
                    } finally {
                        if (released.compareAndSet(false, true)) {
                            permits.release();
                        }
                    }
                }
            };
        } finally {
            if (!done) {
                permits.release();
            }
        }
    }

    @Override
    public Schema schema(QueryRequest request)
            throws InvalidQueryException, TableNotFoundException, QueryRefusedException {
        return next.schema(request);
    }
}
