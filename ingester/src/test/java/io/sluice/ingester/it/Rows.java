package io.sluice.ingester.it;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.sluice.ingester.door.DecodedRows;
import io.sluice.ingester.door.WriteDecoder;
import io.sluice.ingester.lineprotocol.KnownColumns;
import io.sluice.ingester.lineprotocol.LineProtocolParser;
import io.sluice.ingester.lineprotocol.ParseOptions;
import io.sluice.ingester.lineprotocol.ParsedLines;
import io.sluice.ingester.lineprotocol.Precision;
import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import io.sluice.persist.catalog.Catalog;
import io.sluice.persist.catalog.Catalogs;
import io.sluice.persist.catalog.FileRecord;
import io.sluice.proto.v1.BatchMetadata;
import io.sluice.proto.v1.QueryRequest;
import io.sluice.query.flight.FlightQueryClient;
import io.sluice.query.flight.RowFormatter;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.types.pojo.Schema;

/// Rows as text that can be compared, wherever they come from: each a sorted list of `column=value`, nulls left out.
final class Rows {
    private static final long ARBITRARY_SEED = 7;
    private static final long ARBITRARY_TIME_NS = 1_700_000_000_000_000_000L;

    private Rows() {}

    /// What lines of line protocol say, for each table.
    static Map<String, List<String>> ofLines(byte[] lines) throws Exception {
        Map<String, List<String>> tables = new TreeMap<>();
        parse(lines)
                .forEach((table, rows) ->
                        tables.put(table, rows.stream().map(Rows::text).sorted().toList()));
        return tables;
    }

    /// What a file should hold of them: of rows with equal tags and time, per column the last value.
    static Map<String, List<String>> merged(byte[] lines) throws Exception {
        Map<String, List<String>> tables = new TreeMap<>();
        parse(lines).forEach((table, rows) -> {
            Map<String, Map<String, Object>> byKey = new LinkedHashMap<>();
            for (Map<String, Object> row : rows) {
                String key = row.entrySet().stream()
                        .filter(entry ->
                                entry.getKey().equals("time") || entry.getValue() instanceof DecodedRows.TagValue)
                        .map(entry -> entry.getKey() + "=" + entry.getValue())
                        .collect(Collectors.joining(","));
                byKey.computeIfAbsent(key, _ -> new TreeMap<>()).putAll(row);
            }
            tables.put(table, byKey.values().stream().map(Rows::text).sorted().toList());
        });
        return tables;
    }

    private static Map<String, List<Map<String, Object>>> parse(byte[] lines) throws Exception {
        return DecodedRows.of(WriteDecoder.decode(request("n", lines)));
    }

    /// The bytes of the `WriteRequest` that lines are.
    static byte[] request(String namespace, byte[] lines) {
        ParsedLines parsed = new LineProtocolParser(ARBITRARY_SEED)
                .parse(
                        lines,
                        0,
                        lines.length,
                        new ParseOptions(
                                new NamespaceName(namespace), Precision.NS, ARBITRARY_TIME_NS, 10, KnownColumns.NONE));
        if (parsed.badLines() > 0) {
            throw new AssertionError(parsed.errors());
        }
        return parsed.request().orElseThrow();
    }

    private static String text(Map<String, Object> row) {
        return row.entrySet().stream()
                .map(entry -> entry.getKey() + "=" + text(entry.getValue()))
                .collect(Collectors.joining(","));
    }

    private static String text(Object value) {
        return value instanceof DecodedRows.TagValue(String tag) ? tag : String.valueOf(value);
    }

