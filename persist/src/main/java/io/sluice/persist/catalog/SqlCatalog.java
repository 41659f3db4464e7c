package io.sluice.persist.catalog;

import io.sluice.model.ColumnSchema;
import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionId;
import io.sluice.model.PartitionKey;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SequenceNumber;
import io.sluice.model.SortKey;
import io.sluice.model.TableId;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.persist.catalog.CatalogSession.Lock;
import java.io.IOException;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/// The catalog in a database: which statements belong together, and what they exclude.
final class SqlCatalog implements Catalog {
    private final CatalogSession session;
    private final InstantSource clock;
    private final Supplier<CatalogLimits> limits;

    /// @param session is the catalog's to close
    SqlCatalog(CatalogSession session, InstantSource clock, Supplier<CatalogLimits> limits) {
        this.session = session;
        this.clock = clock;
        this.limits = limits;
    }

    @Override
    public List<NamespaceName> namespaces() throws IOException {
        return session.read("list namespaces", SchemaStatements::namespaces);
    }

    @Override
    public Optional<PartitionTemplate> findNamespace(NamespaceName namespace) throws IOException {
        return session.read(
                "find namespace '%s'".formatted(namespace),
                connection -> SchemaStatements.findNamespace(connection, namespace));
    }

    @Override
    public void createNamespace(NamespaceName namespace, PartitionTemplate template) throws IOException {
        session.change("create namespace '%s'".formatted(namespace), Lock.SCHEMA, connection -> {
            SchemaStatements.createNamespace(connection, namespace, template, limits.get(), clock.instant());
            return Done.DONE;
        });
    }

    @Override
    public List<TableSchema> tables(NamespaceName namespace) throws IOException {
        return session.read(
                "list tables of namespace '%s'".formatted(namespace),
                connection -> SchemaStatements.tables(connection, namespace));
    }

    @Override
    public Optional<TableSchema> findTable(NamespaceName namespace, TableName table) throws IOException {
        return session.read(
                "find table '%s' in namespace '%s'".formatted(table, namespace),
                connection -> SchemaStatements.findTable(connection, namespace, table));
    }

    @Override
    public TableSchema ensureTable(NamespaceName namespace, TableName table, List<ColumnSchema> columns, int maxColumns)
            throws IOException {
        return session.change(
                "create or extend table '%s' in namespace '%s'".formatted(table, namespace),
                Lock.SCHEMA,
                connection -> SchemaStatements.ensureTable(
                        connection, namespace, table, columns, maxColumns, limits.get(), clock.instant()));
    }

    @Override
    public SortKey sortKey(TableId table) throws IOException {
        return session.read(
                "read the sort key of table %s".formatted(table),
                connection -> SchemaStatements.sortKey(connection, table));
    }

    @Override
    public SortKey compareAndSetSortKey(TableId table, SortKey expected, SortKey update) throws IOException {
        if (!update.extendsOrEquals(expected)) {
            throw new IllegalArgumentException(
                    "sort key %s does not extend %s".formatted(update.tags(), expected.tags()));
        }
        return session.change(
                "set the sort key of table %s".formatted(table),
                Lock.SCHEMA,
                connection -> SchemaStatements.compareAndSetSortKey(connection, table, expected, update));
    }

    @Override
    public Registration registerIngester(IngesterId ingester) throws IOException {
        return session.change(
                "register ingester %s".formatted(ingester),
                new Lock("ingester/" + ingester),
                connection -> FileStatements.registerIngester(connection, ingester, clock.instant()));
    }

    @Override
    public SequenceNumber persistedThrough(IngesterId ingester, PartitionId partition) throws IOException {
        return session.read(
                "read how far partition '%s' of table %s is in files".formatted(partition.key(), partition.tableId()),
                connection -> FileStatements.persistedThrough(connection, ingester, partition));
    }

    @Override
    public void recordFile(FileRecord file, long epoch) throws IOException {
        Sql.requireEpochNanos("createdAt", file.createdAt());
        session.change("record file '%s'".formatted(file.objectName()), progressOf(file), connection -> {
            FileStatements.recordFile(connection, file, epoch, session.sharedRowLock());
            return Done.DONE;
        });
    }

    /// Two processes of one ingester cannot both record: the epoch says which. So this keeps apart what one process
    /// asks twice, as after a lost reply.
    private static Lock progressOf(FileRecord file) {
        return new Lock("progress/%s/%s/%s"
                .formatted(
                        file.ingester(),
                        file.partition().tableId(),
                        file.partition().key()));
    }

    @Override
    public List<FileRecord> files(NamespaceName namespace, TableName table) throws IOException {
        return session.read(
                "list files of table '%s' in namespace '%s'".formatted(table, namespace),
                connection -> FileStatements.files(connection, namespace, table));
    }

    @Override
    public List<FileRecord> files(FileQuery query) throws IOException {
        return session.read(
                "list files of namespace '%s'".formatted(query.namespace()),
                connection -> FileStatements.files(connection, query));
    }

    @Override
    public List<PartitionSummary> partitions(
            NamespaceName namespace, TableName table, Optional<PartitionKey> after, int limit) throws IOException {
        return session.read(
                "list partitions of table '%s' in namespace '%s'".formatted(table, namespace),
                connection -> FileStatements.partitions(connection, namespace, table, after, limit));
    }

    @Override
    public Set<String> objectNames() throws IOException {
        return session.read("list recorded objects", FileStatements::objectNames);
    }

    @Override
    public void close() throws IOException {
        session.close();
    }

    /// What a transaction returns that has nothing to say.
    private enum Done {
        DONE
    }
}
