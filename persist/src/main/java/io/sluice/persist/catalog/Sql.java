package io.sluice.persist.catalog;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Runs one statement on a connection. Arguments are [Long], [Integer] and [String].
final class Sql {
    private Sql() {}

    /// Makes a value of the row that a result stands on.
    @FunctionalInterface
    interface RowMapper<T> {
        T map(ResultSet row) throws SQLException;
    }

    /// All rows of a query, or of an `INSERT … RETURNING`.
    static <T> List<T> query(Connection connection, String sql, RowMapper<T> mapper, Object... arguments)
            throws SQLException {
        try (PreparedStatement statement = prepare(connection, sql, arguments);
                ResultSet rows = statement.executeQuery()) {
            var result = new ArrayList<T>();
            while (rows.next()) {
                result.add(mapper.map(rows));
            }
            return result;
        }
    }

    /// The first row of a query.
    static <T> Optional<T> queryOne(Connection connection, String sql, RowMapper<T> mapper, Object... arguments)
            throws SQLException {
        return query(connection, sql, mapper, arguments).stream().findFirst();
    }

    static void update(Connection connection, String sql, Object... arguments) throws SQLException {
        try (PreparedStatement statement = prepare(connection, sql, arguments)) {
            statement.executeUpdate();
        }
    }

    private static PreparedStatement prepare(Connection connection, String sql, Object... arguments)
            throws SQLException {
        PreparedStatement statement = connection.prepareStatement(sql);
        try {
            for (int i = 0; i < arguments.length; i++) {
                statement.setObject(i + 1, arguments[i]);
            }
            return statement;
        } catch (SQLException | RuntimeException e) {
            statement.close();
            throw e;
        }
    }

    /// @throws IllegalArgumentException if `instant` is outside the years 1678 to 2261
    static void requireEpochNanos(String what, Instant instant) {
        try {
            toEpochNanos(instant);
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException(
                    "%s is %s: expected an instant of the years 1678 to 2261".formatted(what, instant), e);
        }
    }

    static long toEpochNanos(Instant instant) {
        return Math.addExact(Math.multiplyExact(instant.getEpochSecond(), 1_000_000_000L), instant.getNano());
    }

    static Instant fromEpochNanos(long nanos) {
        return Instant.ofEpochSecond(Math.floorDiv(nanos, 1_000_000_000L), Math.floorMod(nanos, 1_000_000_000L));
    }
}
