package io.sluice.ingester.lineprotocol;

import io.sluice.ingester.door.Utf8;
import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.TableName;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// Reads InfluxDB's line protocol in one pass over its bytes, into columns, and hands them out as a
/// `sluice.v1.WriteRequest`. A line that is wrong changes nothing; the others are taken. Makes no object for a tag or
/// a field. For one thread and one parse.
///
/// Accepted are: escapes (`\,` `\=` `\ ` in names and tags, `\"` and `\\` in strings; any other backslash stands for
/// itself), strings with newlines, comments, blank lines, CRLF, all five types, lines without a timestamp, any number
/// of spaces or tabs between the parts. Of a field that stands twice in a line the last counts; a tag that stands
/// twice is an error.
public final class LineProtocolParser {
    private final byte[] body;
    private final int end;
    private final ParseOptions options;
    private final ByteSlices tableNames = new ByteSlices();
    private final List<TableBuilder> tables = new ArrayList<>();
    private final List<LineError> errors = new ArrayList<>();
    private final LineScratch line = new LineScratch();
    private int at;
    private long rows;
    private long badLines;
    private long lineNumber = 1;
    private int lastTable = -1;

    private LineProtocolParser(byte[] body, int offset, int length, ParseOptions options) {
        this.body = body;
        this.at = offset;
        this.end = offset + length;
        this.options = options;
    }

    /// Parses `length` bytes from `offset` on.
    public static ParsedLines parse(byte[] body, int offset, int length, ParseOptions options) {
        return new LineProtocolParser(body, offset, length, options).parse();
    }

    private ParsedLines parse() {
        long point = 0;
        while (at < end) {
            int start = at;
            try {
                if (parseLine(++point)) {
                    rows++;
                }
            } catch (BadLineException e) {
                badLines++;
                if (errors.size() < options.maxErrors()) {
                    errors.add(new LineError(lineNumber, String.valueOf(e.getMessage())));
                }
                at = lineEnd(start);
            }
            countLines(start);
        }
        List<TableBuilder> filled =
                tables.stream().filter(table -> table.rowCount() > 0).toList();
        Optional<byte[]> request =
                filled.isEmpty() ? Optional.empty() : Optional.of(RequestWriter.write(options.namespace(), filled));
        return new ParsedLines(request, rows, badLines, errors);
    }

    private void countLines(int from) {
        if (line.newlines == 0 && at > from) {
            lineNumber++;
            return;
        }
        for (int i = from; i < at; i++) {
            if (body[i] == '\n') {
                lineNumber++;
            }
        }
    }

    /// Behind the newline that ends a bad line. Quotes count where a string may stand: in the fields, behind a `=`.
    private int lineEnd(int start) {
        boolean inFields = false;
        boolean quoted = false;
        boolean value = false;
        line.newlines = 0;
        int i = start;
        while (i < end && (body[i] == ' ' || body[i] == '\t')) {
            i++; // what stands before the measurement does not begin the fields
        }
        for (; i < end; i++) {
            switch (body[i]) {
                case '\\' -> i += i + 1 < end && body[i + 1] != '\n' ? 1 : 0;
                case ' ', '\t' -> inFields = true;
                case '=' -> value |= inFields && !quoted;
                case ',' -> value &= quoted;
                case '"' -> quoted ^= value;
                case '\n' -> {
                    if (!quoted) {
                        return i + 1;
                    }
                    line.newlines++;
                }
                default -> {}
            }
        }
        return end;
    }

    /// Parses from the beginning of a line to behind its end; false if there is no point on it.
    private boolean parseLine(long point) throws BadLineException {
        line.clear();
        skipSpace();
        if (at == end || isLineEnd()) {
            endLine();
            return false;
        }
        if (body[at] == '#') {
            while (at < end && body[at] != '\n') {
                at++;
            }
            endLine();
            return false;
        }
        TableBuilder table = table();
        while (at < end && body[at] == ',') {
            at++;
            parseTag(table, point);
        }
        int space = at;
        skipSpace();
        if (at == space || at == end || isLineEnd()) {
            throw new BadLineException(
                    "fields are missing: expected measurement[,tag=value…] field=value… [timestamp]");
        }
        parseField(table, point);
        while (at < end && body[at] == ',') {
            at++;
            parseField(table, point);
        }
        long timeNs = parseTime();
        commit(table, timeNs);
        endLine();
        return true;
    }

