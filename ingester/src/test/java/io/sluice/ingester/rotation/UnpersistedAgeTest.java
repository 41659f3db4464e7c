package io.sluice.ingester.rotation;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.sluice.ingester.fixture.Pipeline;
import io.sluice.model.NamespaceName;
import io.sluice.persist.FreezeReason;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.Int64s;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class UnpersistedAgeTest {
    private static final String ONE = "sluice.namespace.unpersisted.age.seconds";

    @TempDir
    private Path folder = Path.of("");

    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final UnpersistedAge age = new UnpersistedAge(metrics);

    private double all() {
        return metrics.get("sluice.unpersisted.age.seconds").gauge().value();
    }

    @Test
    void theOldestOfAllAndTheOldestOfEachNamespaceAreTold() {
        age.observe(Map.of(
                new NamespaceName("a"), Duration.ofSeconds(3), new NamespaceName("b"), Duration.ofMillis(7_500)));
        assertThat(all()).isEqualTo(7.5);
        assertThat(metrics.get(ONE).tag("namespace", "a").gauge().value()).isEqualTo(3);
        assertThat(metrics.get(ONE).tag("namespace", "b").gauge().value()).isEqualTo(7.5);
    }

    @Test
    void aNamespaceWithoutWaitingRowsHasNoAge() {
        age.observe(Map.of(new NamespaceName("a"), Duration.ofSeconds(3)));
        age.observe(Map.of());
        assertThat(all()).isZero();
        assertThat(metrics.get(ONE).tag("namespace", "a").gauge().value()).isZero();
    }

    /// What Prometheus reads must not have a gauge twice, or it has nothing at all.
    @Test
    void namespacesThatComeAndGoDoNotDisturbWhoReads() throws Exception {
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        UnpersistedAge observed = new UnpersistedAge(registry);
        Thread observer = Thread.ofPlatform().start(() -> {
            for (int i = 0; i < 20_000; i++) {
                observed.observe(i % 2 == 0 ? Map.of() : Map.of(new NamespaceName("n" + i % 3), Duration.ofSeconds(i)));
            }
        });
        do {
            assertThat(registry.scrape()).contains("sluice_unpersisted_age_seconds");
        } while (observer.isAlive());
        observer.join();
        assertThat(registry.scrape()).contains("namespace=\"n0\"", "namespace=\"n1\"", "namespace=\"n2\"");
    }

    private static byte[] row(long timeNs) {
        return WriteRequest.newBuilder()
                .setNamespace("n")
                .addTables(TableBatch.newBuilder()
                        .setTable("t")
                        .setRowCount(1)
                        .addColumns(Column.newBuilder()
                                .setName("time")
                                .setKind(Column.Kind.TIME)
                                .setI64(Int64s.newBuilder().addValues(timeNs))))
                .build()
                .toByteArray();
    }

    /// Frozen rows wait as much as filling ones, until their file is in the catalog.
    @Test
    void aRowsAgeCountsFromWhenItWasAppliedUntilItIsInAFile() throws Exception {
        try (RootAllocator allocator = new RootAllocator();
                Pipeline pipeline = Pipeline.open(folder, allocator)) {
            assertThat(pipeline.buffer().oldestUnpersistedAges()).isEmpty();
            pipeline.setAge(Duration.ofSeconds(10));
            pipeline.apply(1, row(1));
            pipeline.setAge(Duration.ofSeconds(15));
            var _ = pipeline.buffer().persist(Optional.empty(), Optional.empty(), FreezeReason.RPC);
            pipeline.apply(2, row(2));
            pipeline.setAge(Duration.ofSeconds(18));
            assertThat(pipeline.buffer().oldestUnpersistedAges())
                    .containsExactly(Map.entry(Pipeline.NAMESPACE, Duration.ofSeconds(8)));
            pipeline.jobs().getFirst().complete();
            assertThat(pipeline.buffer().oldestUnpersistedAges())
                    .containsExactly(Map.entry(Pipeline.NAMESPACE, Duration.ofSeconds(3)));
        }
    }
}
