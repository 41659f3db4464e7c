package io.sluice.persist.catalog;

import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionKey;
import io.sluice.model.TableName;
import java.util.Optional;

/// Asks for a page of the files of a namespace.
///
/// @param table only files of this table
/// @param partition only files of this partition
/// @param after the last object's name of the page before; empty for the first page
/// @param limit how many files at most, 1 to [#MAX_LIMIT]
public record FileQuery(
        NamespaceName namespace, Optional<TableName> table, Optional<PartitionKey> partition, String after, int limit) {
    /// What an answer of gRPC holds with ease.
    public static final int MAX_LIMIT = 1_000;

    /// @throws IllegalArgumentException if `limit` is out of bounds
    public FileQuery {
        if (limit < 1 || limit > MAX_LIMIT) {
            throw new IllegalArgumentException("a page of files has 1 to %d: found %d".formatted(MAX_LIMIT, limit));
        }
    }
}
