package io.sluice.persist.catalog;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.pool.HikariPool.PoolInitializationException;
import io.sluice.persist.retry.Backoff;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Transactions on a pool of connections to PostgreSQL.
///
/// A transaction that the database undid because of others, or whose connection broke, is run again, a few times: all
/// work may be run again, so whoever does not know whether a commit was made finds out by looking.
final class PostgresSession implements CatalogSession {
    /// What the session's transactions may do.
    enum Mode {
        CHANGE,
        LOOK
    }

    /// Undone because of others; or, in a race, the row is there that was not.
    private static final Set<String> UNDONE = Set.of("40001", "40P01", "23505", "55P03");

    /// Connection exceptions, a server that shuts down or starts: all of the classes 08 and 57P.
    private static final String BROKEN = "08";

    private static final String SHUTTING_DOWN = "57P";

    /// Ten ingesters share a server of the default hundred connections.
    static final int MAX_CONNECTIONS = 8;

    /// As many as there may be in a row before the caller hears of it.
    static final int MAX_ATTEMPTS = 8;

    /// So many connections that break in a row are the server's fault. One alone may be of before the server was
    /// restarted.
    static final int MAX_BROKEN = 2;

    /// How long a call waits for a connection, to be opened or given back. Writes that need something new wait with it.
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);

    /// How long one statement's answer may take.
    private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(60);

    private static final String LOCK = "SELECT pg_advisory_xact_lock(?) IS NULL AS locked";
    private static final Logger LOG = LoggerFactory.getLogger(PostgresSession.class);

    private final PostgresAddress address;
    private final Mode mode;
    private final HikariDataSource pool;
    private final CatalogContext context;
    private final Backoff backoff;

    private PostgresSession(PostgresAddress address, Mode mode, HikariDataSource pool, CatalogContext context) {
        this.address = address;
        this.mode = mode;
        this.pool = pool;
        this.context = context;
        this.backoff = new Backoff(Duration.ofMillis(20), Duration.ofSeconds(1), context.random());
    }

    /// Connects.
    ///
    /// @throws CatalogException if that fails; says why in one line
    static PostgresSession open(PostgresAddress address, CatalogContext context, Mode mode) throws CatalogException {
        HikariConfig config = new HikariConfig();
        config.setPoolName("catalog");
        config.setJdbcUrl(address.jdbcUrl());
        address.user().ifPresent(config::setUsername);
        address.password().ifPresent(config::setPassword);
        config.addDataSourceProperty("ApplicationName", "sluice");
        config.addDataSourceProperty("connectTimeout", CONNECT_TIMEOUT.toSeconds());
        config.addDataSourceProperty("loginTimeout", CONNECT_TIMEOUT.toSeconds());
        config.addDataSourceProperty("socketTimeout", ANSWER_TIMEOUT.toSeconds());
        config.addDataSourceProperty("tcpKeepAlive", "true");
        if (address.hasSeveralHosts() && mode == Mode.CHANGE) {
            config.addDataSourceProperty("targetServerType", "primary");
        }
        address.parameters().forEach(config::addDataSourceProperty);
        config.setConnectionInitSql(settings(address.schema()));
        config.setMaximumPoolSize(mode == Mode.LOOK ? 1 : MAX_CONNECTIONS);
        config.setMinimumIdle(1);
        config.setConnectionTimeout(CONNECT_TIMEOUT.toMillis());
        config.setTransactionIsolation("TRANSACTION_READ_COMMITTED");
        try {
            return new PostgresSession(address, mode, new HikariDataSource(config), context);
        } catch (PoolInitializationException e) {
            SQLException cause = findSql(e).orElseGet(() -> new SQLException(e.getMessage(), e));
            throw failure(address, "open it", cause);
        }
    }

    /// What a connection begins with. Waits for locks of others end, and so does what a process holds that hangs; the
    /// server may say more of commits than that they are not to be lost, and never less.
    private static String settings(String schema) {
        return """
                SELECT set_config('search_path', '%s', false),
                  set_config('lock_timeout', '30s', false),
                  set_config('idle_in_transaction_session_timeout', '60s', false),
                  set_config('synchronous_commit',
                    CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
                    ELSE current_setting('synchronous_commit') END, false)""".formatted(schema);
    }

    @Override
    public <T> T read(String doing, Work<T> work) throws IOException {
        return run(doing, true, work);
    }

    @Override
    public <T> T change(String doing, Lock lock, Work<T> work) throws IOException {
        if (mode == Mode.LOOK) {
            throw new IllegalStateException("opened to look: " + doing);
        }
        return run(doing, false, connection -> {
            boolean _ = Sql.queryOne(connection, LOCK, row -> row.getBoolean("locked"), key(lock))
                    .orElseThrow();
            return work.run(connection);
        });
    }

    @Override
    public String sharedRowLock() {
        return " FOR SHARE";
    }

    /// Locks are numbers, shared by all who use the database: 64 bits of a hash keep ours apart from one another and
    /// from theirs.
    private long key(Lock lock) {
        String name = "sluice/%s/%s".formatted(address.schema(), lock.name());
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(name.getBytes(StandardCharsets.UTF_8));
            return ByteBuffer.wrap(hash).getLong();
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }

    private <T> T run(String doing, boolean isReadOnly, Work<T> work) throws IOException {
        int broken = 0;
        for (int attempt = 1; ; attempt++) {
            try {
                return runOnce(isReadOnly, work);
            } catch (SQLException e) {
                boolean isBroken = isBroken(e) && !(e instanceof SQLTransientConnectionException); // the pool waited
                broken += isBroken ? 1 : 0;
                boolean mayPass = isBroken ? broken < MAX_BROKEN : UNDONE.contains(String.valueOf(e.getSQLState()));
                if (!mayPass || attempt == MAX_ATTEMPTS) {
                    throw failure(address, doing, e);
                }
                LOG.debug("catalog {}: cannot {}, attempt {}", address, doing, attempt, e);
                if (isBroken) {
                    // The others may have broken with it, and the pool does not look at those that were used just now.
                    pool.getHikariPoolMXBean().softEvictConnections();
                }
                await(doing, attempt);
            } catch (IllegalArgumentException e) {
                // The values that callers hand in were checked by their types; so this one came from the database.
                throw new CatalogException(
                        "catalog %s: cannot %s: it holds a value unknown to this version: %s"
                                .formatted(address, doing, e.getMessage()),
                        e);
            }
        }
    }

    private static boolean isBroken(SQLException failure) {
        String state = String.valueOf(failure.getSQLState());
        return state.startsWith(BROKEN) || state.startsWith(SHUTTING_DOWN);
    }

    private void await(String doing, int attempt) throws CatalogException {
        try {
            context.pause().await(backoff.delay(attempt));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CatalogException("catalog %s: interrupted while waiting to %s".formatted(address, doing), e);
        }
    }

    private <T> T runOnce(boolean isReadOnly, Work<T> work) throws SQLException, IOException {
        try (Connection connection = pool.getConnection()) {
            connection.setReadOnly(isReadOnly);
            connection.setAutoCommit(false); // until the pool has it back
            boolean ended = false;
            try {
                T result = work.run(connection);
                connection.commit();
                ended = true;
                return result;
            } finally {
                if (!ended) {
                    rollBack(connection);
                }
            }
        }
    }

    private void rollBack(Connection connection) {
        try {
            connection.rollback();
        } catch (SQLException e) {
            // The pool throws the connection away, and the database what was begun on it.
            LOG.debug("catalog {}: cannot roll back", address, e);
        }
    }

    private static Optional<SQLException> findSql(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof SQLException sql) {
                return Optional.of(sql);
            }
        }
        return Optional.empty();
    }

    /// Says in words what a state means for whoever has to do something about it.
    private static CatalogException failure(PostgresAddress address, String doing, SQLException e) {
        // The pool's own exception says that it waited; why connecting failed is behind it.
        SQLException cause = e.getSQLState() == null
                ? findSql(e.getCause() == null ? e : e.getCause()).orElse(e)
                : e;
        String state = String.valueOf(cause.getSQLState());
        String hint = switch (state) {
            case "28P01", "28000" ->
                ": access is denied: expected a user in the address or PGUSER, and its password in PGPASSWORD";
            case "08004" -> ": it has no password: expected one in PGPASSWORD";
            case "3D000" -> ": there is no such database: create it";
            case "42501" -> ": its user may not: grant it CREATE on the database, or create the schema for it";
            case "53300" -> ": the server has no connection left";
            default -> state.startsWith(BROKEN) ? ": it cannot be reached" : "";
        };
        String message = String.valueOf(cause.getMessage())
                .lines()
                .findFirst()
                .orElse("")
                .strip();
        return new CatalogException("catalog %s: cannot %s%s: %s".formatted(address, doing, hint, message), e);
    }

    @Override
    public void close() {
        pool.close();
    }
}
