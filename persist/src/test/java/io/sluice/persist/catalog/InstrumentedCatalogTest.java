package io.sluice.persist.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.PartitionTemplate;
import io.sluice.persist.retry.Availability;
import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class InstrumentedCatalogTest extends CatalogContractTest {
    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();

    @TempDir
    private Path folder;

    private final Availability availability =
            new Availability("catalog", "sluice.catalog.up", InstantSource.fixed(ARBITRARY_INSTANT), meters);

    private InstrumentedCatalog catalog;

    @BeforeEach
    void openCatalog() throws IOException {
        var sqlite = SqliteCatalog.open(folder.resolve("catalog.db"), InstantSource.fixed(ARBITRARY_INSTANT));
        catalog = new InstrumentedCatalog(sqlite, availability, meters);
    }

    @AfterEach
    void closeCatalog() throws IOException {
        catalog.close();
    }

    @Override
    Catalog catalog() {
        return catalog;
    }

    @Test
    void countsCallsByOutcome() throws IOException {
        catalog.createNamespace(METRICS, PartitionTemplate.DAILY);
        ensure(METRICS, CPU, HOST);
        assertThatThrownBy(() -> ensure(METRICS, CPU, ColumnSchema.field("host", ColumnType.I64)))
                .isInstanceOf(CatalogConflictException.class);
        catalog.close();
        assertThatIOException().isThrownBy(() -> catalog.namespaces());

        assertThat(availability.outage()).isPresent();
        assertThat(meters.get("sluice.catalog.up").gauge().value()).isZero();
        assertThat(calls("createNamespace", "ok")).isEqualTo(1);
        assertThat(calls("ensureTable", "ok")).isEqualTo(1);
        assertThat(calls("ensureTable", "conflict")).isEqualTo(1);
        assertThat(calls("namespaces", "error")).isEqualTo(1);
    }

    private long calls(String method, String outcome) {
        return meters.get("sluice.catalog.call")
                .tag("method", method)
                .tag("outcome", outcome)
                .timer()
                .count();
    }
}