    private void skipSpace() {
        while (at < end && (body[at] == ' ' || body[at] == '\t')) {
            at++;
        }
    }

    private boolean isLineEnd() {
        return body[at] == '\n' || (body[at] == '\r' && (at + 1 == end || body[at + 1] == '\n'));
    }

    private void endLine() {
        if (at < end && body[at] == '\r') {
            at++;
        }
        if (at < end) {
            at++;
        }
    }

    private TableBuilder table() throws BadLineException {
        readName(false);
        if (line.from == line.to) {
            throw new BadLineException("measurement is missing");
        }
        if (lastTable >= 0
                && Arrays.equals(
                        tableNames.bytes(),
                        tableNames.start(lastTable),
                        tableNames.end(lastTable),
                        line.source,
                        line.from,
                        line.to)) {
            return tables.get(lastTable);
        }
        int found = tableNames.find(line.source, line.from, line.to);
        if (found < 0) {
            requireUtf8("measurement");
            TableName name;
            try {
                name = new TableName(new String(line.source, line.from, line.to - line.from, StandardCharsets.UTF_8));
            } catch (IllegalArgumentException e) {
                throw new BadLineException("measurement: " + e.getMessage());
            }
            found = tableNames.intern(line.source, line.from, line.to);
            tables.add(new TableBuilder(name, options.known().find(name)));
        }
        lastTable = found;
        return tables.get(found);
    }

    /// Reads a name or a tag's value up to a separator that is not escaped; where it stands is in the scratch.
    ///
    /// @param isKey whether a `=` ends it and can be escaped
    private void readName(boolean isKey) {
        int start = at;
        while (at < end) {
            byte c = body[at];
            if (c == '\\') {
                readEscapedName(start, isKey);
                return;
            }
            if (c == ',' || c == ' ' || c == '\t' || c == '\n' || (c == '\r' && isLineEnd()) || (c == '=' && isKey)) {
                break;
            }
            at++;
        }
        line.source = body;
        line.from = start;
        line.to = at;
    }

    private void readEscapedName(int start, boolean isKey) {
        line.beginText();
        line.append(body, start, at);
        while (at < end) {
            byte c = body[at];
            if (c == '\\' && at + 1 < end && isEscapable(body[at + 1], isKey)) {
                line.append(body, at + 1, at + 2);
                at += 2;
                continue;
            }
            if (c == ',' || c == ' ' || c == '\t' || c == '\n' || (c == '\r' && isLineEnd()) || (c == '=' && isKey)) {
                break;
            }
            line.append(body, at, at + 1);
            at++;
        }
        line.endText();
    }

    private static boolean isEscapable(byte c, boolean isKey) {
        return c == ',' || c == ' ' || (c == '=' && isKey);
    }

    private static ByteBuffer view(byte[] source) {
        return ByteBuffer.wrap(source).order(ByteOrder.LITTLE_ENDIAN);
    }

    private void requireUtf8(String what) throws BadLineException {
        ByteBuffer view = view(line.source);
        if (!Utf8.isValid(view, line.from, line.to)) {
            throw new BadLineException(
                    "%s '%s' is not valid UTF-8".formatted(what, Text.printable(line.source, line.from, line.to)));
        }
    }

    private void parseTag(TableBuilder table, long point) throws BadLineException {
        readName(true);
        byte[] keySource = line.source;
        int keyFrom = line.from;
        int keyTo = line.to;
        expectEquals("tag", keySource, keyFrom, keyTo);
        readName(true);
        if (at < end && body[at] == '=') {
            throw new BadLineException("tag '%s': its value has a '=' that is not escaped"
                    .formatted(Text.printable(keySource, keyFrom, keyTo)));
        }
        if (line.from == line.to) {
            throw new BadLineException("tag '%s' has no value".formatted(Text.printable(keySource, keyFrom, keyTo)));
        }
        int column = column(table, keySource, keyFrom, keyTo, ColumnKind.TAG, ColumnType.STRING, point, "tag");
        if (column < 0 || !table.column(column).hasTagValue(line.source, line.from, line.to)) {
            requireUtf8("tag value");
        }
        line.addText(column, line.source, line.from, line.to);
    }

