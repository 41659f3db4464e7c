package io.sluice.ingester.cli;

import io.sluice.ingester.lineprotocol.KnownColumns;
import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.TableId;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/// What the server's answers tell of its tables: a column of a write that it took is of that kind and type for ever.
/// So a line that contradicts one is told from the good ones here, without asking. For one thread.
final class LearnedColumns implements KnownColumns {
    /// Far more than anybody has; beyond it nothing is learned, and the server has to tell.
    private static final int MAX_COLUMNS = 100_000;
    /// The parser does not ask for it.
    private static final TableId UNKNOWN_ID = new TableId(1);

    private final NamespaceName namespace;
    private final Map<TableName, Map<ColumnName, ColumnSchema>> tables = new HashMap<>();
    private int columns;

    LearnedColumns(NamespaceName namespace) {
        this.namespace = namespace;
    }

    /// Takes what a write tells that the server has taken.
    void learn(WriteRequest written) {
        for (TableBatch batch : written.getTablesList()) {
            TableName name = new TableName(batch.getTable());
            for (Column column : batch.getColumnsList()) {
                if (column.getKind() != Column.Kind.TIME && columns < MAX_COLUMNS) {
                    ColumnSchema schema = schema(column);
                    Map<ColumnName, ColumnSchema> table = tables.computeIfAbsent(name, _ -> new LinkedHashMap<>());
                    columns += table.put(schema.name(), schema) == null ? 1 : 0;
                }
            }
        }
    }

    private static ColumnSchema schema(Column column) {
        ColumnName name = new ColumnName(column.getName());
        return switch (column.getValuesCase()) {
            case DICTIONARY -> new ColumnSchema(name, ColumnKind.TAG, ColumnType.STRING);
            case I64 -> new ColumnSchema(name, ColumnKind.FIELD, ColumnType.I64);
            case U64 -> new ColumnSchema(name, ColumnKind.FIELD, ColumnType.U64);
            case F64 -> new ColumnSchema(name, ColumnKind.FIELD, ColumnType.F64);
            case BOOLS -> new ColumnSchema(name, ColumnKind.FIELD, ColumnType.BOOL);
            case STRINGS -> new ColumnSchema(name, ColumnKind.FIELD, ColumnType.STRING);
            case VALUES_NOT_SET -> throw new IllegalArgumentException("column '%s' has no values".formatted(name));
        };
    }

    @Override
    public Optional<TableSchema> find(TableName table) {
        return Optional.ofNullable(tables.get(table)).map(known -> schema(table, known));
    }

    private TableSchema schema(TableName table, Map<ColumnName, ColumnSchema> known) {
        List<ColumnSchema> all = Stream.concat(Stream.of(ColumnSchema.TIME), known.values().stream())
                .toList();
        return new TableSchema(namespace, table, UNKNOWN_ID, PartitionTemplate.DAILY, all);
    }
}
