package io.sluice.ingester.lineprotocol;

import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import java.util.Optional;

/// What is known of a namespace's tables before a parse, so that a line that contradicts it is told from the good ones.
@FunctionalInterface
public interface KnownColumns {
    /// Asked once for each table and parse.
    Optional<TableSchema> find(TableName table);
}
