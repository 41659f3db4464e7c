package io.sluice.ingester.door;

import java.time.Duration;
import java.util.function.DoubleSupplier;

/// Delays that differ from client to client, so that those who were refused together do not come back together.
public final class RetryDelays {
    private static final Duration SHORT = Duration.ofSeconds(1);

    private final DoubleSupplier random;

    /// @param random from 0 (inclusive) to 1 (exclusive), by any thread
    public RetryDelays(DoubleSupplier random) {
        this.random = random;
    }

    /// For what passes within moments: 1 to 2 s.
    public Duration soon() {
        return SHORT.plusMillis((long) (random.getAsDouble() * SHORT.toMillis()));
    }
}
