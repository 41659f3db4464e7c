package io.sluice.ingester.admission;

import io.sluice.ingester.door.RetryDelays;
import io.sluice.ingester.door.WriteOutcome.Quota;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.door.WriteOutcome.Refused;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/// Says that a write is not taken now, why, and when it may come back. Who is refused because rows wait to become files
/// hears what they wait for, too. Any thread may call.
public final class Refusals {
    private final RetryDelays delays;
    private final Supplier<List<String>> outages;

    public Refusals(RetryDelays delays) {
        this(delays, List::of);
    }

    /// @param outages what does not answer at this moment, each in words
    public Refusals(RetryDelays delays, Supplier<List<String>> outages) {
        this.delays = delays;
        this.outages = outages;
    }

    /// In the usual words.
    public Refused of(Reason reason) {
        return of(reason, describe(reason));
    }

    public Refused of(Reason reason, String message) {
        return new Refused(reason, withOutages(reason, message), delays.after(reason));
    }

    public Refused of(Reason reason, String message, Quota quota) {
        return new Refused(reason, message, delays.after(reason), Optional.of(quota));
    }

    private String withOutages(Reason reason, String message) {
        List<String> down = waitsForFiles(reason) ? outages.get() : List.of();
        return down.isEmpty() ? message : message + "; " + String.join("; ", down);
    }

    /// Whether it ends when rows become files.
    private static boolean waitsForFiles(Reason reason) {
        return switch (reason) {
            case PERSIST_SATURATED, DISK_FULL, PARTITION_LIMIT, WAL_FULL, MEMORY_LIMIT -> true;
            case NOT_READY,
                    GRACEFUL_STOP,
                    WAL_FAILED,
                    FENCED,
                    ADMISSION_LIMIT,
                    NAMESPACE_LIMIT,
                    INFLIGHT_BYTES,
                    CATALOG_UNAVAILABLE -> false;
        };
    }

    private static String describe(Reason reason) {
        return switch (reason) {
            case NOT_READY -> "the server is starting: the log is being replayed";
            case GRACEFUL_STOP -> "the server is stopping";
            case WAL_FAILED -> "the log failed, and the server is about to end";
            case FENCED -> "another process runs under this one's id, and the server is about to end";
            case PERSIST_SATURATED -> "the persist queue is full (--persist-queue-depth)";
            case DISK_FULL -> "a disk is nearly full (--disk-high): rows of the log are persisted";
            case PARTITION_LIMIT -> "a namespace has rows of as many partitions as it may (--max-partitions)";
            case WAL_FULL -> "the log has no room for another segment";
            case ADMISSION_LIMIT -> "too many writes at once";
            case NAMESPACE_LIMIT -> "too many writes of one namespace at once (--admission-namespace-writes)";
            case INFLIGHT_BYTES -> "the writes in flight fill their budget (--inflight-bytes, --inflight-ops)";
            case MEMORY_LIMIT -> "memory is full (--memory, --buffer-bytes): rows wait to be persisted";
            case CATALOG_UNAVAILABLE -> "the catalog does not answer";
        };
    }
}
