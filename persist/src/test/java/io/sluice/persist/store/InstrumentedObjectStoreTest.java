package io.sluice.persist.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.persist.retry.Availability;
import io.sluice.persist.store.FailingObjectStore.Step;
import io.sluice.persist.store.FailingObjectStore.When;
import java.io.IOException;
import java.time.Instant;
import java.time.InstantSource;
import org.junit.jupiter.api.Test;

final class InstrumentedObjectStoreTest extends ObjectStoreContractTest {
    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    private final FailingObjectStore failing =
            new FailingObjectStore(new InMemoryObjectStore(InstantSource.fixed(Instant.parse("2026-01-01T00:00:00Z"))));
    private final Availability availability = new Availability(
            "object store",
            "sluice.object.store.up",
            InstantSource.fixed(Instant.parse("2026-01-01T00:00:00Z")),
            meters);
    private final ObjectStore store = new InstrumentedObjectStore(failing, availability, meters);

    @Override
    ObjectStore store() {
        return store;
    }

    @Test
    void countsCallsByOutcome() throws IOException {
        put("a", bytes("four"));
        put("b", bytes("seventy"));
        failing.failNext(Step.COMPLETE, When.BEFORE_EFFECT);
        assertThatIOException().isThrownBy(() -> put("c", bytes("x")));
        assertThatIOException().isThrownBy(() -> get("c"));
        store.find("a");
        store.delete("a");
        list("");

        assertThat(calls("upload", "ok")).isEqualTo(3);
        assertThat(calls("complete", "ok")).isEqualTo(2);
        assertThat(calls("complete", "error")).isEqualTo(1);
        assertThat(calls("open", "missing")).isEqualTo(1);
        assertThat(calls("find", "ok")).isEqualTo(1);
        assertThat(calls("delete", "ok")).isEqualTo(1);
        assertThat(calls("list", "ok")).isEqualTo(1);
        assertThat(meters.get("sluice.object.store.upload").counter().count()).isEqualTo(11);
        assertThat(store.describe()).isEqualTo("memory");
    }

    /// An upload that begins need not have asked the service, so it does not end an outage.
    @Test
    void anOutageLastsUntilACallIsAnswered() throws IOException {
        failing.failNext(Step.WRITE, When.BEFORE_EFFECT);
        assertThatIOException().isThrownBy(() -> put("c", bytes("x")));
        failing.failNext(Step.COMPLETE, When.BEFORE_EFFECT);
        assertThatIOException().isThrownBy(() -> put("c", bytes("x")));
        try (ObjectUpload _ = store.upload("d")) {
            assertThat(availability.outage()).hasValueSatisfying(outage -> {
                assertThat(outage.since()).isEqualTo(Instant.parse("2026-01-01T00:00:00Z"));
                assertThat(outage.attempts()).isEqualTo(2);
                assertThat(outage.lastError()).isNotEmpty();
            });
        }
        assertThat(meters.get("sluice.object.store.up").gauge().value()).isZero();

        assertThatIOException().isThrownBy(() -> get("missing")); // an answer, too

        assertThat(availability.outage()).isEmpty();
        assertThat(meters.get("sluice.object.store.up").gauge().value()).isEqualTo(1);
    }

    private long calls(String method, String outcome) {
        return meters.get("sluice.object.store.call")
                .tag("method", method)
                .tag("outcome", outcome)
                .timer()
                .count();
    }
}
