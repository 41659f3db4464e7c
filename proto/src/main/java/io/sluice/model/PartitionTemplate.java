package io.sluice.model;

import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Locale;

/// How the rows of a namespace are cut into partitions. A namespace keeps its template for ever.
///
/// The one template of this version is a UTC day: key `2026-11-21`, the rows of
/// `[2026-11-21T00:00:00Z, 2026-11-22T00:00:00Z)`. A timestamp is in range if its key is a date of the years 1678 to
/// 2261, those that 64-bit nanoseconds cover in full.
public record PartitionTemplate(String text) {
    /// One UTC day for each partition.
    public static final PartitionTemplate DAILY = new PartitionTemplate("%Y-%m-%d");

    /// Nanoseconds in the partition of a [#DAILY] template.
    public static final long DAY_NS = 86_400_000_000_000L;

    /// The first timestamp in range, nanoseconds since the epoch, inclusive: 1678-01-01T00:00:00Z.
    public static final long MIN_TIMESTAMP_NS = nanos("1678-01-01T00:00:00Z");

    /// The last timestamp in range, nanoseconds since the epoch, inclusive: 2261-12-31T23:59:59.999999999Z.
    public static final long MAX_TIMESTAMP_NS = nanos("2262-01-01T00:00:00Z") - 1;

    /// @throws IllegalArgumentException if this version does not know the template
    public PartitionTemplate {
        if (!text.equals("%Y-%m-%d")) {
            throw new IllegalArgumentException(
                    "partition template '%s' is not known: expected '%%Y-%%m-%%d'".formatted(text));
        }
    }

    /// The number of the partition that holds a timestamp: equal exactly when the keys are. Cheap, for use once per
    /// row.
    ///
    /// @param timestampNs nanoseconds since the epoch
    public long slot(long timestampNs) {
        return Math.floorDiv(timestampNs, DAY_NS);
    }

    /// The key of the partition with this number.
    public PartitionKey key(long slot) {
        LocalDate day = LocalDate.ofEpochDay(slot);
        return new PartitionKey(
                String.format(Locale.ROOT, "%04d-%02d-%02d", day.getYear(), day.getMonthValue(), day.getDayOfMonth()));
    }

    /// The first timestamp of a partition, nanoseconds since the epoch, inclusive.
    ///
    /// @throws IllegalArgumentException if `key` is not of this template
    public long startNs(PartitionKey key) {
        try {
            return Math.multiplyExact(
                    LocalDate.parse(key.value()).atStartOfDay(ZoneOffset.UTC).toEpochSecond(), 1_000_000_000L);
        } catch (java.time.DateTimeException | ArithmeticException e) {
            throw new IllegalArgumentException(
                    "partition key '%s' is not a day of template '%s'".formatted(key, text), e);
        }
    }

    /// The first timestamp after a partition, nanoseconds since the epoch.
    public long endNs(PartitionKey key) {
        return Math.addExact(startNs(key), DAY_NS);
    }

    /// Whether rows of this timestamp have a partition.
    public static boolean isInRange(long timestampNs) {
        return timestampNs >= MIN_TIMESTAMP_NS && timestampNs <= MAX_TIMESTAMP_NS;
    }

    private static long nanos(String instant) {
        return Math.multiplyExact(Instant.parse(instant).getEpochSecond(), 1_000_000_000L);
    }

    @Override
    public String toString() {
        return text;
    }
}
