package io.sluice.persist.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import io.sluice.persist.store.FailingObjectStore.Step;
import io.sluice.persist.store.FailingObjectStore.When;
import java.io.IOException;
import java.time.Instant;
import java.time.InstantSource;
import org.junit.jupiter.api.Test;

/// Without a cue the fake is a store like any other.
final class FailingObjectStoreTest extends ObjectStoreContractTest {
    private final FailingObjectStore store =
            new FailingObjectStore(new InMemoryObjectStore(InstantSource.fixed(Instant.parse("2026-01-01T00:00:00Z"))));

    @Override
    ObjectStore store() {
        return store;
    }

    @Test
    void failsBeforeTheEffectAndThenWorks() throws IOException {
        store.failNext(Step.COMPLETE, When.BEFORE_EFFECT);

        assertThatIOException().isThrownBy(() -> put("a", bytes("x")));

        assertThat(store.find("a")).isEmpty();
        put("a", bytes("x"));
        assertThat(store.failures()).isEqualTo(1);
    }

    @Test
    void failsAfterTheEffect() throws IOException {
        store.failNext(Step.COMPLETE, When.AFTER_EFFECT);

        assertThatIOException().isThrownBy(() -> put("a", bytes("x")));

        assertThat(get("a")).isEqualTo(bytes("x"));
    }

    @Test
    void failsEveryStepAsOftenAsTold() throws IOException {
        put("a", bytes("x"));
        for (Step step : Step.values()) {
            store.failNext(step, When.BEFORE_EFFECT, 2);
        }

        for (int i = 0; i < 2; i++) {
            assertThatIOException().isThrownBy(() -> store.upload("b"));
            assertThatIOException().isThrownBy(() -> store.open("a"));
            assertThatIOException().isThrownBy(() -> store.find("a"));
            assertThatIOException().isThrownBy(() -> store.list("", info -> {}));
            assertThatIOException().isThrownBy(() -> store.delete("a"));
        }
        for (int i = 0; i < 2; i++) {
            try (ObjectUpload upload = store.upload("b")) {
                assertThatIOException().isThrownBy(() -> upload.out().write(1));
                assertThatIOException().isThrownBy(upload::complete);
            }
        }

        assertThat(list("")).containsExactly("a");
    }

    @Test
    void forgetsItsCuesWhenHealed() throws IOException {
        store.failNext(Step.UPLOAD, When.BEFORE_EFFECT);
        store.heal();

        put("a", bytes("x"));

        assertThat(store.failures()).isZero();
    }
}
