package io.sluice.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What the catalog knows of a table at one moment: an immutable value that only ever grows by being replaced.
///
/// Columns stand in the order in which they were created; the position of a column never changes.
public final class TableSchema {
    private final NamespaceName namespace;
    private final TableName table;
    private final TableId tableId;
    private final PartitionTemplate template;
    private final List<ColumnSchema> columns;
    private final Map<ColumnName, ColumnSchema> byName;

    /// @throws IllegalArgumentException if two columns have one name
    public TableSchema(
            NamespaceName namespace,
            TableName table,
            TableId tableId,
            PartitionTemplate template,
            List<ColumnSchema> columns) {
        this.namespace = namespace;
        this.table = table;
        this.tableId = tableId;
        this.template = template;
        this.columns = List.copyOf(columns);
        this.byName = LinkedHashMap.newLinkedHashMap(columns.size());
        for (ColumnSchema column : columns) {
            if (byName.put(column.name(), column) != null) {
                throw new IllegalArgumentException(
                        "table '%s' has two columns named '%s'".formatted(table, column.name()));
            }
        }
    }

    public NamespaceName namespace() {
        return namespace;
    }

    public TableName table() {
        return table;
    }

    public TableId tableId() {
        return tableId;
    }

    /// How the table's rows are cut into partitions: its namespace's template.
    public PartitionTemplate template() {
        return template;
    }

    /// In order of creation.
    public List<ColumnSchema> columns() {
        return columns;
    }

    public Optional<ColumnSchema> find(ColumnName name) {
        return Optional.ofNullable(byName.get(name));
    }

    @Override
    public String toString() {
        return "%s.%s%s".formatted(namespace, table, columns);
    }
}
