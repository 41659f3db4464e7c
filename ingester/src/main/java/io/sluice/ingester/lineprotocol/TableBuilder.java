package io.sluice.ingester.lineprotocol;

import io.sluice.ingester.schema.SchemaCache;
import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// The columns of one table being filled. Nothing of a line is taken before all of it was checked. For one thread.
final class TableBuilder {
    final TableName name;
    private final Optional<TableSchema> known;
    private final ByteSlices columnNames = new ByteSlices();
    private final List<ColumnBuilder> columns = new ArrayList<>();
    private final ColumnBuilder time = new ColumnBuilder(ColumnSchema.TIME);
    private int rowCount;
    private int newColumns;
    /// Lines usually repeat their columns in the same order: the one looked for next is probably the one behind the
    /// last.
    private int guess;

    TableBuilder(TableName name, Optional<TableSchema> known) {
        this.name = name;
        this.known = known;
    }

    /// The column of a name; -1 if there is none yet.
    int find(byte[] source, int from, int to) {
        int next = guess < columns.size() ? guess : 0;
        if (next < columns.size()
                && Arrays.equals(
                        columnNames.bytes(), columnNames.start(next), columnNames.end(next), source, from, to)) {
            guess = next + 1;
            return next;
        }
        int found = columnNames.find(source, from, to);
        if (found >= 0) {
            guess = found + 1;
        }
        return found;
    }

    ColumnBuilder column(int index) {
        return columns.get(index);
    }

    /// What a new column would be; checks everything that speaks against it.
    ///
    /// @param alsoNew how many other new columns the line has
    ColumnSchema check(byte[] source, int from, int to, ColumnKind kind, ColumnType type, int alsoNew)
            throws BadLineException {
        String text = new String(source, from, to - from, StandardCharsets.UTF_8);
        ColumnSchema schema;
        try {
            schema = new ColumnSchema(new ColumnName(text), kind, type);
        } catch (IllegalArgumentException e) {
            throw new BadLineException(String.valueOf(e.getMessage()));
        }
        Optional<ColumnSchema> existing = known.flatMap(table -> table.find(schema.name()));
        if (existing.isPresent() && !existing.get().equals(schema)) {
            throw conflict(existing.get(), schema);
        }
        int inAll = known.map(table -> table.columns().size()).orElse(1) + newColumns + alsoNew + 1;
        if (existing.isEmpty() && inAll > SchemaCache.MAX_COLUMNS) {
            throw new BadLineException("column '%s' would be number %d of table '%s': expected at most %d"
                    .formatted(text, inAll, name, SchemaCache.MAX_COLUMNS));
        }
        return schema;
    }

    BadLineException conflict(ColumnSchema existing, ColumnSchema found) {
        return new BadLineException("column '%s' of table '%s' is a %s: found %s"
                .formatted(existing.name(), name, existing.describe(), found.describe()));
    }

    /// Adds a checked column; returns its index.
    int add(byte[] source, int from, int to, ColumnSchema schema) {
        int index = columnNames.intern(source, from, to);
        columns.add(new ColumnBuilder(schema));
        if (known.flatMap(table -> table.find(schema.name())).isEmpty()) {
            newColumns++;
        }
        return index;
    }

    /// Ends a row whose values were set at row [#rowCount].
    void endRow(long timeNs) {
        time.setNumber(rowCount, timeNs);
        rowCount++;
    }

    int rowCount() {
        return rowCount;
    }

    /// All columns, filled up to the last row, `time` at the end.
    List<ColumnBuilder> finish() {
        List<ColumnBuilder> all = new ArrayList<>(columns);
        all.forEach(column -> column.fill(rowCount));
        all.add(time);
        return all;
    }
}
