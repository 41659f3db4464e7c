package io.sluice.persist.catalog;

import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SortKey;
import io.sluice.model.TableId;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.persist.catalog.CatalogLimitException.Limit;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What the catalog does about namespaces, tables, columns and sort keys, inside a transaction that the caller
/// began and ends: a serialisable one. The SQL is what SQLite and PostgreSQL have in common.
final class SchemaStatements {
    private static final String NAMESPACES = "SELECT name FROM namespaces";
    private static final String NAMESPACE = "SELECT id, template FROM namespaces WHERE name = ?";
    private static final String COUNT_NAMESPACES = "SELECT count(*) AS n FROM namespaces";
    private static final String COUNT_TABLES = "SELECT count(*) AS n FROM tables WHERE namespace_id = ?";
    private static final String INSERT_NAMESPACE =
            "INSERT INTO namespaces (name, template, created_at_ns) VALUES (?, ?, ?) RETURNING id, template";
    private static final String TABLE = "SELECT id FROM tables WHERE namespace_id = ? AND name = ?";
    private static final String INSERT_TABLE =
            "INSERT INTO tables (namespace_id, name, created_at_ns) VALUES (?, ?, ?) RETURNING id";
    private static final String COLUMNS_OF_NAMESPACE = """
            SELECT t.name AS table_name, t.id, n.template, c.name, c.kind, c.type
            FROM namespaces n JOIN tables t ON t.namespace_id = n.id JOIN columns c ON c.table_id = t.id
            WHERE n.name = ?""";
    private static final String IN_ORDER = " ORDER BY t.id, c.position";
    private static final String OF_TABLE = " AND t.name = ?";
    private static final String COLUMNS = "SELECT name, kind, type FROM columns WHERE table_id = ? ORDER BY position";
    private static final String INSERT_COLUMN =
            "INSERT INTO columns (table_id, position, name, kind, type) VALUES (?, ?, ?, ?, ?)";
    private static final String TABLE_BY_ID =
            "SELECT n.name, t.name AS table_name FROM tables t JOIN namespaces n ON n.id = t.namespace_id WHERE t.id = ?";
    private static final String SORT_KEY = "SELECT tag FROM sort_keys WHERE table_id = ? ORDER BY position";
    private static final String INSERT_SORT_KEY = "INSERT INTO sort_keys (table_id, position, tag) VALUES (?, ?, ?)";

    private SchemaStatements() {}

    static List<NamespaceName> namespaces(Connection connection) throws SQLException {
        List<NamespaceName> names = Sql.query(connection, NAMESPACES, row -> new NamespaceName(row.getString("name")));
        names.sort(Comparator.naturalOrder());
        return List.copyOf(names);
    }

    static Optional<PartitionTemplate> findNamespace(Connection connection, NamespaceName namespace)
            throws SQLException {
        return Sql.queryOne(connection, NAMESPACE, NamespaceRow::of, namespace.value())
                .map(NamespaceRow::template);
    }

    static void createNamespace(
            Connection connection,
            NamespaceName namespace,
            PartitionTemplate template,
            CatalogLimits limits,
            Instant now)
            throws SQLException, CatalogConflictException {
        PartitionTemplate found =
                ensureNamespace(connection, namespace, template, limits, now).template();
        if (!found.equals(template)) {
            throw new CatalogConflictException(
                    "namespace '%s' exists with another partition template: expected '%s', found '%s'"
                            .formatted(namespace, template, found));
        }
    }

    private static NamespaceRow ensureNamespace(
            Connection connection,
            NamespaceName namespace,
            PartitionTemplate template,
            CatalogLimits limits,
            Instant now)
            throws SQLException, CatalogLimitException {
        var found = Sql.queryOne(connection, NAMESPACE, NamespaceRow::of, namespace.value());
        if (found.isPresent()) {
            return found.get();
        }
        long count = count(connection, COUNT_NAMESPACES);
        if (count >= limits.maxNamespaces()) {
            throw new CatalogLimitException(
                    Limit.NAMESPACES,
                    "namespace '%s' would be one too many: expected at most %d namespaces, found %d (--max-namespaces)"
                            .formatted(namespace, limits.maxNamespaces(), count));
        }
        return Sql.queryOne(
                        connection,
                        INSERT_NAMESPACE,
                        NamespaceRow::of,
                        namespace.value(),
                        template.text(),
                        Sql.toEpochNanos(now))
                .orElseThrow();
    }