    private void expectEquals(String what, byte[] source, int from, int to) throws BadLineException {
        if (from == to) {
            throw new BadLineException("a %s has no name".formatted(what));
        }
        if (at == end || body[at] != '=') {
            throw new BadLineException(
                    "%s '%s' is followed by no '='".formatted(what, Text.printable(source, from, to)));
        }
        at++;
    }

    /// The column of a name, checked against the kind and type that the line gives it: an index, or below zero the
    /// complement of a place among the line's new columns.
    private int column(
            TableBuilder table,
            byte[] source,
            int from,
            int to,
            ColumnKind kind,
            ColumnType type,
            long point,
            String what)
            throws BadLineException {
        int index = table.find(source, from, to);
        if (index >= 0) {
            ColumnBuilder column = table.column(index);
            ColumnSchema schema = column.schema;
            if (schema.kind() != kind || schema.type() != type) {
                throw column.lastLine == point && schema.kind() != kind
                        ? new BadLineException("'%s' is both a tag and a field".formatted(schema.name()))
                        : table.conflict(schema, new ColumnSchema(schema.name(), kind, type));
            }
            if (column.lastLine == point && kind == ColumnKind.TAG) {
                throw new BadLineException("tag '%s' stands twice".formatted(schema.name()));
            }
            column.lastLine = point;
            return index;
        }
        int place = line.findNew(source, from, to);
        if (place >= 0) {
            ColumnSchema schema = line.newSchema(place);
            if (schema.kind() != kind) {
                throw new BadLineException("'%s' is both a tag and a field".formatted(schema.name()));
            }
            if (kind == ColumnKind.TAG) {
                throw new BadLineException("tag '%s' stands twice".formatted(schema.name()));
            }
            if (schema.type() != type) {
                throw table.conflict(schema, new ColumnSchema(schema.name(), kind, type));
            }
            return ~place;
        }
        line.keepName(source, from, to);
        ColumnSchema schema;
        ByteBuffer view = view(source);
        if (!Utf8.isValid(view, from, to)) {
            throw new BadLineException(
                    "%s name '%s' is not valid UTF-8".formatted(what, Text.printable(source, from, to)));
        }
        schema = table.check(source, from, to, kind, type, line.newCount());
        return ~line.addNew(schema);
    }

    private void parseField(TableBuilder table, long point) throws BadLineException {
        readName(true);
        byte[] source = line.source;
        int from = line.from;
        int to = line.to;
        expectEquals("field", source, from, to);
        if (at == end) {
            throw new BadLineException("field '%s' has no value".formatted(Text.printable(source, from, to)));
        }
        if (body[at] == '"') {
            readString(source, from, to);
            requireUtf8("value of field '" + Text.printable(source, from, to) + "'");
            int column = column(table, source, from, to, ColumnKind.FIELD, ColumnType.STRING, point, "field");
            line.addText(column, line.source, line.from, line.to);
            if (at < end && body[at] != ',' && body[at] != ' ' && body[at] != '\t' && !isLineEnd()) {
                throw new BadLineException("field '%s': expected ',', a space or the end of the line behind its string"
                        .formatted(Text.printable(source, from, to)));
            }
            return;
        }
        int start = at;
        while (at < end && body[at] != ',' && body[at] != ' ' && body[at] != '\t' && !isLineEnd()) {
            at++;
        }
        parseScalar(table, point, source, from, to, start);
    }

    private void parseScalar(TableBuilder table, long point, byte[] source, int from, int to, int start)
            throws BadLineException {
        if (start == at) {
            throw new BadLineException("field '%s' has no value".formatted(Text.printable(source, from, to)));
        }
        ColumnType type;
        long bits;
        byte first = body[start];
        if (first == 't' || first == 'T' || first == 'f' || first == 'F') {
            type = ColumnType.BOOL;
            bits = parseBool(source, from, to, start) ? 1 : 0;
        } else if (body[at - 1] == 'i') {
            type = ColumnType.I64;
            bits = Numbers.parseLong(body, start, at - 1, "integer");
        } else if (body[at - 1] == 'u') {
            type = ColumnType.U64;
            bits = Numbers.parseUnsigned(body, start, at - 1, "unsigned integer");
        } else {
            type = ColumnType.F64;
            bits = Double.doubleToRawLongBits(Numbers.parseDouble(body, start, at, "value"));
        }
        line.addNumber(column(table, source, from, to, ColumnKind.FIELD, type, point, "field"), bits);
    }

