package io.sluice.ingester.rotation;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.model.NamespaceName;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;

/// Tells as metrics how long acknowledged rows have been waiting for a file, which is what a loss of this machine would
/// cost: of all, and of each namespace that has such rows.
public final class UnpersistedAge {
    private final MeterRegistry metrics;
    /// What is told of each namespace that ever had rows waiting: each has one gauge for good, as a gauge that is taken
    /// away and added again may stand twice in what is read meanwhile, and then nothing can be read.
    private final Map<NamespaceName, AtomicReference<Duration>> perNamespace = new ConcurrentHashMap<>();

    private volatile Duration oldest = Duration.ZERO;

    public UnpersistedAge(MeterRegistry metrics) {
        this.metrics = metrics;
        Gauge.builder("sluice.unpersisted.age.seconds", () -> seconds(oldest))
                .description("Age of the oldest acknowledged row that is in no catalogued file")
                .baseUnit("seconds")
                .register(metrics);
    }

    /// Takes a look; namespaces that are not there have no rows waiting. For one thread at a time.
    public void observe(Map<NamespaceName, Duration> ages) {
        oldest = ages.values().stream().max(Duration::compareTo).orElse(Duration.ZERO);
        ages.keySet().forEach(namespace -> perNamespace.computeIfAbsent(namespace, this::gauge));
        perNamespace.forEach((namespace, age) -> age.set(ages.getOrDefault(namespace, Duration.ZERO)));
    }

    private AtomicReference<Duration> gauge(NamespaceName namespace) {
        AtomicReference<Duration> age = new AtomicReference<>(Duration.ZERO);
        Gauge.builder("sluice.namespace.unpersisted.age.seconds", () -> seconds(age.get()))
                .description(
                        "Age of the namespace's oldest acknowledged row that is in no catalogued file; 0 if none is")
                .baseUnit("seconds")
                .tag("namespace", namespace.value())
                .register(metrics);
        return age;
    }

    private static double seconds(Duration duration) {
        return duration.toNanos() / 1e9;
    }
}
