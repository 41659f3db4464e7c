package io.sluice.persist.catalog;

import io.sluice.persist.catalog.CatalogSession.Lock;
import java.io.IOException;

/// The catalog in a schema of a PostgreSQL database, for all ingesters of a fleet.
///
/// Transactions are short, at "read committed"; what a change must not meet is excluded by locks that end with it: one
/// of the database for schemas, one for each partition's progress, and the row with an ingester's epoch. So ingesters
/// record their files side by side, and fail one another never, where "serializable" would have them retry over the few
/// pages of small tables.
final class PostgresCatalog {
    private PostgresCatalog() {}

    /// Opens a catalog, and creates its schema and tables where they are missing.
    ///
    /// @throws CatalogException if the database cannot be used; says why in one line
    static Catalog open(PostgresAddress address, CatalogContext context) throws IOException {
        PostgresSession session = PostgresSession.open(address, context, PostgresSession.Mode.CHANGE);
        boolean done = false;
        try {
            session.change("create or migrate its tables", Lock.SCHEMA, connection -> {
                PostgresSchema.migrate(connection, address);
                return true;
            });
            done = true;
            return new SqlCatalog(session, context.clock(), context.limits());
        } finally {
            if (!done) {
                session.close();
            }
        }
    }

    /// Looks into a catalog, and changes nothing.
    ///
    /// @throws CatalogException if there is none, or it is not of this version
    static CatalogSession look(PostgresAddress address, CatalogContext context) throws IOException {
        PostgresSession session = PostgresSession.open(address, context, PostgresSession.Mode.LOOK);
        boolean done = false;
        try {
            session.read("open it", connection -> {
                PostgresSchema.requireCurrent(connection, address);
                return true;
            });
            done = true;
            return session;
        } finally {
            if (!done) {
                session.close();
            }
        }
    }
}