    /// What the server answers over Flight.
    ///
    /// @param columns that are asked for; none for all
    static List<String> query(SluiceServer server, String namespace, String table, String... columns) throws Exception {
        StringBuilder json = new StringBuilder();
        try (FlightQueryClient client = FlightQueryClient.open("127.0.0.1", server.grpcPort())) {
            client.query(
                    QueryRequest.newBuilder()
                            .setNamespace(namespace)
                            .setTable(table)
                            .addAllColumns(List.of(columns))
                            .build(),
                    RowFormatter.json(json));
        }
        ObjectMapper mapper = new ObjectMapper();
        List<String> rows = new ArrayList<>();
        for (String line : json.toString().lines().toList()) {
            TreeMap<String, Object> row = new TreeMap<>();
            for (Map.Entry<String, JsonNode> entry : mapper.readTree(line).properties()) {
                if (!entry.getValue().isNull()) {
                    row.put(entry.getKey(), value(entry.getKey(), entry.getValue()));
                }
            }
            rows.add(text(row));
        }
        return rows.stream().sorted().toList();
    }

    private static Object value(String column, JsonNode node) {
        if (column.equals("time")) {
            Instant time = Instant.parse(node.asText());
            return time.getEpochSecond() * 1_000_000_000L + time.getNano();
        }
        return node.isDouble() ? (Object) node.doubleValue() : node.asText();
    }

    /// How many rows the server answers over Flight.
    static long countInMemory(SluiceServer server, String namespace, String table) throws Exception {
        AtomicLong count = new AtomicLong();
        try (FlightQueryClient client = FlightQueryClient.open("127.0.0.1", server.grpcPort())) {
            client.query(
                    QueryRequest.newBuilder()
                            .setNamespace(namespace)
                            .setTable(table)
                            .build(),
                    new FlightQueryClient.BatchConsumer() {
                        @Override
                        public void begin(Schema schema) {}

                        @Override
                        public void batch(
                                VectorSchemaRoot rows, DictionaryProvider dictionaries, BatchMetadata metadata) {
                            count.addAndGet(rows.getRowCount());
                        }
                    });
        }
        return count.get();
    }

    /// How many rows the catalogued files of a table have, as the catalog says.
    static long countInFiles(Path dataDirectory, String namespace, String table) throws Exception {
        try (Catalog catalog = Catalogs.open("sqlite:" + dataDirectory.resolve("catalog.db"), Clock.systemUTC())) {
            return catalog.files(new NamespaceName(namespace), new TableName(table)).stream()
                    .mapToLong(FileRecord::rowCount)
                    .sum();
        }
    }

    /// What the catalogued Parquet files of a table hold, read by DuckDB.
    static List<String> files(Path dataDirectory, String namespace, String table) throws Exception {
        List<String> files = new ArrayList<>();
        // From the catalog: an upload that was never recorded is no file.
        try (Catalog catalog = Catalogs.open("sqlite:" + dataDirectory.resolve("catalog.db"), Clock.systemUTC())) {
            for (FileRecord file : catalog.files(new NamespaceName(namespace), new TableName(table))) {
                files.add(dataDirectory
                        .resolve("objects")
                        .resolve(file.objectName())
                        .toString());
            }
        }
        return parquet(files);
    }

    /// What Parquet files hold, read by DuckDB.
    static List<String> parquet(List<String> files) throws Exception {
        if (files.isEmpty()) {
            return List.of();
        }
        String list = files.stream().map(file -> "'" + file + "'").collect(Collectors.joining(",", "[", "]"));
        List<String> rows = new ArrayList<>();
        try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
                Statement statement = connection.createStatement();
                ResultSet result = statement.executeQuery(
                        "select * replace (epoch_ns(time::timestamp_ns) as time) from read_parquet(" + list
                                + ", union_by_name = true)")) {
            int columns = result.getMetaData().getColumnCount();
            while (result.next()) {
                TreeMap<String, Object> row = new TreeMap<>();
                for (int column = 1; column <= columns; column++) {
                    Object value = result.getObject(column);
                    if (value != null) {
                        row.put(result.getMetaData().getColumnName(column), value);
                    }
                }
                rows.add(text(row));
            }
        }
        return rows.stream().sorted().toList();
    }
}
