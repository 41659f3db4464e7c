package io.sluice.persist.catalog;

import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionId;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// A look into a catalog that changes nothing: nothing is created, no schema brought up to date. What it tells is
/// true at the moment of the call. Any thread may call any method.
public final class CatalogView implements AutoCloseable {
    private final CatalogSession session;

    /// @param session is the view's to close
    CatalogView(CatalogSession session) {
        this.session = session;
    }

    /// All namespaces, by name.
    public List<NamespaceName> namespaces() throws IOException {
        return session.read("list namespaces", SchemaStatements::namespaces);
    }

    /// A page of files, by the names of their objects.
    public List<FileRecord> files(FileQuery query) throws IOException {
        return session.read(
                "list files of namespace '%s'".formatted(query.namespace()),
                connection -> FileStatements.files(connection, query));
    }

    /// The names of all recorded objects.
    public Set<String> objectNames() throws IOException {
        return session.read("list recorded objects", FileStatements::objectNames);
    }

    /// The table's schema; empty if there is no such table.
    public Optional<TableSchema> findTable(NamespaceName namespace, TableName table) throws IOException {
        return session.read(
                "find table '%s' in namespace '%s'".formatted(table, namespace),
                connection -> SchemaStatements.findTable(connection, namespace, table));
    }

    /// Up to which write of an ingester a partition is in files; [SequenceNumber#NONE] if it never persisted.
    public SequenceNumber persistedThrough(IngesterId ingester, PartitionId partition) throws IOException {
        return session.read(
                "read how far partition '%s' of table %s is in files".formatted(partition.key(), partition.tableId()),
                connection -> FileStatements.persistedThrough(connection, ingester, partition));
    }

    @Override
    public void close() throws IOException {
        session.close();
    }
}
