package io.sluice.persist.catalog;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteDataSource;
import org.sqlite.SQLiteErrorCode;
import org.sqlite.SQLiteException;

/// One connection to a SQLite file, used by one thread at a time, and the transactions on it. What they may do is the
/// session's mode, not the caller's word.
///
/// A connection whose transaction could not be ended cleanly is thrown away; the next transaction opens another
/// one.
final class SqliteSession implements AutoCloseable {
    /// What the session's transactions may do.
    enum Mode {
        READ("BEGIN"),
        /// Takes the write lock at once, so that a transaction never fails in its middle because another one
        /// wrote.
        WRITE("BEGIN IMMEDIATE"),
        /// Like READ, over a connection that changes nothing, not even the files beside the database.
        LOOK("BEGIN");

        private final String begin;

        Mode(String begin) {
            this.begin = begin;
        }
    }

    /// How long another process (`sluice gc`) may hold the file's write lock before a transaction gives up.
    static final Duration BUSY_TIMEOUT = Duration.ofSeconds(10);

    /// How long other threads of this process may keep a thread waiting before it gives up: several busy
    /// timeouts.
    static final Duration TURN_TIMEOUT = Duration.ofSeconds(60);

    private static final Logger LOG = LoggerFactory.getLogger(SqliteSession.class);

    private final Path file;
    private final Mode mode;
    private final ReentrantLock turn = new ReentrantLock();
    private Optional<Connection> open = Optional.empty(); // guarded by turn
    private boolean isImmutable; // what is open; guarded by turn
    private boolean closed; // guarded by turn

    SqliteSession(Path file, Mode mode) {
        this.file = file;
        this.mode = mode;
    }

    /// Runs work in a transaction, which is durable when this returns and undone when it throws; if only the
    /// commit failed, it may be either.
    ///
    /// @param doing what the work does, for the error: "record file 'a'"
    /// @throws CatalogException if the database cannot answer
    /// @throws CatalogConflictException what the work says
    <T> T run(String doing, CatalogSession.Work<T> work) throws IOException {
        awaitTurn(doing);
        try {
            return runInTurn(work);
        } catch (SQLException e) {
            throw failure(doing, e);
        } catch (IllegalArgumentException e) {
            // The values that callers hand in were checked by their types; so this one came from the file.
            throw new CatalogException(
                    "catalog %s: cannot %s: it holds a value unknown to this version: %s"
                            .formatted(file, doing, e.getMessage()),
                    e);
        } finally {
            turn.unlock();
        }
    }

    private void awaitTurn(String doing) throws CatalogException {
        boolean interrupted = Thread.interrupted();
        boolean held;
        try {
            held = turn.tryLock(TURN_TIMEOUT.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CatalogException(
                    "catalog %s: interrupted while waiting to %s; nothing was changed".formatted(file, doing), e);
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
        if (!held) {
            throw new CatalogException("catalog %s: waited %d s for other threads to be done, and gave up to %s"
                    .formatted(file, TURN_TIMEOUT.toSeconds(), doing));
        }
    }

    private <T> T runInTurn(CatalogSession.Work<T> work) throws SQLException, IOException {
        Connection connection = connection();
        boolean ended = false;
        try {
            execute(connection, mode.begin);
            T result = work.run(connection);
            execute(connection, "COMMIT");
            ended = true;
            return result;
        } finally {
            if (!ended) {
                rollBack(connection);
            }
        }
    }

    private Connection connection() throws SQLException {
        if (closed) {
            throw new SQLException("it is closed");
        }
        if (open.isPresent() && isImmutable && !isAtRest()) {
            // Somebody has begun to use it: from now on what is new is not in the file.
            open.get().close();
            open = Optional.empty();
        }
        if (open.isEmpty()) {
            isImmutable = mode == Mode.LOOK && isAtRest();
            open = Optional.of(mode == Mode.LOOK ? connectToLook(file, isImmutable) : connect(file));
        }
        return open.get();
    }

    private void rollBack(Connection connection) {
        try {
            execute(connection, "ROLLBACK");
        } catch (SQLException e) {
            // SQLite may have rolled back by itself, or the connection is broken: a new one is right in both cases.
            LOG.debug("catalog {}: opening a new connection", file, e);
            open = Optional.empty();
            try {
                connection.close();
            } catch (SQLException closing) {
                LOG.warn("catalog {}: cannot close a broken connection", file, closing);
            }
        }
    }

    /// Opens a connection of our settings. The caller closes it.
    static Connection connect(Path file) throws SQLException {
        var config = new SQLiteConfig();
        config.setBusyTimeout(Math.toIntExact(BUSY_TIMEOUT.toMillis()));
        config.setSynchronous(SQLiteConfig.SynchronousMode.FULL);
        config.enforceForeignKeys(true);
        return connect(config, file, "");
    }

    /// Opens a connection that only reads. The caller closes it.
    ///
    /// @param isImmutable whether all is in the file
    private static Connection connectToLook(Path file, boolean isImmutable) throws SQLException {
        var config = new SQLiteConfig();
        config.setBusyTimeout(Math.toIntExact(BUSY_TIMEOUT.toMillis()));
        config.setReadOnly(true);
        return connect(config, file, isImmutable ? "?immutable=1" : "");
    }

    /// Whether all is in the file. From a process's first transaction on until it closes the catalog, and after a
    /// crash, there is a log of changes beside it. Without one, SQLite need not make it and its index only to
    /// read: the folder may be another's.
    private boolean isAtRest() {
        return !Files.exists(Path.of(file + "-wal")) && !Files.exists(Path.of(file + "-journal"));
    }

    private static Connection connect(SQLiteConfig config, Path file, String parameters) throws SQLException {
        var source = new SQLiteDataSource(config);
        // As a URI, so that a question mark in a path is no beginning of parameters.
        source.setUrl("jdbc:sqlite:" + file.toUri().toASCIIString() + parameters);
        return source.getConnection();
    }

    static void execute(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private CatalogException failure(String doing, SQLException e) {
        return failure(file, doing, e);
    }

    /// Says in words what a code of SQLite means for whoever has to do something about it.
    static CatalogException failure(Path file, String doing, SQLException e) {
        SQLiteErrorCode code =
                e instanceof SQLiteException sqlite ? sqlite.getResultCode() : SQLiteErrorCode.UNKNOWN_ERROR;
        // The low byte is the primary code; the rest says more than we tell apart.
        int primary = code.code & 0xff;
        String hint = "";
        if (code != SQLiteErrorCode.UNKNOWN_ERROR) {
            if (primary == SQLiteErrorCode.SQLITE_NOTADB.code) {
                hint = ": expected a SQLite database, found something else; restore the file, or move it away";
            } else if (primary == SQLiteErrorCode.SQLITE_CORRUPT.code) {
                hint = ": the file is damaged; restore it from a backup";
            } else if (primary == SQLiteErrorCode.SQLITE_BUSY.code) {
                hint = ": another process held it for longer than %d s".formatted(BUSY_TIMEOUT.toSeconds());
            }
        }
        return new CatalogException("catalog %s: cannot %s: %s%s".formatted(file, doing, e.getMessage(), hint), e);
    }

    /// Waits for the transaction under way. Closing twice is fine.
    @Override
    public void close() throws IOException {
        awaitTurn("close it");
        try {
            closed = true;
            if (open.isPresent()) {
                open.get().close();
                open = Optional.empty();
            }
        } catch (SQLException e) {
            throw failure("close it", e);
        } finally {
            turn.unlock();
        }
    }
}
