package io.sluice.persist;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class PersistSettingsTest {
    private static final Duration MS = Duration.ofMillis(1);

    @Test
    void nonsenseIsRefusedByName() {
        refused("workers", () -> new PersistSettings(0, 1, 1, 1, MS, MS, MS));
        refused("workers", () -> new PersistSettings(1_001, 1, 1, 1, MS, MS, MS));
        refused("queueDepth", () -> new PersistSettings(1, 0, 1, 1, MS, MS, MS));
        refused("concurrency", () -> new PersistSettings(1, 1, 0, 1, MS, MS, MS));
        refused("memoryBytes", () -> new PersistSettings(1, 1, 1, 0, MS, MS, MS));
        refused("firstRetryDelay", () -> new PersistSettings(1, 1, 1, 1, Duration.ZERO, MS, MS));
        refused("maxRetryDelay", () -> new PersistSettings(1, 1, 1, 1, MS, MS.dividedBy(2), MS));
        refused("parkedRetryDelay", () -> new PersistSettings(1, 1, 1, 1, MS, MS, Duration.ofDays(2)));
    }

    private static void refused(String name, Runnable make) {
        assertThatThrownBy(make::run)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(name + " is ");
    }
}
