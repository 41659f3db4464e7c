package io.sluice.ingester.lineprotocol;

import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionTemplate;

/// How to read one body of line protocol.
///
/// @param defaultTimeNs the timestamp of lines without one, nanoseconds since the epoch, whatever the
///     precision
/// @param maxErrors how many bad lines are described; the others are only counted
/// @param known what is known of the namespace's tables
/// @param maxRequestBytes limit of the request that is made of the body, and of what its rows and columns
///     are charged for their memory, at most [#MAX_REQUEST_BYTES]. A line above it is a bad line. It can
///     matter: a row takes space in every column of its table, so that a body of sparse lines grows.
public record ParseOptions(
        NamespaceName namespace,
        Precision precision,
        long defaultTimeNs,
        int maxErrors,
        KnownColumns known,
        int maxRequestBytes) {
    /// The highest limit, and the default.
    public static final int MAX_REQUEST_BYTES = 1 << 28;

    /// @throws IllegalArgumentException if a limit is not in its range, or `defaultTimeNs` has no partition
    public ParseOptions {
        if (!PartitionTemplate.isInRange(defaultTimeNs)) {
            throw new IllegalArgumentException("defaultTimeNs is %d: expected %d to %d"
                    .formatted(defaultTimeNs, PartitionTemplate.MIN_TIMESTAMP_NS, PartitionTemplate.MAX_TIMESTAMP_NS));
        }
        if (maxErrors < 0) {
            throw new IllegalArgumentException("maxErrors must not be negative: " + maxErrors);
        }
        if (maxRequestBytes < 1 || maxRequestBytes > MAX_REQUEST_BYTES) {
            throw new IllegalArgumentException(
                    "maxRequestBytes is %d: expected 1 to %d".formatted(maxRequestBytes, MAX_REQUEST_BYTES));
        }
    }

    /// With the default limit.
    public ParseOptions(
            NamespaceName namespace, Precision precision, long defaultTimeNs, int maxErrors, KnownColumns known) {
        this(namespace, precision, defaultTimeNs, maxErrors, known, MAX_REQUEST_BYTES);
    }
}
