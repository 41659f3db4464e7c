package io.sluice.persist.catalog;

import io.sluice.persist.store.Folders;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import org.sqlite.SQLiteErrorCode;
import org.sqlite.SQLiteException;

/// Makes a catalog of a file: new, old or as it should be. Refuses what is none, before anything in it is
/// changed.
final class SqliteFile {
    /// How often the journal's mode may be found in use: only openings of the same new file at once get there.
    private static final int MAX_ATTEMPTS = 20;

    private SqliteFile() {}

    /// Creates or migrates a catalog. Any number of processes may do so at once.
    static void prepare(Path file) throws IOException {
        Path folder = file.getParent();
        if (folder == null || (Files.exists(file) && !Files.isRegularFile(file))) {
            throw new CatalogException(
                    "catalog %s: expected a file or nothing, found a folder or device".formatted(file));
        }
        Folders.create(folder);
        try (Connection connection = SqliteSession.connect(file)) {
            // In one transaction: another process may be creating the catalog between one question and the next.
            SqliteSession.execute(connection, "BEGIN");
            requireOurs(file, connection);
            SqliteSession.execute(connection, "COMMIT");
            useWriteAheadLog(file, connection);
            SqliteSession.execute(connection, "BEGIN IMMEDIATE");
            migrate(connection, requireOurs(file, connection)); // again: now nobody else can change it
            SqliteSession.execute(connection, "COMMIT");
        } catch (SQLException e) {
            throw SqliteSession.failure(file, "open it", e);
        }
        Folders.sync(folder);
    }

    /// Checks that a file is a catalog which this version reads as it is.
    static void requireCurrent(Path file, Connection connection) throws SQLException, CatalogException {
        int version = requireOurs(file, connection);
        if (version < SchemaMigrations.VERSION) {
            throw new CatalogException(
                    "catalog %s: its schema is of version %d: expected %d; a start of the server brings it up to date"
                            .formatted(file, version, SchemaMigrations.VERSION));
        }
    }

    /// Returns the version of the schema, 0 for an empty database.
    private static int requireOurs(Path file, Connection connection) throws SQLException, CatalogException {
        int applicationId = pragma(connection, "application_id");
        int version = pragma(connection, "user_version");
        int objects = Sql.queryOne(connection, "SELECT COUNT(*) FROM sqlite_schema", row -> row.getInt(1))
                .orElseThrow();
        boolean isEmpty = applicationId == 0 && version == 0 && objects == 0;
        if (!isEmpty && applicationId != SchemaMigrations.APPLICATION_ID) {
            throw new CatalogException(
                    "catalog %s: the SQLite database is of another program: expected application id %08x, found %08x; choose another file"
                            .formatted(file, SchemaMigrations.APPLICATION_ID, applicationId));
        }
        if (version > SchemaMigrations.VERSION) {
            throw new CatalogException(
                    "catalog %s: its schema is of version %d, written by a newer Sluice: this one supports versions up to %d"
                            .formatted(file, version, SchemaMigrations.VERSION));
        }
        return version;
    }

    private static int pragma(Connection connection, String name) throws SQLException {
        return Sql.queryOne(connection, "PRAGMA " + name, row -> row.getInt(1)).orElseThrow();
    }

    private static void useWriteAheadLog(Path file, Connection connection) throws SQLException, CatalogException {
        for (int attempt = 1; ; attempt++) {
            try {
                String mode = Sql.queryOne(connection, "PRAGMA journal_mode = WAL", row -> row.getString(1))
                        .orElseThrow();
                if (!mode.equals("wal")) {
                    throw new CatalogException(
                            "catalog %s: expected journal mode wal, found %s: the file system has no shared memory; choose a local disk"
                                    .formatted(file, mode));
                }
                return;
            } catch (SQLiteException e) {
                if (attempt == MAX_ATTEMPTS || (e.getResultCode().code & 0xff) != SQLiteErrorCode.SQLITE_BUSY.code) {
                    throw e;
                }
                awaitOtherWriters(connection);
            }
        }
    }

    /// The change of mode does not wait for locks, a transaction does.
    private static void awaitOtherWriters(Connection connection) throws SQLException {
        SqliteSession.execute(connection, "BEGIN IMMEDIATE");
        SqliteSession.execute(connection, "COMMIT");
    }

    private static void migrate(Connection connection, int version) throws SQLException {
        for (int step = version; step < SchemaMigrations.VERSION; step++) {
            for (String statement : SchemaMigrations.STEPS.get(step)) {
                SqliteSession.execute(connection, statement);
            }
        }
        if (version < SchemaMigrations.VERSION) {
            SqliteSession.execute(connection, "PRAGMA application_id = " + SchemaMigrations.APPLICATION_ID);
            SqliteSession.execute(connection, "PRAGMA user_version = " + SchemaMigrations.VERSION);
        }
    }
}
