package io.sluice.persist.catalog;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;

/// The tables of a PostgreSQL catalog, as steps from each version to the next. They are those of [SchemaMigrations],
/// which says what is in them, in a schema of their own, and `catalog_version` with one row. A step that was released
/// is never changed.
final class PostgresSchema {
    /// Step i leads from version i to version i + 1; version 0 is an empty schema.
    static final List<List<String>> STEPS = List.of(List.of("""
            CREATE TABLE namespaces (
              id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
              name TEXT COLLATE "C" NOT NULL UNIQUE,
              template TEXT COLLATE "C" NOT NULL,
              created_at_ns BIGINT NOT NULL
            )""", """
            CREATE TABLE tables (
              id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
              namespace_id BIGINT NOT NULL REFERENCES namespaces (id),
              name TEXT COLLATE "C" NOT NULL,
              created_at_ns BIGINT NOT NULL,
              UNIQUE (namespace_id, name)
            )""", """
            CREATE TABLE columns (
              table_id BIGINT NOT NULL REFERENCES tables (id),
              position BIGINT NOT NULL,
              name TEXT COLLATE "C" NOT NULL,
              kind TEXT COLLATE "C" NOT NULL,
              type TEXT COLLATE "C" NOT NULL,
              PRIMARY KEY (table_id, position),
              UNIQUE (table_id, name)
            )""", """
            CREATE TABLE sort_keys (
              table_id BIGINT NOT NULL,
              position BIGINT NOT NULL,
              tag TEXT COLLATE "C" NOT NULL,
              PRIMARY KEY (table_id, position),
              UNIQUE (table_id, tag),
              FOREIGN KEY (table_id, tag) REFERENCES columns (table_id, name)
            )""", """
            CREATE TABLE ingesters (
              id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
              epoch BIGINT NOT NULL,
              registered_at_ns BIGINT NOT NULL
            )""", """
            CREATE TABLE progress (
              ingester_id TEXT COLLATE "C" NOT NULL REFERENCES ingesters (id),
              table_id BIGINT NOT NULL REFERENCES tables (id),
              partition_key TEXT COLLATE "C" NOT NULL,
              persisted_through BIGINT NOT NULL,
              PRIMARY KEY (ingester_id, table_id, partition_key)
            )""", """
            CREATE TABLE files (
              object_name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
              table_id BIGINT NOT NULL REFERENCES tables (id),
              partition_key TEXT COLLATE "C" NOT NULL,
              ingester_id TEXT COLLATE "C" NOT NULL REFERENCES ingesters (id),
              min_sequence BIGINT NOT NULL,
              max_sequence BIGINT NOT NULL,
              row_count BIGINT NOT NULL,
              size_bytes BIGINT NOT NULL,
              min_time_ns BIGINT NOT NULL,
              max_time_ns BIGINT NOT NULL,
              created_at_ns BIGINT NOT NULL
            )""", """
            CREATE UNIQUE INDEX files_of_partition
              ON files (table_id, partition_key, ingester_id, min_sequence)"""));

    /// The version that this program reads and writes.
    static final int VERSION = STEPS.size();

    private static final String APPLICATION = "sluice";
    private static final String FIND_SCHEMA = "SELECT count(*) AS n FROM pg_namespace WHERE nspname = ?";
    private static final String COUNT_TABLES =
            "SELECT count(*) AS n FROM pg_tables WHERE schemaname = ? AND tablename <> 'catalog_version'";
    private static final String COUNT_VERSION_TABLES =
            "SELECT count(*) AS n FROM pg_tables WHERE schemaname = ? AND tablename = 'catalog_version'";
    private static final String CREATE_VERSION = """
            CREATE TABLE catalog_version (
              application TEXT COLLATE "C" NOT NULL PRIMARY KEY,
              version BIGINT NOT NULL
            )""";
    private static final String VERSION_FOUND = "SELECT version FROM catalog_version WHERE application = ?";
    private static final String SET_VERSION = """
            INSERT INTO catalog_version (application, version) VALUES (?, ?)
            ON CONFLICT (application) DO UPDATE SET version = excluded.version""";

    private PostgresSchema() {}

    /// Creates what is missing, in a transaction that excludes others of its kind.
    static void migrate(Connection connection, PostgresAddress address) throws SQLException, CatalogException {
        if (count(connection, FIND_SCHEMA, address.schema()) == 0) {
            // As a text of its own: a schema's name is no argument. It was checked to be a plain one.
            Sql.update(connection, "CREATE SCHEMA \"%s\"".formatted(address.schema()));
        }
        long version = version(connection, address);
        if (version == VERSION) {
            return;
        }
        if (version == 0) {
            Sql.update(connection, CREATE_VERSION);
        }
        for (int step = Math.toIntExact(version); step < VERSION; step++) {
            for (String statement : STEPS.get(step)) {
                Sql.update(connection, statement);
            }
        }
        Sql.update(connection, SET_VERSION, APPLICATION, VERSION);
    }

    /// Checks that the schema is a catalog which this version reads as it is.
    static void requireCurrent(Connection connection, PostgresAddress address) throws SQLException, CatalogException {
        long version = version(connection, address);
        if (version < VERSION) {
            throw new CatalogException(
                    version == 0
                            ? "catalog %s: there is none: expected the schema '%s' of a server that was started once"
                                    .formatted(address, address.schema())
                            : "catalog %s: its schema is of version %d: expected %d; a start of the server brings it up to date"
                                    .formatted(address, version, VERSION));
        }
    }

    /// Returns the version, 0 if there is nothing.
    private static long version(Connection connection, PostgresAddress address) throws SQLException, CatalogException {
        if (count(connection, COUNT_VERSION_TABLES, address.schema()) == 0) {
            long others = count(connection, COUNT_TABLES, address.schema());
            if (others > 0) {
                throw new CatalogException(
                        "catalog %s: the schema '%s' is of another program: expected none or an empty one, found %d tables; choose another one with ?currentSchema=NAME"
                                .formatted(address, address.schema(), others));
            }
            return 0;
        }
        long version = Sql.queryOne(connection, VERSION_FOUND, row -> row.getLong("version"), APPLICATION)
                .orElseThrow(() -> new CatalogException(
                        "catalog %s: table catalog_version has no row of '%s': it is another program's, or damaged"
                                .formatted(address, APPLICATION)));
        if (version > VERSION) {
            throw new CatalogException(
                    "catalog %s: its schema is of version %d, written by a newer Sluice: this one supports versions up to %d"
                            .formatted(address, version, VERSION));
        }
        return version;
    }

    private static long count(Connection connection, String sql, String argument) throws SQLException {
        return Sql.queryOne(connection, sql, row -> row.getLong("n"), argument).orElseThrow();
    }
}
