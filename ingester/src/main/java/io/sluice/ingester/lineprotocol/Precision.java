package io.sluice.ingester.lineprotocol;

import java.util.Optional;

/// The unit of the timestamps in a body of line protocol.
public enum Precision {
    /// Nanoseconds, the default.
    NS(1L),
    /// Microseconds.
    US(1_000L),
    /// Milliseconds.
    MS(1_000_000L),
    /// Seconds.
    S(1_000_000_000L),
    /// Minutes.
    M(60_000_000_000L),
    /// Hours.
    H(3_600_000_000_000L);

    private final long nanoseconds;

    Precision(long nanoseconds) {
        this.nanoseconds = nanoseconds;
    }

    /// Nanoseconds in one unit.
    public long nanoseconds() {
        return nanoseconds;
    }

    /// The precision of this name: `ns`, `n`, `us`, `u`, `µs`, `µ`, `ms`, `s`, `m` or `h`, those of `/api/v2/write`
    /// and of `/write` together.
    public static Optional<Precision> parse(String name) {
        return switch (name) {
            case "ns", "n" -> Optional.of(NS);
            // both the micro sign and the Greek letter
            case "us", "u", "\u00b5s", "\u00b5", "\u03bcs", "\u03bc" -> Optional.of(US);
            case "ms" -> Optional.of(MS);
            case "s" -> Optional.of(S);
            case "m" -> Optional.of(M);
            case "h" -> Optional.of(H);
            default -> Optional.empty();
        };
    }
}
