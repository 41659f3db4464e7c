package io.sluice.ingester.lineprotocol;

import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import java.util.Optional;

/// What is known already of the tables of a namespace. A line that contradicts it is a bad line.
@FunctionalInterface
public interface KnownColumns {
    /// Nothing is known.
    KnownColumns NONE = table -> Optional.empty();

    /// The schema of a table, if it has one. Asked when a parse meets the table first, and again if all lines that
    /// named it before were bad. Called on the thread that parses; may ask the
    /// catalog the first time.
    Optional<TableSchema> find(TableName table);
}
