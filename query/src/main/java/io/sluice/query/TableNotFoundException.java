package io.sluice.query;

import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;

/// There is no such table.
public final class TableNotFoundException extends Exception {
    public TableNotFoundException(NamespaceName namespace, TableName table) {
        super("there is no table '%s' in namespace '%s'".formatted(table, namespace));
    }
}
