package io.sluice.ingester.cli;

import java.time.Duration;
import java.util.Locale;

/// Numbers as people read them.
final class Units {
    private static final String[] UNITS = {"B", "KiB", "MiB", "GiB", "TiB"};

    private Units() {}

    /// `45s`, `3m 20s`, `2h 5m`, `4d 1h`; what lies ahead, as a clock may be wrong, is `0s`.
    static String age(Duration age) {
        long seconds = Math.max(0, age.toSeconds());
        if (seconds < 60) {
            return seconds + "s";
        }
        if (seconds < 3_600) {
            return "%dm %ds".formatted(seconds / 60, seconds % 60);
        }
        return seconds < 86_400
                ? "%dh %dm".formatted(seconds / 3_600, seconds / 60 % 60)
                : "%dd %dh".formatted(seconds / 86_400, seconds / 3_600 % 24);
    }

    /// `12.3 MiB`.
    static String bytes(long bytes) {
        double value = bytes;
        int unit = 0;
        while (Math.abs(value) >= 1_024 && unit < UNITS.length - 1) {
            value /= 1_024;
            unit++;
        }
        return unit == 0 ? bytes + " B" : String.format(Locale.ROOT, "%.1f %s", value, UNITS[unit]);
    }
}
