package io.sluice.ingester.lineprotocol;

import io.sluice.ingester.door.DecodedColumn;
import io.sluice.ingester.door.DecodedColumn.Values;
import io.sluice.ingester.door.DecodedWrite.DecodedTable;
import io.sluice.model.ColumnKind;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Rows of one table as line protocol, timestamps in nanoseconds: what [LineProtocolParser] reads as the same rows.
///
/// Columns can hold what lines cannot, as a backslash escapes what follows it and is never escaped itself outside of
/// strings, and as floats are finite: such a row has no line. For one thread.
public final class TableLines {
    private final DecodedTable table;
    private final String name;
    private final Optional<String> nameProblem;
    private final List<NamedColumn> tags = new ArrayList<>();
    private final List<NamedColumn> fields = new ArrayList<>();
    private final ByteBuffer times;

    /// @param text the name as lines have it
    /// @param problem why it cannot be written, if it cannot
    private record NamedColumn(DecodedColumn column, String text, Optional<String> problem) {
        static NamedColumn of(DecodedColumn column) {
            String name = column.schema().name().value();
            String kind = column.schema().kind() == ColumnKind.TAG ? "tag" : "field";
            return new NamedColumn(
                    column, escaped(name, true), lastByteProblem("the name of %s '%s'".formatted(kind, name), name));
        }
    }

    public TableLines(DecodedTable table) {
        this.table = table;
        String plain = table.table().value();
        this.name = escaped(plain, false);
        this.nameProblem = plain.startsWith("#")
                ? Optional.of("the table's name begins with '#', as a comment does")
                : lastByteProblem("the table's name", plain);
        Optional<ByteBuffer> found = Optional.empty();
        for (DecodedColumn column : table.columns()) {
            switch (column.schema().kind()) {
                case TAG -> tags.add(NamedColumn.of(column));
                case FIELD -> fields.add(NamedColumn.of(column));
                case TIME -> found = Optional.of(times(column));
            }
        }
        this.times = found.orElseThrow(
                () -> new IllegalArgumentException("table '%s' has no column 'time'".formatted(table.table())));
    }

    private static ByteBuffer times(DecodedColumn column) {
        if (column.values() instanceof Values.Int64s(ByteBuffer data)) {
            return data;
        }
        throw new IllegalArgumentException("column 'time' holds no 64-bit integers");
    }

    private static Optional<String> lastByteProblem(String what, String text) {
        return text.endsWith("\\")
                ? Optional.of("%s ends with a backslash, which would escape what follows".formatted(what))
                : Optional.empty();
    }

    /// Appends a row's line, the line feed included.
    ///
    /// @return why there is no line for the row, if there is none; then nothing was appended
    public Optional<String> append(int row, StringBuilder out) {
        int start = out.length();
        Optional<String> problem = appendLine(row, out);
        if (problem.isPresent()) {
            out.setLength(start);
        }
        return problem;
    }

    private Optional<String> appendLine(int row, StringBuilder out) {
        if (nameProblem.isPresent()) {
            return nameProblem;
        }
        out.append(name);
        for (NamedColumn tag : tags) {
            if (tag.column().isPresent(row)) {
                Optional<String> problem = appendTag(tag, row, out);
                if (problem.isPresent()) {
                    return problem;
                }
            }
        }
        char separator = ' ';
        for (NamedColumn field : fields) {
            if (field.column().isPresent(row)) {
                out.append(separator).append(field.text()).append('=');
                Optional<String> problem = field.problem().or(() -> appendValue(field, row, out));
                if (problem.isPresent()) {
                    return problem;
                }
                separator = ',';
            }
        }
        if (separator == ' ') {
            return Optional.of("it has no field");
        }
        out.append(' ').append(times.getLong(row * Long.BYTES)).append('\n');
        return Optional.empty();
    }

    private static Optional<String> appendTag(NamedColumn tag, int row, StringBuilder out) {
        if (tag.problem().isPresent()) {
            return tag.problem();
        }
        if (!(tag.column().values() instanceof Values.Dictionary(List<String> values, ByteBuffer codes))) {
            throw new IllegalArgumentException("tag '%s' holds no dictionary".formatted(tag.text()));
        }
        String value = values.get(codes.getInt(row * Integer.BYTES));
        if (value.isEmpty()) {
            return Optional.of("tag '%s' is empty".formatted(tag.text()));
        }
        if (value.indexOf('\n') >= 0) {
            return Optional.of("tag '%s' has a line feed".formatted(tag.text()));
        }
        out.append(',').append(tag.text()).append('=').append(escaped(value, true));
        return lastByteProblem("tag '%s'".formatted(tag.text()), value);
    }

    private static Optional<String> appendValue(NamedColumn field, int row, StringBuilder out) {
        switch (field.column().values()) {
            case Values.Int64s(ByteBuffer data) ->
                out.append(data.getLong(row * Long.BYTES)).append('i');
            case Values.UInt64s(ByteBuffer data) ->
                out.append(Long.toUnsignedString(data.getLong(row * Long.BYTES)))
                        .append('u');
            case Values.Float64s(ByteBuffer data) -> {
                double value = data.getDouble(row * Double.BYTES);
                if (!Double.isFinite(value)) {
                    return Optional.of("field '%s' is %s".formatted(field.text(), value));
                }
                out.append(value);
            }
            case Values.Bools(ByteBuffer bits) -> out.append((bits.get(row >> 3) >> (row & 7) & 1) != 0);
            case Values.Strings(ByteBuffer data, ByteBuffer offsets) -> {
                int from = offsets.getInt(row * Integer.BYTES);
                int to = offsets.getInt((row + 1) * Integer.BYTES);
                appendQuoted(
                        StandardCharsets.UTF_8
                                .decode(data.slice(from, to - from))
                                .toString(),
                        out);
            }
            case Values.Dictionary(List<String> values, ByteBuffer codes) ->
                appendQuoted(values.get(codes.getInt(row * Integer.BYTES)), out);
        }
        return Optional.empty();
    }

    private static void appendQuoted(String text, StringBuilder out) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                out.append('\\');
            }
            out.append(c);
        }
        out.append('"');
    }

    /// With a backslash before what would end the text; a backslash itself needs none.
    ///
    /// @param isKeyed whether the text stands beside an equals sign, which then is escaped, too
    private static String escaped(String text, boolean isKeyed) {
        StringBuilder escaped = new StringBuilder(text.length() + 8);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == ',' || c == ' ' || (c == '=' && isKeyed)) {
                escaped.append('\\');
            }
            escaped.append(c);
        }
        return escaped.toString();
    }

    /// How many rows there are.
    public int rowCount() {
        return table.rowCount();
    }
}
