package io.sluice.ingester.lineprotocol;

import java.util.Locale;
import java.util.Optional;

/// The unit of a request's timestamps.
public enum Precision {
    NS(1L),
    US(1_000L),
    MS(1_000_000L),
    S(1_000_000_000L),
    M(60_000_000_000L),
    H(3_600_000_000_000L);

    private final long nanos;

    Precision(long nanos) {
        this.nanos = nanos;
    }

    /// Nanoseconds in one unit.
    public long nanos() {
        return nanos;
    }

    /// The precision of a name: `ns`, `us`, `ms`, `s` as version 2 of the API has them, and `n`, `u`, `µ`, `m`, `h` of
    /// version 1.
    public static Optional<Precision> parse(String name) {
        return switch (name.toLowerCase(Locale.ROOT)) {
            case "ns", "n" -> Optional.of(NS);
            case "us", "u", "µ", "µs" -> Optional.of(US);
            case "ms" -> Optional.of(MS);
            case "s" -> Optional.of(S);
            case "m" -> Optional.of(M);
            case "h" -> Optional.of(H);
            default -> Optional.empty();
        };
    }
}
