package io.sluice.wal;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.function.Supplier;

/// The log's meters.
final class WalMetrics {
    final Timer sync;
    final Timer append;
    final DistributionSummary batchEntries;
    final DistributionSummary batchBytes;
    final Counter writtenBytes;
    final Counter tornBytes;
    final Counter quarantined;
    final Counter lostEntries;
    final Counter deleteFailures;

    private final MeterRegistry registry;

    WalMetrics(MeterRegistry registry) {
        this.registry = registry;
        this.sync = timer("sluice.wal.sync", "One synchronous write to the open segment");
        this.append = timer("sluice.wal.append", "From being queued to durable");
        this.batchEntries = DistributionSummary.builder("sluice.wal.batch.entries")
                .description("Entries that share one sync")
                .serviceLevelObjectives(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
                .register(registry);
        this.batchBytes = DistributionSummary.builder("sluice.wal.batch.bytes")
                .description("Bytes that share one sync")
                .baseUnit("bytes")
                .serviceLevelObjectives(4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20)
                .register(registry);
        this.writtenBytes = counter("sluice.wal.written.bytes", "Bytes written to the log, headers included");
        this.tornBytes = counter("sluice.wal.torn.bytes", "Bytes cut off at the end of the log at start");
        this.quarantined = counter("sluice.wal.quarantined", "Byte ranges of the log that were set aside at start");
        this.lostEntries = counter("sluice.wal.lost.entries", "Acknowledged entries that could not be read at start");
        this.deleteFailures = counter("sluice.wal.delete.failures", "Segments that could not be deleted");
    }

    private Timer timer(String name, String description) {
        return Timer.builder(name)
                .description(description)
                .serviceLevelObjectives(
                        Duration.ofNanos(50_000),
                        Duration.ofNanos(100_000),
                        Duration.ofNanos(250_000),
                        Duration.ofNanos(500_000),
                        Duration.ofMillis(1),
                        Duration.ofMillis(2),
                        Duration.ofMillis(5),
                        Duration.ofMillis(10),
                        Duration.ofMillis(50),
                        Duration.ofMillis(250),
                        Duration.ofSeconds(1))
                .register(registry);
    }

    private Counter counter(String name, String description) {
        return Counter.builder(name).description(description).register(registry);
    }

    void gauge(String name, String description, Supplier<Number> value) {
        Gauge.builder(name, value).description(description).register(registry);
    }
}
