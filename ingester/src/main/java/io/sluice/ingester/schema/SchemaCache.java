package io.sluice.ingester.schema;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.door.DecodedColumn;
import io.sluice.ingester.door.DecodedWrite.DecodedTable;
import io.sluice.ingester.door.WriteOutcome.Limit;
import io.sluice.model.ColumnSchema;
import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.persist.catalog.Catalog;
import io.sluice.persist.catalog.CatalogConflictException;
import io.sluice.persist.catalog.CatalogLimitException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;

/// The schemas of the tables in use: the catalog's, read once and kept. A table's schema only ever grows, so what is
/// kept may be old but never wrong, and a column that is missing here is looked for in the catalog.
///
/// Any thread may call any method; those that throw `IOException` may wait for the catalog.
public final class SchemaCache {
    /// How many columns a table may have, `time` included, if nobody says otherwise.
    public static final int MAX_COLUMNS = 1_000;

    private final Catalog catalog;
    private volatile boolean createOnWrite;
    private volatile int maxColumns;
    private final Map<Limit, Counter> refusals = new EnumMap<>(Limit.class);
    private final CatalogTurns<TableKey> turns = new CatalogTurns<>();
    /// Tables that the catalog did not have a moment ago.
    private final RecentAnswers<TableKey, Boolean> absent;
    /// Tables that there may not be, as there would be too many.
    private final RecentAnswers<TableKey, SchemaLimit> refused;
    private final ConcurrentMap<TableKey, TableSchema> schemas = new ConcurrentHashMap<>();
    /// Of those tables.
    private final Set<NamespaceName> namespaces = ConcurrentHashMap.newKeySet();

    /// Another number of columns that a table may have, from now on. Tables that have more keep them.
    public void reconfigure(int newMaxColumns) {
        maxColumns = newMaxColumns;
    }

    /// Writes may create their namespace and tables, or may not, from now on.
    public void createOnWrite(boolean may) {
        createOnWrite = may;
    }

    /// @param createOnWrite whether a write may create its namespace and tables; columns are created by
    ///     being written either way
    public SchemaCache(Catalog catalog, boolean createOnWrite) {
        this(catalog, createOnWrite, MAX_COLUMNS, new SimpleMeterRegistry());
    }

    /// As above.
    ///
    /// @param maxColumns how many columns a table may have, `time` included
    public SchemaCache(Catalog catalog, boolean createOnWrite, int maxColumns, MeterRegistry metrics) {
        this(catalog, createOnWrite, maxColumns, Duration.ZERO, () -> 0, metrics);
    }

    /// As above.
    ///
    /// @param negativeMemory how long it is remembered that the catalog does not have a table, or makes none
    /// @param nanoTime nanoseconds from any beginning
    public SchemaCache(
            Catalog catalog,
            boolean createOnWrite,
            int maxColumns,
            Duration negativeMemory,
            LongSupplier nanoTime,
            MeterRegistry metrics) {
        this.catalog = catalog;
        this.absent = new RecentAnswers<>(negativeMemory, nanoTime);
        this.refused = new RecentAnswers<>(negativeMemory, nanoTime);
        this.createOnWrite = createOnWrite;
        this.maxColumns = maxColumns;
        for (Limit limit : Limit.values()) {
            refusals.put(
                    limit,
                    Counter.builder("sluice.schema.limit.refusals")
                            .description("Writes that needed more than there may be")
                            .tag("limit", limit.name().toLowerCase(Locale.ROOT))
                            .register(metrics));
        }
        Gauge.builder("sluice.schema.namespaces", schemas, SchemaCache::namespaces)
                .description("Namespaces of the tables that were used since the start")
                .register(metrics);
        Gauge.builder("sluice.schema.waiting", this::waiting)
                .description("Calls that wait for what another one asks the catalog")
                .register(metrics);
        Gauge.builder("sluice.schema.tables", schemas, Map::size)
                .description("Tables that were used since the start")
                .register(metrics);
        Gauge.builder("sluice.schema.tables.largest", schemas, SchemaCache::mostTables)
                .description("Tables of the namespace that has the most of them")
                .register(metrics);
        Gauge.builder("sluice.schema.columns.largest", schemas, SchemaCache::mostColumns)
                .description("Columns of the table that has the most of them")
                .register(metrics);
    }

    private static double namespaces(Map<TableKey, TableSchema> schemas) {
        return schemas.keySet().stream().map(TableKey::namespace).distinct().count();
    }

    private static double mostTables(Map<TableKey, TableSchema> schemas) {
        return schemas.keySet().stream()
                .collect(Collectors.groupingBy(TableKey::namespace, Collectors.counting()))
                .values()
                .stream()
                .mapToLong(Long::longValue)
                .max()
                .orElse(0);
    }

    private static double mostColumns(Map<TableKey, TableSchema> schemas) {
        return schemas.values().stream()
                .mapToInt(schema -> schema.columns().size())
                .max()
                .orElse(0);
    }

    /// Whether a table of this namespace is known here, without asking the catalog.
    public boolean isKnown(NamespaceName namespace) {
        return namespaces.contains(namespace);
    }

    /// Whether this table is known here, without asking the catalog.
    public boolean isKnown(NamespaceName namespace, TableName table) {
        return schemas.containsKey(new TableKey(namespace, table));
    }

    /// The schema as far as it is known here, without asking the catalog.
    public Optional<TableSchema> findCached(NamespaceName namespace, TableName table) {
        return Optional.ofNullable(schemas.get(new TableKey(namespace, table)));
    }

