package io.sluice.ingester.door;

import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.TableName;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/// The namespaces of the catalog. Any thread may call any method, and may wait for the catalog.
public interface Namespaces {
    /// Creates a namespace; one that exists with the same template is left as it is.
    ///
    /// @throws IOException if the catalog does not answer; whether the namespace was created is then unknown
    Creation create(NamespaceName name, PartitionTemplate template) throws IOException;

    /// A namespace with its tables; empty if there is none of this name.
    ///
    /// @throws IOException if the catalog does not answer
    Optional<NamespaceDetails> find(NamespaceName name) throws IOException;

    /// Namespaces by name, without their tables.
    ///
    /// @param after only those above it; all, where empty
    /// @param limit how many at most
    /// @throws IOException if the catalog does not answer
    List<NamespaceDetails> list(Optional<NamespaceName> after, int limit) throws IOException;

    /// What is known of a namespace.
    ///
    /// @param tables by name
    record NamespaceDetails(NamespaceName name, PartitionTemplate template, List<TableName> tables) {
        public NamespaceDetails {
            tables = List.copyOf(tables);
        }
    }

    /// What became of a namespace that was to be created.
    sealed interface Creation {
        /// It is there, with this template.
        record Exists() implements Creation {}

        /// There are too many namespaces.
        record LimitReached(String message) implements Creation {}

        /// It exists with another template, which it keeps.
        record Conflict(String message) implements Creation {}
    }
}
