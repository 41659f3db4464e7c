package io.sluice.persist.catalog;

import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.function.Supplier;

/// The catalog in one SQLite file, for the ingesters of one machine; several processes may open it.
///
/// Writes take turns on one connection, reads on another: a read sees all that was committed when it began and
/// does not wait for a write. The journal is a write-ahead log, synced by each commit, so a change that was
/// reported survives a loss of power. A thread that is interrupted finishes its transaction, or gives up before
/// it began.
///
/// Calls block on the disk inside native code, which pins a virtual thread to its carrier.
public final class SqliteCatalog {
    private SqliteCatalog() {}

    /// Opens a catalog. The file and its folders are created if they are missing; an older schema is brought up
    /// to date.
    ///
    /// @param clock says when something was created
    /// @throws CatalogException if the file is no catalog, is damaged, or is of a newer version than this
    ///     program
    public static Catalog open(Path file, InstantSource clock) throws IOException {
        return open(file, clock, () -> CatalogLimits.DEFAULT);
    }

    static Catalog open(Path file, InstantSource clock, Supplier<CatalogLimits> limits) throws IOException {
        Path absolute = file.toAbsolutePath().normalize();
        SqliteFile.prepare(absolute);
        return new SqlCatalog(
                new Sessions(
                        new SqliteSession(absolute, SqliteSession.Mode.READ),
                        new SqliteSession(absolute, SqliteSession.Mode.WRITE)),
                clock,
                limits);
    }

    /// Looks into a catalog, and changes nothing.
    static CatalogSession look(Path file) {
        SqliteSession session = new SqliteSession(file, SqliteSession.Mode.LOOK);
        return new Sessions(session, session);
    }

    /// Changes take turns by themselves: SQLite has one writer.
    private record Sessions(SqliteSession reader, SqliteSession writer) implements CatalogSession {
        @Override
        public <T> T read(String doing, Work<T> work) throws IOException {
            return reader.run(doing, work);
        }

        @Override
        public <T> T change(String doing, Lock lock, Work<T> work) throws IOException {
            return writer.run(doing, work);
        }

        @Override
        public String sharedRowLock() {
            return "";
        }

        @Override
        public void close() throws IOException {
            try (reader) {
                writer.close();
            }
        }
    }
}
