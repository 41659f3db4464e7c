package io.sluice.ingester.buffer;

import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import java.util.Collection;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/// The tables of one namespace that had rows since the start. Any thread may call any method.
final class NamespaceBuffer {
    private final ConcurrentMap<TableName, TableBuffer> tables = new ConcurrentHashMap<>();

    Optional<TableBuffer> find(TableName table) {
        return Optional.ofNullable(tables.get(table));
    }

    TableBuffer obtain(TableSchema schema) {
        return tables.computeIfAbsent(schema.table(), _ -> new TableBuffer(schema));
    }

    /// A live view.
    Collection<TableBuffer> tables() {
        return tables.values();
    }
}
