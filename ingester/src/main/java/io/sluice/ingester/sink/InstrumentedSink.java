package io.sluice.ingester.sink;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.sluice.model.SequenceNumber;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/// Counts and times the writes that pass through it, by how they end.
public final class InstrumentedSink implements WriteSink {
    private final WriteSink next;
    private final LongSupplier nanoTime;
    private final Timer written;
    private final Timer refused;
    private final Timer unknown;
    private final Counter rows;
    private final DistributionSummary rowsPerWrite;

    public InstrumentedSink(WriteSink next, LongSupplier nanoTime, MeterRegistry metrics) {
        this.next = next;
        this.nanoTime = nanoTime;
        this.written = timer(metrics, "written");
        this.refused = timer(metrics, "refused");
        this.unknown = timer(metrics, "unknown");
        this.rows = Counter.builder("sluice.write.rows")
                .description("Rows of acknowledged writes")
                .register(metrics);
        this.rowsPerWrite = DistributionSummary.builder("sluice.write.batch.rows")
                .description("Rows of each write")
                .register(metrics);
    }

    private static Timer timer(MeterRegistry metrics, String result) {
        return Timer.builder("sluice.write.ack")
                .description("From the log's door to durable and applied")
                .tag("result", result)
                .serviceLevelObjectives(
                        Duration.ofNanos(250_000),
                        Duration.ofMillis(1),
                        Duration.ofMillis(2),
                        Duration.ofMillis(5),
                        Duration.ofMillis(10),
                        Duration.ofMillis(50),
                        Duration.ofMillis(250),
                        Duration.ofSeconds(1),
                        Duration.ofSeconds(5))
                .register(metrics);
    }

    @Override
    public CompletionStage<SequenceNumber> apply(WriteOperation operation) {
        long startNs = nanoTime.getAsLong();
        long rowCount = operation.rowCount();
        rowsPerWrite.record((double) rowCount);
        return next.apply(operation).whenComplete((sequence, failure) -> {
            long tookNs = nanoTime.getAsLong() - startNs;
            if (failure == null) {
                written.record(tookNs, TimeUnit.NANOSECONDS);
                rows.increment((double) rowCount);
            } else if (failure instanceof WriteRefusedException) {
                refused.record(tookNs, TimeUnit.NANOSECONDS);
            } else {
                unknown.record(tookNs, TimeUnit.NANOSECONDS);
            }
        });
    }
}
