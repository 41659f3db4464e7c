package io.sluice.query;

import io.sluice.model.ColumnName;
import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;

/// What a query asks for.
///
/// @param columns in the order wanted; empty: all columns, in the table's order
/// @param startNs first timestamp, nanoseconds since the epoch, inclusive; `Long.MIN_VALUE`: from the
///     beginning
/// @param endNs the timestamp at which rows end, exclusive; `Long.MAX_VALUE`: to the end, that timestamp
///     included
/// @param predicates all must hold
/// @param limit the most rows that are wanted; empty: all
/// @param order of the rows within a partition
/// @param isMerged whether rows of one key are merged into one
/// @param keepsDictionaries whether tags come with dictionaries, however many values they have
public record QueryRequest(
        NamespaceName namespace,
        TableName table,
        List<ColumnName> columns,
        long startNs,
        long endNs,
        List<TagPredicate> predicates,
        OptionalLong limit,
        Order order,
        boolean isMerged,
        boolean keepsDictionaries) {
    /// How the rows of a partition follow one another.
    public enum Order {
        /// As they were written; if they are merged, by their tags in the table's order, then by time.
        NATURAL,
        /// By time; rows of one time as in the natural order.
        TIME
    }

    /// @throws IllegalArgumentException if a column stands twice, the range is upside down, or the limit is
    ///     not positive
    public QueryRequest {
        columns = List.copyOf(columns);
        predicates = List.copyOf(predicates);
        Set<ColumnName> seen = new HashSet<>();
        for (ColumnName column : columns) {
            if (!seen.add(column)) {
                throw new IllegalArgumentException("column '%s' is asked for twice".formatted(column));
            }
        }
        if (startNs > endNs) {
            throw new IllegalArgumentException(
                    "time range starts at %d and ends at %d: expected a start no later than the end"
                            .formatted(startNs, endNs));
        }
        if (limit.isPresent() && limit.getAsLong() < 1) {
            throw new IllegalArgumentException("limit is %s: expected 1 to %d, or none"
                    .formatted(Long.toUnsignedString(limit.getAsLong()), Long.MAX_VALUE));
        }
    }
}
