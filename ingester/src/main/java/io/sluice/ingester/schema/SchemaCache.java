package io.sluice.ingester.schema;

import io.sluice.ingester.door.DecodedColumn;
import io.sluice.ingester.door.DecodedWrite.DecodedTable;
import io.sluice.model.ColumnSchema;
import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.persist.catalog.Catalog;
import io.sluice.persist.catalog.CatalogConflictException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/// The schemas of the tables in use: the catalog's, read once and kept. A table's schema only ever grows, so what is
/// kept may be old but never wrong, and a column that is missing here is looked for in the catalog.
///
/// Any thread may call any method; those that throw `IOException` may wait for the catalog.
public final class SchemaCache {
    /// How many columns a table may have, `time` included.
    public static final int MAX_COLUMNS = 1_000;

    private final Catalog catalog;
    private final boolean createOnWrite;
    private final ConcurrentMap<TableKey, TableSchema> schemas = new ConcurrentHashMap<>();

    /// @param createOnWrite whether a write may create its namespace and tables; columns are created by
    ///     being written either way
    public SchemaCache(Catalog catalog, boolean createOnWrite) {
        this.catalog = catalog;
        this.createOnWrite = createOnWrite;
    }

    /// The schema as far as it is known here, without asking the catalog.
    public Optional<TableSchema> findCached(NamespaceName namespace, TableName table) {
        return Optional.ofNullable(schemas.get(new TableKey(namespace, table)));
    }

    /// The table's schema; empty if there is no such table.
    public Optional<TableSchema> find(NamespaceName namespace, TableName table) throws IOException {
        TableSchema cached = schemas.get(new TableKey(namespace, table));
        if (cached != null) {
            return Optional.of(cached);
        }
        return catalog.findTable(namespace, table).map(this::keep);
    }

    /// The schemas of all tables in the catalog.
    public Collection<TableSchema> all() throws IOException {
        for (NamespaceName namespace : catalog.namespaces()) {
            catalog.tables(namespace).forEach(this::keep);
        }
        return List.copyOf(schemas.values());
    }

    /// The schema that a write's rows have; what is missing of it is created in the catalog.
    ///
    /// @throws SchemaConflictException if a column exists with another kind or type, there would be too many
    ///     columns,
    ///     or the table may not be created
    /// @throws IOException if the catalog cannot answer
    public TableSchema resolve(NamespaceName namespace, DecodedTable table)
            throws SchemaConflictException, IOException {
        List<ColumnSchema> columns = new ArrayList<>(table.columns().size());
        for (DecodedColumn column : table.columns()) {
            columns.add(column.schema());
        }
        return resolve(namespace, table.table(), columns);
    }

    /// As [#resolve(NamespaceName, DecodedTable)], for rows that have these columns.
    public TableSchema resolve(NamespaceName namespace, TableName table, List<ColumnSchema> columns)
            throws SchemaConflictException, IOException {
        Optional<TableSchema> known = find(namespace, table);
        if (known.isPresent() && covers(known.get(), columns)) {
            return known.get();
        }
        if (known.isEmpty() && !createOnWrite) {
            throw new SchemaConflictException(
                    "table '%s' does not exist in namespace '%s', and --create-on-write is false"
                            .formatted(table, namespace));
        }
        try {
            return keep(catalog.ensureTable(namespace, table, columns, MAX_COLUMNS));
        } catch (CatalogConflictException e) {
            throw new SchemaConflictException(String.valueOf(e.getMessage()));
        }
    }

    private static boolean covers(TableSchema schema, List<ColumnSchema> columns) throws SchemaConflictException {
        boolean all = true;
        for (ColumnSchema written : columns) {
            Optional<ColumnSchema> known = schema.find(written.name());
            if (known.isEmpty()) {
                all = false;
            } else if (!known.get().equals(written)) {
                throw new SchemaConflictException("column '%s' of table '%s' in namespace '%s' is a %s: found %s"
                        .formatted(
                                written.name(),
                                schema.table(),
                                schema.namespace(),
                                known.get().describe(),
                                written.describe()));
            }
        }
        return all;
    }

    private TableSchema keep(TableSchema schema) {
        // Two threads may bring two versions in either order; columns are only ever added, so the longer is the newer.
        return schemas.merge(
                new TableKey(schema.namespace(), schema.table()),
                schema,
                (kept, brought) -> brought.columns().size() > kept.columns().size() ? brought : kept);
    }

    private record TableKey(NamespaceName namespace, TableName table) {}
}
