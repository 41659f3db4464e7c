package io.sluice.query;

import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnSchema;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/// The Arrow schema of a stream.
///
/// | column         | Arrow                                   |
/// |----------------|-----------------------------------------|
/// | TAG            | dictionary of int32 to utf8             |
/// | TAG, plain     | utf8                                    |
/// | TIME           | timestamp[ns, UTC], never null          |
/// | FIELD `I64`    | int64                                   |
/// | FIELD `U64`    | uint64                                  |
/// | FIELD `F64`    | double                                  |
/// | FIELD `BOOL`   | bool                                    |
/// | FIELD `STRING` | utf8                                    |
final class WireSchema {
    private static final ArrowType CODE = new ArrowType.Int(32, true);

    private WireSchema() {}

    /// The schema as it is sent: the type of a tag is that of its values.
    ///
    /// @param plain the places of the tags that have no dictionary
    static Schema message(List<ColumnSchema> columns, Set<Integer> plain) {
        return schema(columns, plain, ArrowType.Utf8.INSTANCE);
    }

    /// The schema as it is in memory: the type of a tag is that of its codes.
    ///
    /// @param plain the places of the tags that have no dictionary
    static Schema memory(List<ColumnSchema> columns, Set<Integer> plain) {
        return schema(columns, plain, CODE);
    }

    /// The dictionary of the column at a place.
    static DictionaryEncoding encoding(int place) {
        return new DictionaryEncoding(place, false, new ArrowType.Int(32, true));
    }

    private static Schema schema(List<ColumnSchema> columns, Set<Integer> plain, ArrowType tagType) {
        List<Field> fields = new ArrayList<>(columns.size());
        for (int place = 0; place < columns.size(); place++) {
            ColumnSchema column = columns.get(place);
            FieldType type = column.kind() == ColumnKind.TAG && !plain.contains(place)
                    ? new FieldType(true, tagType, encoding(place))
                    : new FieldType(column.kind() != ColumnKind.TIME, type(column), null);
            fields.add(new Field(column.name().value(), type, null));
        }
        return new Schema(fields);
    }

    private static ArrowType type(ColumnSchema column) {
        if (column.kind() == ColumnKind.TIME) {
            return new ArrowType.Timestamp(TimeUnit.NANOSECOND, "UTC");
        }
        return switch (column.type()) {
            case I64 -> new ArrowType.Int(64, true);
            case U64 -> new ArrowType.Int(64, false);
            case F64 -> new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE);
            case BOOL -> ArrowType.Bool.INSTANCE;
            case STRING -> ArrowType.Utf8.INSTANCE;
        };
    }
}
