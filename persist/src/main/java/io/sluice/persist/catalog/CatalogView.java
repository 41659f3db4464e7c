package io.sluice.persist.catalog;

import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionId;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/// A look into a catalog's SQLite file that changes nothing: no file is created, no schema brought up to date. What it
/// tells is true at the moment of the call. Any thread may call any method.
public final class CatalogView implements AutoCloseable {
    private final SqliteSession session;

    private CatalogView(SqliteSession session) {
        this.session = session;
    }

    static CatalogView open(Path file) throws IOException {
        Path absolute = file.toAbsolutePath().normalize();
        if (!Files.isRegularFile(absolute)) {
            throw new CatalogException("catalog %s: there is no such file".formatted(absolute));
        }
        SqliteSession session = new SqliteSession(absolute, SqliteSession.Mode.LOOK);
        boolean done = false;
        try {
            session.run("open it", connection -> {
                SqliteFile.requireCurrent(absolute, connection);
                return true;
            });
            done = true;
            return new CatalogView(session);
        } finally {
            if (!done) {
                session.close();
            }
        }
    }

    /// The table's schema; empty if there is no such table.
    public Optional<TableSchema> findTable(NamespaceName namespace, TableName table) throws IOException {
        return session.run(
                "find table '%s' in namespace '%s'".formatted(table, namespace),
                connection -> SchemaStatements.findTable(connection, namespace, table));
    }

    /// Up to which write of an ingester a partition is in files; [SequenceNumber#NONE] if it never persisted.
    public SequenceNumber persistedThrough(IngesterId ingester, PartitionId partition) throws IOException {
        return session.run(
                "read how far partition '%s' of table %s is in files".formatted(partition.key(), partition.tableId()),
                connection -> FileStatements.persistedThrough(connection, ingester, partition));
    }

    @Override
    public void close() throws IOException {
        session.close();
    }
}
