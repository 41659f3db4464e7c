package io.sluice.query;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.apache.arrow.vector.types.pojo.Schema;

/// Counts and times queries: how they begin, how long until the first batch, how much they send, whether they end.
public final class InstrumentedQueryExec implements QueryExec {
    private final QueryExec next;
    private final LongSupplier nanoTime;
    private final MeterRegistry metrics;
    private final Timer firstBatch;
    private final Timer complete;
    private final Timer incomplete;
    private final Counter rows;
    private final Counter batches;

    public InstrumentedQueryExec(QueryExec next, LongSupplier nanoTime, MeterRegistry metrics) {
        this.next = next;
        this.nanoTime = nanoTime;
        this.metrics = metrics;
        this.firstBatch = Timer.builder("sluice.query.first.batch")
                .description("From the request to its first batch")
                .register(metrics);
        this.complete = stream("complete");
        this.incomplete = stream("incomplete");
        this.rows =
                Counter.builder("sluice.query.rows").description("Rows sent").register(metrics);
        this.batches = Counter.builder("sluice.query.batches")
                .description("Batches sent, empty ones included")
                .register(metrics);
    }

    private Timer stream(String end) {
        return Timer.builder("sluice.query.stream")
                .description("From the request to the end of its stream")
                .tag("end", end)
                .register(metrics);
    }

    @Override
    public QueryStream execute(QueryRequest request)
            throws InvalidQueryException, TableNotFoundException, QueryRefusedException {
        long startNs = nanoTime.getAsLong();
        try {
            return new Measured(next.execute(request), startNs);
        } catch (InvalidQueryException e) {
            count("invalid");
            throw e;
        } catch (TableNotFoundException e) {
            count("not_found");
            throw e;
        } catch (QueryRefusedException e) {
            count("refused");
            throw e;
        }
    }

    private void count(String result) {
        Counter.builder("sluice.query.failed")
                .description("Queries that had no stream")
                .tag("result", result)
                .register(metrics)
                .increment();
    }

    @Override
    public Schema schema(QueryRequest request)
            throws InvalidQueryException, TableNotFoundException, QueryRefusedException {
        return next.schema(request);
    }

    private final class Measured extends ForwardingQueryStream {
        private final long startNs;
        private boolean any;
        private boolean ended;
        private boolean closed;

        Measured(QueryStream stream, long startNs) {
            super(stream);
            this.startNs = startNs;
        }

        @Override
        public boolean next() {
            if (!super.next()) {
                ended = true;
                return false;
            }
            if (!any) {
                any = true;
                firstBatch.record(nanoTime.getAsLong() - startNs, TimeUnit.NANOSECONDS);
            }
            batches.increment();
            rows.increment(rowCount());
            return true;
        }

        @Override
        public void close() {
            super.close();
            if (!closed) {
                closed = true;
                (ended ? complete : incomplete).record(nanoTime.getAsLong() - startNs, TimeUnit.NANOSECONDS);
            }
        }
    }
}
