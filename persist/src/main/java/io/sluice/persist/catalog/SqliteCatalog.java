package io.sluice.persist.catalog;

import io.sluice.model.ColumnSchema;
import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionId;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SequenceNumber;
import io.sluice.model.SortKey;
import io.sluice.model.TableId;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// The catalog in one SQLite file, for the ingesters of one machine; several processes may open it.
///
/// Writes take turns on one connection, reads on another: a read sees all that was committed when it began and
/// does not wait for a write. The journal is a write-ahead log, synced by each commit, so a change that was
/// reported survives a loss of power. A thread that is interrupted finishes its transaction, or gives up before
/// it began.
///
/// Calls block on the disk inside native code, which pins a virtual thread to its carrier.
public final class SqliteCatalog implements Catalog {
    private final SqliteSession reader;
    private final SqliteSession writer;
    private final InstantSource clock;
    private final CatalogLimits limits;

    private SqliteCatalog(SqliteSession reader, SqliteSession writer, InstantSource clock, CatalogLimits limits) {
        this.reader = reader;
        this.writer = writer;
        this.clock = clock;
        this.limits = limits;
    }

    /// Opens a catalog. The file and its folders are created if they are missing; an older schema is brought up
    /// to date.
    ///
    /// @param clock says when something was created
    /// @throws CatalogException if the file is no catalog, is damaged, or is of a newer version than this
    ///     program
    public static SqliteCatalog open(Path file, InstantSource clock) throws IOException {
        return open(file, clock, CatalogLimits.DEFAULT);
    }

    static SqliteCatalog open(Path file, InstantSource clock, CatalogLimits limits) throws IOException {
        Path absolute = file.toAbsolutePath().normalize();
        SqliteFile.prepare(absolute);
        return new SqliteCatalog(
                new SqliteSession(absolute, SqliteSession.Mode.READ),
                new SqliteSession(absolute, SqliteSession.Mode.WRITE),
                clock,
                limits);
    }

    @Override
    public List<NamespaceName> namespaces() throws IOException {
        return reader.run("list namespaces", SchemaStatements::namespaces);
    }

    @Override
    public Optional<PartitionTemplate> findNamespace(NamespaceName namespace) throws IOException {
        return reader.run(
                "find namespace '%s'".formatted(namespace),
                connection -> SchemaStatements.findNamespace(connection, namespace));
    }

    @Override
    public void createNamespace(NamespaceName namespace, PartitionTemplate template) throws IOException {
        writer.run("create namespace '%s'".formatted(namespace), connection -> {
            SchemaStatements.createNamespace(connection, namespace, template, limits, clock.instant());
            return Done.DONE;
        });
    }

    @Override
    public List<TableSchema> tables(NamespaceName namespace) throws IOException {
        return reader.run(
                "list tables of namespace '%s'".formatted(namespace),
                connection -> SchemaStatements.tables(connection, namespace));
    }

    @Override
    public Optional<TableSchema> findTable(NamespaceName namespace, TableName table) throws IOException {
        return reader.run(
                "find table '%s' in namespace '%s'".formatted(table, namespace),
                connection -> SchemaStatements.findTable(connection, namespace, table));
    }

    @Override
    public TableSchema ensureTable(NamespaceName namespace, TableName table, List<ColumnSchema> columns, int maxColumns)
            throws IOException {
        return writer.run(
                "create or extend table '%s' in namespace '%s'".formatted(table, namespace),
                connection -> SchemaStatements.ensureTable(
                        connection, namespace, table, columns, maxColumns, limits, clock.instant()));
    }

    @Override
    public SortKey sortKey(TableId table) throws IOException {
        return reader.run(
                "read the sort key of table %s".formatted(table),
                connection -> SchemaStatements.sortKey(connection, table));
    }

    @Override
    public SortKey compareAndSetSortKey(TableId table, SortKey expected, SortKey update) throws IOException {
        if (!update.extendsOrEquals(expected)) {
            throw new IllegalArgumentException(
                    "sort key %s does not extend %s".formatted(update.tags(), expected.tags()));
        }
        return writer.run(
                "set the sort key of table %s".formatted(table),
                connection -> SchemaStatements.compareAndSetSortKey(connection, table, expected, update));
    }

    @Override
    public Registration registerIngester(IngesterId ingester) throws IOException {
        return writer.run(
                "register ingester %s".formatted(ingester),
                connection -> FileStatements.registerIngester(connection, ingester, clock.instant()));
    }

    @Override
    public SequenceNumber persistedThrough(IngesterId ingester, PartitionId partition) throws IOException {
        return reader.run(
                "read how far partition '%s' of table %s is in files".formatted(partition.key(), partition.tableId()),
                connection -> FileStatements.persistedThrough(connection, ingester, partition));
    }

    @Override
    public void recordFile(FileRecord file, long epoch) throws IOException {
        Sql.requireEpochNanos("createdAt", file.createdAt());
        writer.run("record file '%s'".formatted(file.objectName()), connection -> {
            FileStatements.recordFile(connection, file, epoch);
            return Done.DONE;
        });
    }

    @Override
    public List<FileRecord> files(NamespaceName namespace, TableName table) throws IOException {
        return reader.run(
                "list files of table '%s' in namespace '%s'".formatted(table, namespace),
                connection -> FileStatements.files(connection, namespace, table));
    }

    @Override
    public Set<String> objectNames() throws IOException {
        return reader.run("list recorded objects", FileStatements::objectNames);
    }

    @Override
    public void close() throws IOException {
        try (reader) {
            writer.close();
        }
    }

    /// What a transaction returns that has nothing to say.
    private enum Done {
        DONE
    }
}
