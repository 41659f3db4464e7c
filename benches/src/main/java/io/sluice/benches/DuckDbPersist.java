package io.sluice.benches;

import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.SortKey;
import io.sluice.model.TableSchema;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.UInt8Vector;
import org.apache.arrow.vector.VarCharVector;
import org.duckdb.DuckDBAppender;
import org.duckdb.DuckDBConnection;

/// DuckDB that holds rows in a table in memory, each with its number, and writes them sorted and merged as Parquet.
final class DuckDbPersist implements AutoCloseable {
    private static final String SEQUENCE = "\"sequence\"";

    private final TableSchema schema;
    private final List<String> tags;
    private final DuckDBConnection connection;

    private DuckDbPersist(TableSchema schema, SortKey key, DuckDBConnection connection) {
        this.schema = schema;
        this.tags = key.tags().stream().map(DuckDbPersist::quoted).toList();
        this.connection = connection;
    }

    /// Takes a copy of the rows.
    static DuckDbPersist of(TableSchema schema, SortKey key, List<RowBatch> batches) throws IOException {
        try {
            DuckDBConnection connection =
                    DriverManager.getConnection("jdbc:duckdb:").unwrap(DuckDBConnection.class);
            DuckDbPersist duckDb = new DuckDbPersist(schema, key, connection);
            duckDb.load(batches);
            return duckDb;
        } catch (SQLException e) {
            throw new IOException(e);
        }
    }

    private static String quoted(ColumnName name) {
        return '"' + name.value() + '"';
    }

    private List<String> fields() {
        return schema.columns().stream()
                .filter(column -> column.kind() == ColumnKind.FIELD)
                .map(column -> quoted(column.name()))
                .toList();
    }

    private void load(List<RowBatch> batches) throws SQLException {
        String columns = schema.columns().stream()
                .map(column -> quoted(column.name()) + " " + type(column))
                .collect(Collectors.joining(", "));
        execute("CREATE TABLE input (%s, %s BIGINT)".formatted(columns, SEQUENCE));
        long sequence = 0;
        try (DuckDBAppender appender = connection.createAppender("input")) {
            for (RowBatch batch : batches) {
                List<Cells> cells = new ArrayList<>();
                for (ColumnSchema column : schema.columns()) {
                    cells.add(cells(batch.find(column.name()).orElseThrow(), appender));
                }
                for (int row = 0; row < batch.rowCount(); row++) {
                    appender.beginRow();
                    for (Cells cell : cells) {
                        cell.append(row);
                    }
                    appender.append(sequence++);
                    appender.endRow();
                }
            }
        }
    }

    /// Appends a column's value in a row.
    @FunctionalInterface
    private interface Cells {
        void append(int row) throws SQLException;
    }

    private static String type(ColumnSchema column) {
        return switch (column.kind()) {
            case TIME -> "TIMESTAMP_NS";
            case TAG -> "VARCHAR";
            case FIELD ->
                switch (column.type()) {
                    case I64 -> "BIGINT";
                    case U64 -> "UBIGINT";
                    case F64 -> "DOUBLE";
                    case BOOL -> "BOOLEAN";
                    case STRING -> "VARCHAR";
                };
        };
    }

    private static Cells cells(RowColumn column, DuckDBAppender appender) {
        Cells values = present(column, appender);
        return row -> {
            if (column.values().isNull(row)) {
                appender.appendNull();
            } else {
                values.append(row);
            }
        };
    }

    private static Cells present(RowColumn column, DuckDBAppender appender) {
        return switch (column) {
            case RowColumn.Tag tag -> {
                String[] texts = new String[tag.dictionary().getValueCount()];
                for (int code = 0; code < texts.length; code++) {
                    texts[code] = new String(tag.dictionary().get(code), StandardCharsets.UTF_8);
                }
                yield row -> appender.append(texts[tag.codes().get(row)]);
            }
            case RowColumn.Plain plain ->
                switch (plain.values()) {
                    case BigIntVector integers -> row -> appender.append(integers.get(row));
                    case UInt8Vector integers -> row -> appender.append(integers.get(row));
                    case Float8Vector floats -> row -> appender.append(floats.get(row));
                    case BitVector bits -> row -> appender.append(bits.get(row) != 0);
                    case VarCharVector strings ->
                        row -> appender.append(new String(strings.get(row), StandardCharsets.UTF_8));
                    default ->
                        row -> appender.appendEpochNanos(
                                plain.values().getDataBuffer().getLong(8L * row));
                };
        };
    }

    /// Writes the rows in the order of their keys, of those with one key the last value of each column.
    ///
    /// @param threads DuckDB may use
    void write(Path file, int threads) throws IOException {
        try {
            execute("SET threads = " + threads);
            String key = Stream.concat(tags.stream(), Stream.of("\"time\"")).collect(Collectors.joining(", "));
            String order = Stream.concat(tags.stream(), Stream.of("\"time\""))
                    .map(column -> column + " NULLS FIRST")
                    .collect(Collectors.joining(", "));
            String values = fields().stream()
                    .map(field -> "arg_max(%s, %s) AS %s".formatted(field, SEQUENCE, field))
                    .collect(Collectors.joining(", "));
            execute(("COPY (SELECT %s, %s FROM input GROUP BY %s ORDER BY %s)"
                            + " TO '%s' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)")
                    .formatted(key, values, key, order, file));
        } catch (SQLException e) {
            throw new IOException(e);
        }
    }

    /// How many rows one file has and the other has not, both ways.
    long differences(Path ours, Path theirs) throws IOException {
        String columns = Stream.of(tags, fields()).flatMap(List::stream).collect(Collectors.joining(", "));
        String rows = "SELECT %s, \"time\"::TIMESTAMP_NS AS \"time\" FROM read_parquet('%s')";
        String first = rows.formatted(columns, ours);
        String second = rows.formatted(columns, theirs);
        try {
            return count("(%s) EXCEPT ALL (%s)".formatted(first, second))
                    + count("(%s) EXCEPT ALL (%s)".formatted(second, first));
        } catch (SQLException e) {
            throw new IOException(e);
        }
    }

    private long count(String query) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet result = statement.executeQuery("SELECT count(*) FROM (" + query + ")")) {
            result.next();
            return result.getLong(1);
        }
    }

    private void execute(String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    @Override
    public void close() throws IOException {
        try {
            connection.close();
        } catch (SQLException e) {
            throw new IOException(e);
        }
    }
}
