package io.sluice.ingester.admission;

import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;

/// What is known without asking the catalog. Any thread may ask; nobody waits.
public interface KnownTables {
    /// Whether a table of this namespace is known.
    boolean isKnown(NamespaceName namespace);

    boolean isKnown(NamespaceName namespace, TableName table);
}
