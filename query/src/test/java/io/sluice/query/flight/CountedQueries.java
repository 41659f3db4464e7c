package io.sluice.query.flight;

import io.sluice.query.QueryAdmission;
import io.sluice.query.QueryPermit;
import io.sluice.query.QueryRefusal;
import io.sluice.query.QueryRefusedException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/// Lets so many queries in, and counts those that are in and those that send.
final class CountedQueries implements QueryAdmission {
    private final int limit;
    private final AtomicInteger let = new AtomicInteger();
    private final AtomicInteger sending = new AtomicInteger();
    private final AtomicInteger waited = new AtomicInteger();

    CountedQueries(int limit) {
        this.limit = limit;
    }

    /// Queries that are in.
    int letIn() {
        return let.get();
    }

    /// Of those, the ones that had a batch.
    int sending() {
        return sending.get();
    }

    /// Queries that waited for their clients.
    int waited() {
        return waited.get();
    }

    @Override
    public QueryPermit admit() throws QueryRefusedException {
        if (let.incrementAndGet() > limit) {
            let.decrementAndGet();
            throw new QueryRefusedException(refuse("ADMISSION_LIMIT", "%d queries are in".formatted(limit)));
        }
        AtomicBoolean sends = new AtomicBoolean();
        AtomicBoolean waits = new AtomicBoolean();
        AtomicBoolean closed = new AtomicBoolean();
        return new QueryPermit() {
            @Override
            public void sends() {
                if (sends.compareAndSet(false, true)) {
                    sending.incrementAndGet();
                }
            }

            @Override
            public void waits() {
                if (waits.compareAndSet(false, true)) {
                    waited.incrementAndGet();
                }
            }

            @Override
            public void close() {
                if (closed.compareAndSet(false, true)) {
                    let.decrementAndGet();
                    if (sends.get()) {
                        sending.decrementAndGet();
                    }
                }
            }
        };
    }

    @Override
    public QueryRefusal refuse(String reason, String message) {
        return new QueryRefusal(
                reason, true, message, Duration.ofMillis(1_500), Map.of("limit", Integer.toString(limit)));
    }
}
