package io.sluice.ingester.door;

import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/// Makes files on demand.
@FunctionalInterface
public interface PersistHandler {
    /// Persists the rows of a namespace and table (all, where empty) that are readable now.
    ///
    /// @return completes when they are in catalogued files; with [PersistRefusedException] if it is not
    ///     ready yet, or is about to end
    CompletionStage<PersistSummary> persist(Optional<NamespaceName> namespace, Optional<TableName> table);

    /// What became files.
    ///
    /// @param rows in the files, after merging equal keys
    record PersistSummary(long partitions, long rows, long files) {}
}
