package io.sluice.ingester.door;

import io.sluice.ingester.door.RawColumn.Text;
import io.sluice.model.ColumnSchema;
import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Names in the writes that were decoded before: writes that follow one another mostly have the same, in the same
/// order, and what was checked once needs no check and no object again. A column that is known comes with the very
/// [ColumnSchema] of before. Bounded; for one thread.
public final class NameMemo {
    /// Tables beyond these are decoded as if there were no memo.
    private static final int MAX_TABLES = 64;

    private static final Shape NONE = new Shape(new byte[0][], new ColumnSchema[0]);

    private final Map<TableName, Shape> shapes = new HashMap<>();
    private Known<NamespaceName> namespace = new Known<>(new byte[0], new NamespaceName("unknown"));
    private Known<TableName> table = new Known<>(new byte[0], new TableName("unknown"));

    private record Known<T>(byte[] bytes, T name) {
        boolean is(byte[] request, Text text) {
            return isSame(bytes, request, text);
        }
    }

    /// The columns of a table's last write, which had each name once, `time` among them.
    record Shape(byte[][] names, ColumnSchema[] schemas) {
        /// Whether a write has the same columns in the same order.
        boolean fits(byte[] request, List<RawColumn> columns) {
            if (names.length == 0 || columns.size() != names.length) {
                return false;
            }
            for (int i = 0; i < names.length; i++) {
                if (!isSame(names[i], request, columns.get(i).name)) {
                    return false;
                }
            }
            return true;
        }
    }

    private static boolean isSame(byte[] name, byte[] request, Text text) {
        return name.length == text.lengthBytes()
                && Arrays.equals(name, 0, name.length, request, text.from(), text.from() + text.lengthBytes());
    }

    /// Whether the last namespace had these bytes for a name.
    boolean isNamespace(byte[] request, Text text) {
        return namespace.is(request, text);
    }

    NamespaceName namespace() {
        return namespace.name();
    }

    void remember(NamespaceName name) {
        namespace = new Known<>(name.value().getBytes(StandardCharsets.UTF_8), name);
    }

    /// Whether the last table had these bytes for a name.
    boolean isTable(byte[] request, Text text) {
        return table.is(request, text);
    }

    TableName table() {
        return table.name();
    }

    void remember(TableName name) {
        table = new Known<>(name.value().getBytes(StandardCharsets.UTF_8), name);
    }

    /// What fits nothing if the table is not known.
    Shape shape(TableName name) {
        return shapes.getOrDefault(name, NONE);
    }

    /// @param columns each name once, `time` among them
    void remember(TableName name, List<DecodedColumn> columns) {
        if (shapes.size() == MAX_TABLES && !shapes.containsKey(name)) {
            return;
        }
        byte[][] names = new byte[columns.size()][];
        ColumnSchema[] schemas = new ColumnSchema[names.length];
        for (int i = 0; i < names.length; i++) {
            schemas[i] = columns.get(i).schema();
            names[i] = schemas[i].name().value().getBytes(StandardCharsets.UTF_8);
        }
        shapes.put(name, new Shape(names, schemas));
    }
}
