package io.sluice.ingester.rotation;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
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
    void aNamespaceWithoutWaitingRowsIsGone() {
        age.observe(Map.of(new NamespaceName("a"), Duration.ofSeconds(3)));
        age.observe(Map.of());
        assertThat(all()).isZero();
        assertThat(metrics.find(ONE).tag("namespace", "a").gauge()).isNull();
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
