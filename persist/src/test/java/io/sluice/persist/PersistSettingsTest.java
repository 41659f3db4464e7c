package io.sluice.persist;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.persist.GateTimeout.Mode;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class PersistSettingsTest {
    private static final Duration MS = Duration.ofMillis(1);
    private static final PersistGateSettings GATE = PersistGateSettings.DEFAULT;

    @Test
    void nonsenseIsRefusedByName() {
        refused("workers", () -> new PersistSettings(0, 1, GATE, MS, MS, MS));
        refused("workers", () -> new PersistSettings(1_001, 1, GATE, MS, MS, MS));
        refused("queueDepth", () -> new PersistSettings(1, 0, GATE, MS, MS, MS));
        refused("firstRetryDelay", () -> new PersistSettings(1, 1, GATE, Duration.ZERO, MS, MS));
        refused("maxRetryDelay", () -> new PersistSettings(1, 1, GATE, MS, MS.dividedBy(2), MS));
        refused("parkedRetryDelay", () -> new PersistSettings(1, 1, GATE, MS, MS, Duration.ofDays(2)));
    }

    @Test
    void nonsenseOfTheGateIsRefusedByName() {
        refused("slots", () -> new PersistGateSettings(0, 1, GateTimeout.DEFAULT));
        refused("slots", () -> new PersistGateSettings(1_001, 1, GateTimeout.DEFAULT));
        refused("memoryBytes", () -> new PersistGateSettings(1, 0, GateTimeout.DEFAULT));
        refused("unmeasured", () -> new GateTimeout(Mode.MEDIAN, Duration.ZERO, MS, MS));
        refused("floor", () -> new GateTimeout(Mode.MEDIAN, MS, Duration.ofNanos(-1), MS));
        refused("cap", () -> new GateTimeout(Mode.MEDIAN, MS, MS, MS.dividedBy(2)));
        refused("cap", () -> new GateTimeout(Mode.MEDIAN, MS, MS, Duration.ofDays(2)));
    }

    private static void refused(String name, Runnable make) {
        assertThatThrownBy(make::run)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(name + " is ");
    }
}