    static List<TableSchema> tables(Connection connection, NamespaceName namespace) throws SQLException {
        var columns = Sql.query(connection, COLUMNS_OF_NAMESPACE + IN_ORDER, TableColumnRow::of, namespace.value());
        return toTables(namespace, columns);
    }

    static Optional<TableSchema> findTable(Connection connection, NamespaceName namespace, TableName table)
            throws SQLException {
        var columns = Sql.query(
                connection,
                COLUMNS_OF_NAMESPACE + OF_TABLE + IN_ORDER,
                TableColumnRow::of,
                namespace.value(),
                table.value());
        return toTables(namespace, columns).stream().findFirst();
    }

    private static List<TableSchema> toTables(NamespaceName namespace, List<TableColumnRow> rows) {
        Map<TableId, List<TableColumnRow>> byTable = new LinkedHashMap<>();
        for (TableColumnRow row : rows) {
            byTable.computeIfAbsent(row.tableId(), id -> new ArrayList<>()).add(row);
        }
        List<TableSchema> tables = new ArrayList<>(byTable.size());
        byTable.forEach((id, columns) -> tables.add(new TableSchema(
                namespace,
                columns.getFirst().table(),
                id,
                columns.getFirst().template(),
                columns.stream().map(TableColumnRow::column).toList())));
        tables.sort(Comparator.comparing(TableSchema::table));
        return List.copyOf(tables);
    }

    static TableSchema ensureTable(
            Connection connection,
            NamespaceName namespace,
            TableName table,
            List<ColumnSchema> columns,
            int maxColumns,
            CatalogLimits limits,
            Instant now)
            throws SQLException, CatalogConflictException {
        NamespaceRow parent = ensureNamespace(connection, namespace, PartitionTemplate.DAILY, limits, now);
        long tableId = ensureTableRow(connection, parent.id(), namespace, table, limits, now);
        List<ColumnSchema> found = columns(connection, tableId);
        requirePartitionTags(namespace, table, parent.template(), columns);
        List<ColumnSchema> wanted = merge(namespace, table, found, columns);
        if (wanted.size() > found.size() && wanted.size() > maxColumns) {
            throw new CatalogLimitException(
                    Limit.COLUMNS,
                    "table '%s' in namespace '%s' would have %d columns: expected at most %d (--max-columns; it has %d, %d are new)"
                            .formatted(
                                    table,
                                    namespace,
                                    wanted.size(),
                                    maxColumns,
                                    found.size(),
                                    wanted.size() - found.size()));
        }
        for (int position = found.size(); position < wanted.size(); position++) {
            ColumnSchema column = wanted.get(position);
            Sql.update(
                    connection,
                    INSERT_COLUMN,
                    tableId,
                    position,
                    column.name().value(),
                    column.kind().name(),
                    column.type().name());
        }
        return new TableSchema(namespace, table, new TableId(tableId), parent.template(), wanted);
    }

    /// Rows are cut into partitions by what is a tag in every table of the namespace, if it is there at all.
    private static void requirePartitionTags(
            NamespaceName namespace, TableName table, PartitionTemplate template, List<ColumnSchema> columns)
            throws CatalogConflictException {
        for (ColumnSchema column : columns) {
            if (column.kind() != ColumnKind.TAG && template.tags().contains(column.name())) {
                throw new CatalogConflictException(
                        "column '%s' of table '%s': expected a TAG, as the partition template '%s' of namespace '%s' names it: found %s"
                                .formatted(column.name(), table, template, namespace, column.describe()));
            }
        }
    }

    private static long count(Connection connection, String sql, Object... arguments) throws SQLException {
        return Sql.queryOne(connection, sql, row -> row.getLong("n"), arguments).orElseThrow();
    }

    private static long ensureTableRow(
            Connection connection,
            long namespaceId,
            NamespaceName namespace,
            TableName table,
            CatalogLimits limits,
            Instant now)
            throws SQLException, CatalogLimitException {
        var found = Sql.queryOne(connection, TABLE, row -> row.getLong("id"), namespaceId, table.value());
        if (found.isPresent()) {
            return found.get();
        }
        long count = count(connection, COUNT_TABLES, namespaceId);
        if (count >= limits.maxTables()) {
            throw new CatalogLimitException(
                    Limit.TABLES,
                    "table '%s' would be one too many in namespace '%s': expected at most %d tables, found %d (--max-tables)"
                            .formatted(table, namespace, limits.maxTables(), count));
        }
        return Sql.queryOne(
                        connection,
                        INSERT_TABLE,
                        row -> row.getLong("id"),
                        namespaceId,
                        table.value(),
                        Sql.toEpochNanos(now))
                .orElseThrow();
    }

