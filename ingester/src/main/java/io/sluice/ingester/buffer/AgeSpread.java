package io.sluice.ingester.buffer;

import io.sluice.model.PartitionKey;
import io.sluice.model.TableId;

/// Spreads the age at which partitions are due over the last quarter of the maximum: those that got their first rows
/// together (all of a fleet at midnight, or after a replay) are not due together. The same partition has always the
/// same share.
final class AgeSpread {
    /// Of the maximum age, the share at which the first ones are due.
    static final double FIRST = 0.75;

    // Odd, and near 2^64 divided by the golden ratio (Knuth, TAOCP 3, 6.4): neighbours land far apart.
    private static final long GOLDEN = 0x9e3779b97f4a7c15L;

    private AgeSpread() {}

    /// The share of the maximum age at which a partition is due, above [#FIRST] and at most 1.
    static double share(TableId table, PartitionKey key) {
        long hash = (table.value() * GOLDEN + key.value().hashCode()) * GOLDEN;
        hash = (hash ^ (hash >>> 32)) * GOLDEN;
        double part = (hash >>> 11) * 0x1p-53; // 0 to 1, 1 excluded
        return 1 - (1 - FIRST) * part;
    }
}
