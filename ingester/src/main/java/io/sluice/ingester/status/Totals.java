package io.sluice.ingester.status;

import io.micrometer.core.instrument.Measurement;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Statistic;
import io.sluice.ingester.door.WriteOutcome.Reason;
import java.util.Map;
import java.util.Set;

/// What was done since the start, as the metrics have counted it.
///
/// @param writes acknowledged
/// @param rows in them
/// @param refused writes that were told to come back later
/// @param refusedFor the same by reason
/// @param logBytes written to the log, headers included
/// @param queries that have ended, in whatever way
/// @param queryRows sent
public record Totals(
        long writes,
        long rows,
        long refused,
        Map<Reason, Long> refusedFor,
        long logBytes,
        long queries,
        long queryRows) {
    private static final Set<Statistic> COUNTS = Set.of(Statistic.COUNT, Statistic.TOTAL);

    public Totals {
        refusedFor = Map.copyOf(refusedFor);
    }

    /// Reads the counters. A counter that does not exist yet has counted nothing.
    ///
    /// @param refusedFor writes that were refused, by reason
    public static Totals of(MeterRegistry metrics, Map<Reason, Long> refusedFor) {
        return new Totals(
                count(metrics, "sluice.write.ack", "result", "written"),
                count(metrics, "sluice.write.rows"),
                refusedFor.values().stream().mapToLong(Long::longValue).sum(),
                refusedFor,
                count(metrics, "sluice.wal.written.bytes"),
                count(metrics, "sluice.query.stream"),
                count(metrics, "sluice.query.rows"));
    }

    /// Of all meters of that name; of a timer, how often it was used.
    private static long count(MeterRegistry metrics, String name, String... tags) {
        double sum = 0;
        for (Meter meter : metrics.find(name).tags(tags).meters()) {
            for (Measurement measurement : meter.measure()) {
                if (COUNTS.contains(measurement.getStatistic())) {
                    sum += measurement.getValue();
                    break;
                }
            }
        }
        return Math.round(sum);
    }
}
