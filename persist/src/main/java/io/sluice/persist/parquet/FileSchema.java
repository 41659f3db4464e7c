package io.sluice.persist.parquet;

import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.TableSchema;
import io.sluice.rows.merge.MergedRows;
import java.util.ArrayList;
import java.util.List;
import org.apache.parquet.format.SortingColumn;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.TimeUnit;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;
import org.apache.parquet.schema.Types;

/// The columns of a file, and what they are in Parquet.
///
/// | column         | Parquet                                           |
/// |----------------|---------------------------------------------------|
/// | TAG            | optional BYTE_ARRAY, STRING                       |
/// | TIME           | required INT64, TIMESTAMP(NANOS, adjusted to UTC) |
/// | FIELD `I64`    | optional INT64                                    |
/// | FIELD `U64`    | optional INT64, INTEGER(64, unsigned)             |
/// | FIELD `F64`    | optional DOUBLE                                   |
/// | FIELD `BOOL`   | optional BOOLEAN                                  |
/// | FIELD `STRING` | optional BYTE_ARRAY, STRING                       |
///
/// The tags of the sort key come first, then `time`, then the fields in the table's order. A column that has no value
/// in any row is left out: readers unite files by name. Field ids are places in the table's schema, from 1 on, and so
/// the same in all files of a table.
record FileSchema(List<ColumnSchema> columns, MessageType message) {
    static FileSchema of(MergedRows rows) {
        List<ColumnSchema> present = rows.presentColumns();
        List<ColumnSchema> columns = new ArrayList<>();
        for (ColumnName tag : rows.sortKey().tags()) {
            present.stream().filter(column -> column.name().equals(tag)).forEach(columns::add);
        }
        columns.add(ColumnSchema.TIME);
        present.stream().filter(column -> column.kind() == ColumnKind.FIELD).forEach(columns::add);
        return new FileSchema(List.copyOf(columns), message(rows.schema(), columns));
    }

    private static MessageType message(TableSchema schema, List<ColumnSchema> columns) {
        List<Type> types = new ArrayList<>();
        for (ColumnSchema column : columns) {
            types.add(type(column, schema.columns().indexOf(column) + 1));
        }
        return new MessageType("sluice", types);
    }

    private static Type type(ColumnSchema column, int fieldId) {
        String name = column.name().value();
        if (column.kind() == ColumnKind.TIME) {
            return Types.required(PrimitiveTypeName.INT64)
                    .as(LogicalTypeAnnotation.timestampType(true, TimeUnit.NANOS))
                    .id(fieldId)
                    .named(name);
        }
        return switch (column.type()) {
            case I64 -> Types.optional(PrimitiveTypeName.INT64).id(fieldId).named(name);
            case U64 ->
                Types.optional(PrimitiveTypeName.INT64)
                        .as(LogicalTypeAnnotation.intType(64, false))
                        .id(fieldId)
                        .named(name);
            case F64 -> Types.optional(PrimitiveTypeName.DOUBLE).id(fieldId).named(name);
            case BOOL -> Types.optional(PrimitiveTypeName.BOOLEAN).id(fieldId).named(name);
            case STRING ->
                Types.optional(PrimitiveTypeName.BINARY)
                        .as(LogicalTypeAnnotation.stringType())
                        .id(fieldId)
                        .named(name);
        };
    }

    /// Tags of the key that the file has, then time; nulls first, ascending.
    List<SortingColumn> sorting() {
        List<SortingColumn> sorting = new ArrayList<>();
        for (int i = 0; i < columns.size(); i++) {
            if (columns.get(i).kind() != ColumnKind.FIELD) {
                sorting.add(new SortingColumn(i, false, true));
            }
        }
        return sorting;
    }
}
