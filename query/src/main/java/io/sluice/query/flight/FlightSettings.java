package io.sluice.query.flight;

import java.time.Duration;

/// How streams are served.
///
/// @param idleTimeout how long a client may not read before its stream is ended
public record FlightSettings(Duration idleTimeout) {
    /// @throws IllegalArgumentException if not positive
    public FlightSettings {
        if (idleTimeout.isNegative() || idleTimeout.isZero()) {
            throw new IllegalArgumentException("idleTimeout must be positive: " + idleTimeout);
        }
    }
}
