package io.sluice.ingester;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.sluice.ingester.buffer.Turnover;
import io.sluice.wal.QuarantineFolder;
import java.util.function.ToDoubleFunction;
import java.util.function.ToLongFunction;

/// What is told of the server as a whole, and of parts that a start may exchange.
final class ServerGauges {
    private final Wiring wiring;

    ServerGauges(Wiring wiring) {
        this.wiring = wiring;
    }

    /// Once.
    void register() {
        MeterRegistry metrics = wiring.metrics;
        new JvmMemoryMetrics().bindTo(metrics);
        new ProcessorMetrics().bindTo(metrics);
        JvmGcMetrics gc = new JvmGcMetrics();
        gc.bindTo(metrics);
        Gauge.builder(
                        "sluice.buffer.bytes",
                        () -> wiring.current()
                                .map(p -> p.buffer().memoryBytes())
                                .orElse(0L))
                .description("Memory of rows that are not in a catalogued file")
                .baseUnit("bytes")
                .register(metrics);
        quarantineGauge(
                "sluice.wal.quarantine.files",
                "Files that starts set aside of the log, and nobody discarded yet",
                found -> found.items().size());
        quarantineGauge(
                "sluice.wal.quarantine.lost.entries",
                "Acknowledged entries that were lost to damage of the log, until what is set aside is discarded",
                found -> found.loss().entries());
        quarantineGauge(
                "sluice.wal.quarantine.lost.bytes",
                "Bytes of the log that were damaged, until what is set aside is discarded",
                found -> found.loss().bytes());
        Gauge.builder("sluice.buffer.limit.bytes", () -> wiring.live.current().bufferBytes())
                .description("Memory of rows from which on writes are refused")
                .baseUnit("bytes")
                .register(metrics);
        Gauge.builder(
                        "sluice.stable.sequence",
                        () -> wiring.current()
                                .map(p -> p.stable().stable().value())
                                .orElse(0L))
                .description("The highest number that is durable and applied")
                .register(metrics);
        registerPartitions();
        Gauge.builder("sluice.inflight.body.bytes", wiring.bodies::usedBytes)
                .description("Bytes of HTTP bodies that are being read, or whose outcome is not known yet")
                .baseUnit("bytes")
                .register(metrics);
        Gauge.builder("sluice.query.memory.bytes", wiring.queryAllocator::getAllocatedMemory)
                .description("Memory of what queries are sending")
                .baseUnit("bytes")
                .register(metrics);
    }

    private void registerPartitions() {
        MeterRegistry metrics = wiring.metrics;
        Gauge.builder(
                        "sluice.buffer.partitions.largest",
                        () -> wiring.current()
                                .map(p -> p.buffer().mostPartitions())
                                .orElse(0L))
                .description("Partitions of the namespace that has the most in memory")
                .register(metrics);
        evictionCounter("partition", Turnover::partitions);
        evictionCounter("table", Turnover::tables);
        evictionCounter("namespace", Turnover::namespaces);
        FunctionCounter.builder("sluice.buffer.partition.refusals", wiring, of -> turnover(of, Turnover::refusals))
                .description("Writes that needed one partition more than a namespace may have rows of")
                .register(metrics);
    }

    private void evictionCounter(String node, ToLongFunction<Turnover> figure) {
        MeterRegistry metrics = wiring.metrics;
        FunctionCounter.builder("sluice.buffer.evictions", wiring, of -> turnover(of, figure))
                .description("Nodes without rows that were let go")
                .tag("node", node)
                .register(metrics);
    }

    private static double turnover(Wiring wiring, ToLongFunction<Turnover> figure) {
        return wiring.current()
                .map(p -> figure.applyAsLong(p.buffer().turnover()))
                .orElse(0L);
    }

    private void quarantineGauge(String name, String description, ToDoubleFunction<QuarantineFolder.Contents> value) {
        MeterRegistry metrics = wiring.metrics;
        Gauge.builder(name, () -> wiring.quarantined().map(value::applyAsDouble).orElse(Double.NaN))
                .description(description)
                .register(metrics);
    }
}
