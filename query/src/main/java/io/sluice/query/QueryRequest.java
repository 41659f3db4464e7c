package io.sluice.query;

import io.sluice.model.ColumnName;
import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// What a query asks for.
///
/// @param columns in the order wanted; empty: all columns, in the table's order
/// @param startNs first timestamp, nanoseconds since the epoch, inclusive; `Long.MIN_VALUE`: from the
///     beginning
/// @param endNs the timestamp at which rows end, exclusive; `Long.MAX_VALUE`: to the end
/// @param predicates all must hold
public record QueryRequest(
        NamespaceName namespace,
        TableName table,
        List<ColumnName> columns,
        long startNs,
        long endNs,
        List<TagIn> predicates) {
    /// @throws IllegalArgumentException if a column stands twice, or the range is upside down
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
    }

    /// Holds where a tag has one of some values. A null tag has none.
    public record TagIn(ColumnName column, Set<String> values) {
        /// @throws IllegalArgumentException if there are no values
        public TagIn {
            values = Set.copyOf(values);
            if (values.isEmpty()) {
                throw new IllegalArgumentException(
                        "predicate on '%s' has no values: expected at least one".formatted(column));
            }
        }
    }
}
