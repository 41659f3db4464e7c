package io.sluice.ingester.buffer;

/// How many nodes the buffer has let go since it was made.
///
/// @param refusals writes that were refused as they needed one partition more than there may be
public record Turnover(long partitions, long tables, long namespaces, long refusals) {
    static final Turnover NONE = new Turnover(0, 0, 0, 0);

    Turnover plus(Turnover other) {
        return new Turnover(
                partitions + other.partitions,
                tables + other.tables,
                namespaces + other.namespaces,
                refusals + other.refusals);
    }
}