    private boolean parseBool(byte[] source, int from, int to, int start) throws BadLineException {
        String text = new String(body, start, Math.min(at - start, 6), StandardCharsets.ISO_8859_1);
        return switch (text) {
            case "t", "T", "true", "True", "TRUE" -> true;
            case "f", "F", "false", "False", "FALSE" -> false;
            default ->
                throw new BadLineException("field '%s': '%s' is no value: a string is quoted, a boolean is t or f"
                        .formatted(Text.printable(source, from, to), Text.printable(body, start, at)));
        };
    }

    /// Reads a quoted string; where it stands, without quotes and escapes, is in the scratch.
    private void readString(byte[] keySource, int keyFrom, int keyTo) throws BadLineException {
        int start = at + 1;
        int i = start;
        boolean escapes = false;
        while (i < end && body[i] != '"') {
            if (body[i] == '\n') {
                line.newlines++;
            } else if (body[i] == '\\' && i + 1 < end && (body[i + 1] == '"' || body[i + 1] == '\\')) {
                escapes = true;
                i++;
            }
            i++;
        }
        if (i >= end) {
            throw new BadLineException(
                    "field '%s': its string does not end".formatted(Text.printable(keySource, keyFrom, keyTo)));
        }
        at = i + 1;
        if (!escapes) {
            line.source = body;
            line.from = start;
            line.to = i;
            return;
        }
        line.beginText();
        for (int from = start; from < i; from++) {
            if (body[from] == '\\' && (body[from + 1] == '"' || body[from + 1] == '\\')) {
                from++;
            }
            line.append(body, from, from + 1);
        }
        line.endText();
    }

    private long parseTime() throws BadLineException {
        int space = at;
        skipSpace();
        if (at == end || isLineEnd()) {
            return options.defaultTimeNs();
        }
        if (at == space) {
            throw new BadLineException("expected ',', a space or the end of the line, found '%s'"
                    .formatted(Text.printable(body, at, Math.min(end, at + 1))));
        }
        int start = at;
        while (at < end && body[at] != ' ' && body[at] != '\t' && !isLineEnd()) {
            at++;
        }
        long stamp = Numbers.parseLong(body, start, at, "timestamp");
        int stop = at;
        skipSpace();
        if (at < end && !isLineEnd()) {
            throw new BadLineException("behind the timestamp: expected the end of the line, found '%s'"
                    .formatted(Text.printable(body, at, end)));
        }
        long timeNs;
        try {
            timeNs = Math.multiplyExact(stamp, options.precision().nanos());
        } catch (ArithmeticException e) {
            timeNs = stamp < 0 ? Long.MIN_VALUE : Long.MAX_VALUE; // out of range either way
        }
        if (!PartitionTemplate.isInRange(timeNs)) {
            throw new BadLineException("timestamp %s in %s is out of range: expected the years 1678 to 2261"
                    .formatted(Text.printable(body, start, stop), options.precision()));
        }
        return timeNs;
    }

    private void commit(TableBuilder table, long timeNs) {
        int row = table.rowCount();
        int[] added = new int[line.newCount()];
        for (int place = 0; place < added.length; place++) {
            added[place] = table.add(line.names(), line.nameStart(place), line.nameEnd(place), line.newSchema(place));
        }
        for (int i = 0; i < line.count(); i++) {
            int index = line.column(i);
            ColumnBuilder column = table.column(index >= 0 ? index : added[~index]);
            if (column.isTag()) {
                column.setTag(row, line.text(i), line.textFrom(i), line.textTo(i));
            } else if (column.schema.type() == ColumnType.STRING) {
                column.setString(row, line.text(i), line.textFrom(i), line.textTo(i));
            } else {
                column.setNumber(row, line.number(i));
            }
        }
        table.endRow(timeNs);
    }
}