    private static List<ColumnSchema> columns(Connection connection, long tableId) throws SQLException {
        return Sql.query(connection, COLUMNS, SchemaStatements::column, tableId);
    }

    /// The columns that are there, and then those to be added.
    private static List<ColumnSchema> merge(
            NamespaceName namespace, TableName table, List<ColumnSchema> found, List<ColumnSchema> asked)
            throws CatalogConflictException {
        Map<ColumnName, ColumnSchema> merged = new LinkedHashMap<>();
        found.forEach(column -> merged.put(column.name(), column));
        if (found.isEmpty() && !asked.contains(ColumnSchema.TIME)) {
            merged.put(ColumnSchema.TIME_NAME, ColumnSchema.TIME);
        }
        for (ColumnSchema column : asked) {
            ColumnSchema other = merged.putIfAbsent(column.name(), column);
            if (other != null && !other.equals(column)) {
                throw new CatalogConflictException("column '%s' of table '%s' in namespace '%s': expected %s, found %s"
                        .formatted(column.name(), table, namespace, other.describe(), column.describe()));
            }
        }
        return List.copyOf(merged.values());
    }

    static SortKey sortKey(Connection connection, TableId table) throws SQLException, CatalogConflictException {
        requireTable(connection, table);
        return findSortKey(connection, table);
    }

    /// @param update extends `expected`
    static SortKey compareAndSetSortKey(Connection connection, TableId table, SortKey expected, SortKey update)
            throws SQLException, CatalogConflictException {
        TableNames names = requireTable(connection, table);
        SortKey found = findSortKey(connection, table);
        if (!found.equals(expected)) {
            return found;
        }
        List<ColumnSchema> columns = columns(connection, table.value());
        for (int position = expected.tags().size(); position < update.tags().size(); position++) {
            ColumnName tag = update.tags().get(position);
            if (columns.stream()
                    .noneMatch(column ->
                            column.kind() == ColumnKind.TAG && column.name().equals(tag))) {
                throw new CatalogConflictException(
                        "sort key of table '%s' in namespace '%s' names '%s': expected a TAG of the table"
                                .formatted(names.table(), names.namespace(), tag));
            }
            Sql.update(connection, INSERT_SORT_KEY, table.value(), position, tag.value());
        }
        return update;
    }

    private static SortKey findSortKey(Connection connection, TableId table) throws SQLException {
        return new SortKey(Sql.query(connection, SORT_KEY, row -> new ColumnName(row.getString("tag")), table.value()));
    }

    /// @throws CatalogConflictException if there is no such table
    static TableNames requireTable(Connection connection, TableId table) throws SQLException, CatalogConflictException {
        return Sql.queryOne(connection, TABLE_BY_ID, TableNames::of, table.value())
                .orElseThrow(() -> new CatalogConflictException("there is no table of id %s".formatted(table)));
    }

    private static ColumnSchema column(ResultSet row) throws SQLException {
        return new ColumnSchema(
                new ColumnName(row.getString("name")),
                ColumnKind.valueOf(row.getString("kind")),
                ColumnType.valueOf(row.getString("type")));
    }

    /// What a table is called.
    record TableNames(NamespaceName namespace, TableName table) {
        static TableNames of(ResultSet row) throws SQLException {
            return new TableNames(new NamespaceName(row.getString("name")), new TableName(row.getString("table_name")));
        }
    }

    private record NamespaceRow(long id, PartitionTemplate template) {
        static NamespaceRow of(ResultSet row) throws SQLException {
            return new NamespaceRow(row.getLong("id"), new PartitionTemplate(row.getString("template")));
        }
    }

    private record TableColumnRow(TableName table, TableId tableId, PartitionTemplate template, ColumnSchema column) {
        static TableColumnRow of(ResultSet row) throws SQLException {
            return new TableColumnRow(
                    new TableName(row.getString("table_name")),
                    new TableId(row.getLong("id")),
                    new PartitionTemplate(row.getString("template")),
                    SchemaStatements.column(row));
        }
    }
}