    /// The table's schema; empty if there is no such table, or was none a moment ago.
    public Optional<TableSchema> find(NamespaceName namespace, TableName table) throws IOException {
        TableKey key = new TableKey(namespace, table);
        return turns.take(key, () -> findRemembered(key), () -> ask(key));
    }

    /// What is known of a table: its schema, or that it was not there; empty if neither is.
    private Optional<Optional<TableSchema>> findRemembered(TableKey key) {
        TableSchema cached = schemas.get(key); // first: what was made since is no longer absent
        if (cached != null) {
            return Optional.of(Optional.of(cached));
        }
        return absent.find(key).isPresent() ? Optional.of(Optional.empty()) : Optional.empty();
    }

    private Optional<TableSchema> ask(TableKey key) throws IOException {
        Optional<TableSchema> found =
                catalog.findTable(key.namespace(), key.table()).map(this::keep);
        if (found.isEmpty()) {
            absent.remember(key, true);
        }
        return found;
    }

    /// Threads that wait for what another one asks the catalog.
    public int waiting() {
        return turns.waiting();
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
    /// @throws SchemaLimitException if there would be too many namespaces, tables or columns
    /// @throws SchemaConflictException if a column exists with another kind or type, or the table may not be
    ///     created
    /// @throws IOException if the catalog cannot answer
    public TableSchema resolve(NamespaceName namespace, DecodedTable table)
            throws SchemaConflictException, IOException {
        return resolve(namespace, table.table(), columns(table));
    }

    private static List<ColumnSchema> columns(DecodedTable table) {
        List<ColumnSchema> columns = new ArrayList<>(table.columns().size());
        for (DecodedColumn column : table.columns()) {
            columns.add(column.schema());
        }
        return columns;
    }

    /// As [#resolve(NamespaceName, DecodedTable)], but asks nobody: empty if the catalog would have to be.
    public Optional<TableSchema> tryResolve(NamespaceName namespace, DecodedTable table)
            throws SchemaConflictException {
        return tryResolve(namespace, table.table(), columns(table));
    }

    /// The same for rows that have these columns.
    public Optional<TableSchema> tryResolve(NamespaceName namespace, TableName table, List<ColumnSchema> columns)
            throws SchemaConflictException {
        TableKey key = new TableKey(namespace, table);
        TableSchema known = schemas.get(key);
        if (known != null) {
            return covers(known, columns) ? Optional.of(known) : Optional.empty();
        }
        Optional<SchemaLimit> limit = refused.find(key);
        if (limit.isPresent()) {
            throw limited(limit.get());
        }
        if (!createOnWrite && absent.find(key).isPresent()) {
            throw missing(key);
        }
        return Optional.empty();
    }

    /// As [#resolve(NamespaceName, DecodedTable)], for rows that have these columns. Of those who need the same table
    /// at the same time one asks the catalog.
    public TableSchema resolve(NamespaceName namespace, TableName table, List<ColumnSchema> columns)
            throws SchemaConflictException, IOException {
        TableKey key = new TableKey(namespace, table);
        return turns.take(key, () -> tryResolve(namespace, table, columns), () -> create(key, columns));
    }

    private TableSchema create(TableKey key, List<ColumnSchema> columns) throws SchemaConflictException, IOException {
        Optional<Optional<TableSchema>> remembered = findRemembered(key);
        Optional<TableSchema> known = remembered.isPresent() ? remembered.get() : ask(key);
        if (known.isPresent() && covers(known.get(), columns)) {
            return known.get();
        }
        if (known.isEmpty() && !createOnWrite) {
            throw missing(key);
        }
        try {
            return keep(catalog.ensureTable(key.namespace(), key.table(), columns, maxColumns));
        } catch (CatalogLimitException e) {
            SchemaLimit limit = new SchemaLimit(limit(e), String.valueOf(e.getMessage()));
            if (known.isEmpty()) {
                refused.remember(key, limit); // a table that is there may get other columns
            }
            throw limited(limit);
        } catch (CatalogConflictException e) {
            throw new SchemaConflictException(String.valueOf(e.getMessage()));
        }
    }

    private static SchemaConflictException missing(TableKey key) {
        return new SchemaConflictException("table '%s' does not exist in namespace '%s', and --create-on-write is false"
                .formatted(key.table(), key.namespace()));
    }

    private SchemaLimitException limited(SchemaLimit limit) {
        Objects.requireNonNull(refusals.get(limit.limit())).increment();
        return new SchemaLimitException(limit.limit(), limit.message());
    }

    private record SchemaLimit(Limit limit, String message) {}

    private static Limit limit(CatalogLimitException e) {
        return switch (e.limit()) {
            case NAMESPACES -> Limit.NAMESPACE_COUNT;
            case TABLES -> Limit.TABLE_COUNT;
            case COLUMNS -> Limit.COLUMN_COUNT;
        };
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
        namespaces.add(schema.namespace());
        absent.forget(new TableKey(schema.namespace(), schema.table()));
        // Two threads may bring two versions in either order; columns are only ever added, so the longer is the newer.
        return schemas.merge(
                new TableKey(schema.namespace(), schema.table()),
                schema,
                (kept, brought) -> brought.columns().size() > kept.columns().size() ? brought : kept);
    }

    private record TableKey(NamespaceName namespace, TableName table) {}
}
