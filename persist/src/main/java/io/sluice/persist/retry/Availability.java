package io.sluice.persist.retry;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Whether something that the service needs answers: told by those who call it, asked by those who report. One call
/// that succeeds ends an outage. Any thread may call any method.
public final class Availability {
    private static final Logger LOG = LoggerFactory.getLogger(Availability.class);

    private final String what;
    private final InstantSource clock;
    private final AtomicReference<Optional<Outage>> outage = new AtomicReference<>(Optional.empty());

    /// @param what in words, for the log: `object store s3://bucket/prefix`
    /// @param metric the gauge that is 1 while it answers, and 0 while it does not: `sluice.catalog.up`
    public Availability(String what, String metric, InstantSource clock, MeterRegistry meters) {
        this.what = what;
        this.clock = clock;
        Gauge.builder(metric, () -> outage.get().isPresent() ? 0 : 1)
                .description("1 while the last call succeeded, 0 while calls fail")
                .register(meters);
    }

    /// A call got an answer.
    public void succeeded() {
        if (outage.get().isEmpty()) {
            return; // as nearly always: without writing to what all threads read
        }
        Optional<Outage> ended = outage.getAndSet(Optional.empty());
        ended.ifPresent(past ->
                LOG.info("{} answers again, after {} failed calls since {}", what, past.attempts(), past.since()));
    }

    /// A call got none.
    public void failed(Throwable cause) {
        Instant now = clock.instant();
        String error = String.valueOf(cause.getMessage());
        Optional<Outage> before = outage.getAndUpdate(found ->
                Optional.of(found.map(begun -> new Outage(begun.since(), begun.attempts() + 1, now, error))
                        .orElseGet(() -> new Outage(now, 1, now, error))));
        if (before.isEmpty()) {
            LOG.warn("{} does not answer: {}", what, error);
        }
    }

    /// The outage that goes on; empty if the last call succeeded.
    public Optional<Outage> outage() {
        return outage.get();
    }
}
