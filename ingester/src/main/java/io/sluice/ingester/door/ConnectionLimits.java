package io.sluice.ingester.door;

import java.time.Duration;

/// What connections may take of a door.
///
/// @param maxConnections open at once; for one more, the one that is of least use is closed
/// @param idleTimeout how long one without a request stays open
/// @param slowTimeout how long a client may take for the head of a request, for each 64 KiB of its body
///     or message, and to read each 64 KiB of an answer
public record ConnectionLimits(int maxConnections, Duration idleTimeout, Duration slowTimeout) {
    /// What there is room for in a process of the usual size.
    public static final ConnectionLimits DEFAULT =
            new ConnectionLimits(4_096, Duration.ofMinutes(5), Duration.ofSeconds(10));

    /// @throws IllegalArgumentException unless all are positive
    public ConnectionLimits {
        if (maxConnections < 1 || !idleTimeout.isPositive() || !slowTimeout.isPositive()) {
            throw new IllegalArgumentException("limits of connections must be positive: %d, %s, %s"
                    .formatted(maxConnections, idleTimeout, slowTimeout));
        }
    }
}
