package io.sluice.ingester.door;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntSupplier;

/// Counts the connections that a door closes for its own reasons, which are metrics. Any thread may call any method.
public final class ConnectionMeters {
    /// Why the server closed a connection.
    public enum Reason {
        /// Nothing was asked over it for the idle timeout.
        IDLE,
        /// It was of least use when there was no room for a new one.
        CROWDED,
        /// Its client sent a request, or read an answer, too slowly.
        SLOW,
        /// It was a new one, and none of those that there were could be closed for it.
        REFUSED
    }

    private final Map<Reason, Counter> closed = new EnumMap<>(Reason.class);

    /// @param door as metrics name it: `http`
    /// @param open connections now
    /// @param limit of them now
    public ConnectionMeters(String door, IntSupplier open, IntSupplier limit, MeterRegistry metrics) {
        Gauge.builder("sluice.connections", open::getAsInt)
                .description("Connections that are open")
                .tag("door", door)
                .register(metrics);
        Gauge.builder("sluice.connections.limit", limit::getAsInt)
                .description("Connections that may be open")
                .tag("door", door)
                .register(metrics);
        for (Reason reason : Reason.values()) {
            closed.put(
                    reason,
                    Counter.builder("sluice.connections.closed")
                            .description("Connections that the server closed, and why")
                            .tag("door", door)
                            .tag("reason", reason.name().toLowerCase(Locale.ROOT))
                            .register(metrics));
        }
    }

    /// A connection is closed by the server.
    public void closed(Reason reason) {
        Objects.requireNonNull(closed.get(reason)).increment();
    }
}
