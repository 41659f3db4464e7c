package io.sluice.persist.store;

import java.time.Instant;
import java.time.InstantSource;

final class InMemoryObjectStoreTest extends ObjectStoreContractTest {
    private final ObjectStore store =
            new InMemoryObjectStore(InstantSource.fixed(Instant.parse("2026-01-01T00:00:00Z")));

    @Override
    ObjectStore store() {
        return store;
    }
}
