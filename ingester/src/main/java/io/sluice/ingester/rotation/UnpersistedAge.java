package io.sluice.ingester.rotation;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.MultiGauge.Row;
import io.micrometer.core.instrument.Tags;
import io.sluice.model.NamespaceName;
import java.time.Duration;
import java.util.Map;
import java.util.stream.Collectors;

/// Tells as metrics how long acknowledged rows have been waiting for a file, which is what a loss of this machine would
/// cost: of all, and of each namespace that has such rows. For one thread.
public final class UnpersistedAge {
    private final MultiGauge perNamespace;
    private volatile Duration oldest = Duration.ZERO;

    public UnpersistedAge(MeterRegistry metrics) {
        Gauge.builder("sluice.unpersisted.age.seconds", () -> seconds(oldest))
                .description("Age of the oldest acknowledged row that is in no catalogued file")
                .baseUnit("seconds")
                .register(metrics);
        this.perNamespace = MultiGauge.builder("sluice.namespace.unpersisted.age.seconds")
                .description("Age of the namespace's oldest acknowledged row that is in no catalogued file")
                .baseUnit("seconds")
                .register(metrics);
    }

    /// Takes a look; namespaces that are not there have no rows waiting.
    public void observe(Map<NamespaceName, Duration> ages) {
        oldest = ages.values().stream().max(Duration::compareTo).orElse(Duration.ZERO);
        perNamespace.register(
                ages.entrySet().stream()
                        .map(age -> Row.of(Tags.of("namespace", age.getKey().value()), seconds(age.getValue())))
                        .collect(Collectors.toList()),
                true);
    }

    private static double seconds(Duration duration) {
        return duration.toNanos() / 1e9;
    }
}
