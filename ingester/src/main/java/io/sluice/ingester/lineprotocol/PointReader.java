package io.sluice.ingester.lineprotocol;

import io.sluice.ingester.door.Utf8;
import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnType;
import io.sluice.model.PartitionTemplate;
import java.util.Arrays;

/// Reads points from the bytes of a body, one after the other. What it reads it hands to the columns of a [Table] as
/// numbers and references; it makes no object for a tag or a field. One thread.
///
/// A backslash escapes a comma or a space in a table's name, and an equals sign too in the keys and values of tags and
/// in the keys of fields; in a string it escapes a double quote or a backslash. Before anything else it is a backslash.
/// A line ends at a line feed outside a string, with or without a carriage return before it.
final class PointReader {
    private static final int TABLE_STOP = 1;
    private static final int KEY_STOP = 2;
    private static final byte[] STOPS = stops();
    private static final byte END_OF_LINE = '\n';
    private static final int FAST_DIGITS = 19; // always fit into an unsigned long
    private static final int MAX_KEPT_SCRATCH_BYTES = 1 << 16;

    private final SeriesCache series;
    private byte[] body = {};
    private int position;
    private int end;
    private long line;

    /// The column of the key that was read last, or [ByteInterner#NOT_FOUND] as long as nobody looked for it.
    private int keyColumn;

    private byte[] scratch = new byte[256];
    private int scratchBytes;
    private boolean overflow;

    /// @param series for the points of all bodies
    PointReader(SeriesCache series) {
        this.series = series;
    }

    /// Begins with a body.
    void begin(byte[] newBody, int offset, int lengthBytes) {
        body = newBody;
        position = offset;
        end = offset + lengthBytes;
        line = 1;
        if (scratch.length > MAX_KEPT_SCRATCH_BYTES) {
            scratch = new byte[256];
        }
    }

    /// The number of the line that the next byte stands in, counted from 1.
    long line() {
        return line;
    }

    /// Where text stands that had to lose its backslashes.
    byte[] scratch() {
        return scratch;
    }

    /// Skips white space, blank lines and comments.
    ///
    /// @return whether a point is left to read
    boolean findNext() {
        while (position < end) {
            switch (body[position]) {
                case ' ', '\t', 0 -> position++;
                case '\n' -> {
                    position++;
                    line++;
                }
                case '\r' -> {
                    if (!endsLine(position)) {
                        return true;
                    }
                    position++;
                }
                case '#' -> {
                    while (position < end && body[position] != '\n') {
                        position++;
                    }
                }
                default -> {
                    return true;
                }
            }
        }
        return false;
    }

    /// Reads the point that [#findNext()] found, up to the end of its line. If that fails, skips the line.
    ///
    /// @return the table that the point belongs to
    Table read(Tables tables, Point point, ParseOptions options) throws BadLine {
        int start = position;
        long startLine = line;
        try {
            return readPoint(tables, point, options);
        } catch (BadLine e) {
            position = start;
            line = startLine;
            skipBadPoint();
            throw e;
        }
    }

    private Table readPoint(Tables tables, Point point, ParseOptions options) throws BadLine {
        point.begin();
        scratchBytes = 0;
        Table table = readSeries(tables, point);
        skipSpaces();
        if (stop() == END_OF_LINE) {
            throw new BadLine(() -> "fields are missing: expected 'table[,tag=value…] field=value[,…] [timestamp]'");
        }
        boolean more = readUsualFields(table, point);
        while (more) {
            readField(table, point);
            if (stop() == ',') {
                position++;
                more = readUsualFields(table, point);
            } else {
                more = false;
            }
        }
        skipSpaces();
        point.setTimestampNs(stop() == END_OF_LINE ? options.defaultTimeNs() : readTimestamp(options.precision()));
        return table;
    }

    /// Reads the table's name and the tags.
    private Table readSeries(Tables tables, Point point) throws BadLine {
        if (series.find(body, position, end)) {
            position += series.lengthBytes();
            return series.fill(point, tables, body);
        }
        long name = readText(TABLE_STOP);
        if (Text.lengthBytes(name) == 0) {
            throw new BadLine(() -> "table name is missing before ','");
        }
        Table table = tables.open(bytes(name), Text.from(name), Text.lengthBytes(name));
        while (stop() == ',') {
            position++;
            readTag(table, point);
        }
        return table;
    }

    private void readTag(Table table, Point point) throws BadLine {
        long key = readKey(table, point.tagCount, "tag");
        long value = readText(KEY_STOP);
        if (stop() == '=') {
            throw new BadLine(() -> "value of tag %s has a bare '=': expected '\\='".formatted(quoted(key)));
        }
        if (Text.lengthBytes(value) == 0) {
            throw new BadLine(() -> "value of tag %s is empty".formatted(quoted(key)));
        }
        Column column = column(table, point.tagCount, ColumnKind.TAG, ColumnType.STRING, key);
        if (!(column instanceof Column.Tag tag)) {
            throw table.conflict(column, ColumnKind.TAG, ColumnType.STRING);
        }
        if (!tag.isFirstIn(point.number())) {
            throw new BadLine(() -> "tag %s stands twice".formatted(quoted(key)));
        }
        byte[] bytes = bytes(value);
        int from = Text.from(value);
        int lengthBytes = Text.lengthBytes(value);
        int hash = tag.dictionary().hash(bytes, from, lengthBytes);
        int code = tag.dictionary().find(hash, bytes, from, lengthBytes);
        if (code == ByteInterner.NOT_FOUND && !Utf8.isValid(bytes, from, from + lengthBytes)) {
            throw new BadLine(() -> "value %s of tag %s is not UTF-8".formatted(quoted(value), quoted(key)));
        }
        point.addTag(tag, code, hash, value);
    }

    /// Reads fields as long as each has the key of its place in the point before, and an integer as its value like
    /// there; [#readField] would read the same of them. It is short, so that the compiler keeps all in registers.
    ///
    /// @return whether the key of a field comes next, and not the space behind the last one
    private boolean readUsualFields(Table table, Point point) {
        byte[] bytes = body;
        int to = end;
        int at = position;
        while (true) {
            int id = table.findExpected(point.tagCount + point.fieldCount, bytes, at, to);
            if (id == ByteInterner.NOT_FOUND
                    || !(table.column(id) instanceof Column.Field field)
                    || field.type() != ColumnType.I64) {
                break;
            }
            int first = at + table.nameBytes(id) + 1;
            boolean negative = first < to && bytes[first] == '-';
            first += negative ? 1 : 0;
            if (first + 2 * Long.BYTES > bytes.length) {
                break;
            }
            long word = Words.at(bytes, first);
            int digits = Words.digits(word);
            long value = Words.number(word, digits);
            if (digits == Long.BYTES) {
                long next = Words.at(bytes, first + Long.BYTES);
                int more = Words.digits(next);
                value = Words.append(value, next, more);
                digits += more;
            }
            int behind = first + digits + 1;
            if (digits == 0
                    || behind >= to
                    || bytes[behind - 1] != 'i'
                    || (bytes[behind] != ',' && bytes[behind] != ' ')) {
                break;
            }
            point.setField(field, ColumnType.I64, negative ? -value : value);
            if (bytes[behind] == ' ') {
                position = behind;
                return false;
            }
            at = behind + 1;
        }
        position = at;
        return true;
    }

    private void readField(Table table, Point point) throws BadLine {
        long key = readKey(table, point.tagCount + point.fieldCount, "field");
        int from = position;
        ColumnType type;
        long bits;
        switch (stop()) {
            case '"' -> {
                type = ColumnType.STRING;
                bits = readString(key);
            }
            case '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '-', '.' -> {
                long whole = readWhole();
                switch (stop()) {
                    case 'i' -> {
                        type = ColumnType.I64;
                        bits = asInteger(key, from, whole);
                    }
                    case 'u' -> {
                        type = ColumnType.U64;
                        bits = asUnsigned(key, from, whole);
                    }
                    default -> {
                        type = ColumnType.F64;
                        bits = readFloat(key, from);
                    }
                }
            }
            default -> {
                type = ColumnType.BOOL;
                bits = readBoolean(key);
            }
        }
        if (!isAfterValue()) {
            throw badValue(key, from);
        }
        Column column = column(table, point.tagCount + point.fieldCount, ColumnKind.FIELD, type, key);
        if (!(column instanceof Column.Field field)) {
            throw table.conflict(column, ColumnKind.FIELD, type);
        }
        point.setField(field, type, bits);
    }

    /// Reads a key and the equals sign behind it. If it is the one of the same place in the point before,
    /// [#keyColumn] is its column.
    private long readKey(Table table, int columnsBefore, String kind) throws BadLine {
        int from = position;
        keyColumn = table.findExpected(columnsBefore, body, from, end);
        if (keyColumn != ByteInterner.NOT_FOUND) {
            int lengthBytes = table.nameBytes(keyColumn);
            position = from + lengthBytes + 1;
            return Text.inBody(from, lengthBytes);
        }
        long key = readText(KEY_STOP);
        if (Text.lengthBytes(key) == 0) {
            throw new BadLine(() -> "key of a %s is missing".formatted(kind));
        }
        if (stop() != '=') {
            throw new BadLine(() -> "%s %s has no value: expected '='".formatted(kind, quoted(key)));
        }
        position++;
        return key;
    }

    /// The column of the key that was read last.
    private Column column(Table table, int columnsBefore, ColumnKind kind, ColumnType type, long key) throws BadLine {
        if (keyColumn == ByteInterner.NOT_FOUND) {
            byte[] bytes = bytes(key);
            int from = Text.from(key);
            int lengthBytes = Text.lengthBytes(key);
            keyColumn = table.find(bytes, from, lengthBytes);
            if (keyColumn == ByteInterner.NOT_FOUND) {
                keyColumn = table.add(kind, type, bytes, from, lengthBytes);
            }
            if (!Text.isInScratch(key)) {
                table.expect(columnsBefore, keyColumn);
            }
        }
        return table.column(keyColumn);
    }

    /// Reads an optional minus and the digits after it.
    ///
    /// @return the digits' value as an unsigned long; [#overflow] tells whether it is one
    private long readWhole() {
        int i = position;
        if (body[i] == '-') {
            i++;
        }
        int first = i;
        long value = 0;
        for (; i < end; i++) {
            int digit = body[i] - '0';
            if (digit < 0 || digit > 9) {
                break;
            }
            value = value * 10 + digit;
        }
        position = i;
        overflow = false;
        return i - first <= FAST_DIGITS ? value : readLongWhole(first, i);
    }

    private long readLongWhole(int first, int to) {
        long value = 0;
        for (int i = first; i < to; i++) {
            int digit = body[i] - '0';
            long limit = Long.divideUnsigned(-1L - digit, 10);
            overflow |= Long.compareUnsigned(value, limit) > 0;
            value = value * 10 + digit;
        }
        return value;
    }

    /// An integer whose digits were read, and whose `i` comes next.
    private long asInteger(long key, int from, long magnitude) throws BadLine {
        boolean negative = body[from] == '-';
        boolean tooLarge = overflow || Long.compareUnsigned(magnitude, Long.MAX_VALUE + (negative ? 1 : 0)) > 0;
        if (position == from + (negative ? 1 : 0)) {
            throw badValue(key, from);
        }
        if (tooLarge) {
            throw outOfRange(key, from, "%d to %d".formatted(Long.MIN_VALUE, Long.MAX_VALUE));
        }
        position++;
        return negative ? -magnitude : magnitude;
    }

    /// An unsigned integer whose digits were read, and whose `u` comes next.
    private long asUnsigned(long key, int from, long magnitude) throws BadLine {
        if (body[from] == '-' || position == from) {
            throw badValue(key, from);
        }
        if (overflow) {
            throw outOfRange(key, from, "0 to 18446744073709551615");
        }
        position++;
        return magnitude;
    }

    private long readFloat(long key, int from) throws BadLine {
        position = from;
        while (!isAfterValue()) {
            position++;
        }
        double value = Decimals.parse(body, from, position);
        if (Double.isNaN(value)) {
            throw badValue(key, from);
        }
        if (Double.isInfinite(value)) {
            throw outOfRange(key, from, "a finite 64-bit float");
        }
        return Double.doubleToRawLongBits(value);
    }

    private long readBoolean(long key) throws BadLine {
        int from = position;
        while (!isAfterValue()) {
            position++;
        }
        if (isOneOf(from, "t", "T", "true", "True", "TRUE")) {
            return 1;
        }
        if (isOneOf(from, "f", "F", "false", "False", "FALSE")) {
            return 0;
        }
        throw badValue(key, from);
    }

    private boolean isOneOf(int from, String... words) {
        int lengthBytes = position - from;
        for (String word : words) {
            if (word.length() == lengthBytes) {
                int i = 0;
                while (i < lengthBytes && body[from + i] == word.charAt(i)) {
                    i++;
                }
                if (i == lengthBytes) {
                    return true;
                }
            }
        }
        return false;
    }

    /// Reads a string in double quotes; it may hold line feeds.
    private long readString(long key) throws BadLine {
        int from = position + 1;
        int i = from;
        int all = 0; // its sign tells whether there is a byte that is not ASCII
        boolean escaped = false;
        for (; i < end; i++) {
            byte b = body[i];
            all |= b;
            if (b == '"') {
                break;
            }
            if (b == '\\') {
                if (isEscapeInString(i)) {
                    escaped = true;
                    i++;
                }
            } else if (b == '\n') {
                line++;
            }
        }
        if (i >= end) {
            throw new BadLine(
                    () -> "string of field %s is never closed: nothing after it was read".formatted(quoted(key)));
        }
        position = i + 1;
        if (all < 0 && !Utf8.isValid(body, from, i)) {
            throw new BadLine(() -> "string of field %s is not UTF-8".formatted(quoted(key)));
        }
        return escaped ? unescapeString(from, i) : Text.inBody(from, i - from);
    }

    private boolean isEscapeInString(int i) {
        return i + 1 < end && (body[i + 1] == '"' || body[i + 1] == '\\');
    }

    private long unescapeString(int from, int to) {
        int scratchFrom = reserveScratch(to - from);
        for (int i = from; i < to; i++) {
            if (body[i] == '\\' && isEscapeInString(i)) {
                i++;
            }
            scratch[scratchBytes++] = body[i];
        }
        return Text.inScratch(scratchFrom, scratchBytes - scratchFrom);
    }

    private long readTimestamp(Precision precision) throws BadLine {
        int from = position;
        byte first = stop();
        long magnitude = first == '-' || (first >= '0' && first <= '9') ? readWhole() : 0;
        boolean negative = first == '-';
        if (position == from + (negative ? 1 : 0) || (stop() != ' ' && stop() != END_OF_LINE)) {
            throw new BadLine(() -> "timestamp %s is no integer".formatted(quotedWord(from)));
        }
        long unit = precision.nanoseconds();
        long timestampNs = (negative ? -magnitude : magnitude) * unit;
        if (overflow
                || Long.compareUnsigned(magnitude, Long.MAX_VALUE / unit) > 0
                || !PartitionTemplate.isInRange(timestampNs)) {
            throw new BadLine(() -> "timestamp %s in %s is out of range: expected %d to %d"
                    .formatted(
                            quotedWord(from),
                            precision,
                            Math.ceilDiv(PartitionTemplate.MIN_TIMESTAMP_NS, unit),
                            Math.floorDiv(PartitionTemplate.MAX_TIMESTAMP_NS, unit)));
        }
        skipSpaces();
        if (stop() != END_OF_LINE) {
            int behind = position;
            throw new BadLine(
                    () -> "%s behind the timestamp: expected the end of the line".formatted(quotedWord(behind)));
        }
        return timestampNs;
    }

    /// Reads text up to one of the bytes that end it, unescaped if need be.
    private long readText(int stopMask) {
        int from = position;
        int i = Words.skipPlain(body, from, end);
        for (; i < end; i = Words.skipPlain(body, i + 1, end)) {
            if ((STOPS[body[i] & 0xFF] & stopMask) != 0) {
                if (body[i] == '\\') {
                    if (isEscapeInText(i, stopMask)) {
                        return readEscapedText(from, i, stopMask);
                    }
                } else if (body[i] != '\r' || endsLine(i)) {
                    break;
                }
            }
        }
        position = i;
        return Text.inBody(from, i - from);
    }

    private long readEscapedText(int from, int firstEscape, int stopMask) {
        int to = firstEscape;
        for (; to < end; to++) {
            if ((STOPS[body[to] & 0xFF] & stopMask) != 0) {
                if (body[to] == '\\') {
                    to += isEscapeInText(to, stopMask) ? 1 : 0;
                } else if (body[to] != '\r' || endsLine(to)) {
                    break;
                }
            }
        }
        int scratchFrom = reserveScratch(to - from);
        for (int i = from; i < to; i++) {
            if (body[i] == '\\' && isEscapeInText(i, stopMask)) {
                i++;
            }
            scratch[scratchBytes++] = body[i];
        }
        position = to;
        return Text.inScratch(scratchFrom, scratchBytes - scratchFrom);
    }

    private boolean isEscapeInText(int i, int stopMask) {
        if (i + 1 == end) {
            return false;
        }
        byte next = body[i + 1];
        return next == ',' || next == ' ' || (next == '=' && stopMask == KEY_STOP);
    }

    /// Makes room for this many bytes more, and answers where they begin.
    private int reserveScratch(int lengthBytes) {
        if (lengthBytes > scratch.length - scratchBytes) {
            scratch = Arrays.copyOf(scratch, Math.max(scratchBytes + lengthBytes, scratch.length << 1));
        }
        return scratchBytes;
    }

    /// Moves to the end of the line that begins at `position`, over strings with line feeds.
    private void skipBadPoint() {
        boolean inFields = false;
        byte before = 0;
        int i = position;
        while (i < end && body[i] != '\n') {
            byte b = body[i];
            if (b == '\\') {
                i += isEscapeInText(i, KEY_STOP) ? 2 : 1;
            } else if (b == '"' && inFields && before == '=') {
                i = skipString(i + 1);
            } else {
                inFields |= b == ' ';
                i++;
            }
            before = b;
        }
        position = i;
    }

    /// The position behind a string whose content begins at `from`.
    private int skipString(int from) {
        for (int i = from; i < end; i++) {
            byte b = body[i];
            if (b == '"') {
                return i + 1;
            }
            if (b == '\\' && isEscapeInString(i)) {
                i++;
            } else if (b == '\n') {
                line++;
            }
        }
        return end;
    }

    /// The next byte, or [#END_OF_LINE] if the line or the body ends here.
    private byte stop() {
        if (position == end) {
            return END_OF_LINE;
        }
        byte b = body[position];
        return b == '\r' && endsLine(position) ? END_OF_LINE : b;
    }

    /// Whether the line ends at a byte: at a line feed, or a carriage return before one or before the body's end.
    private boolean endsLine(int i) {
        return body[i] == '\n' || (body[i] == '\r' && (i + 1 == end || body[i + 1] == '\n'));
    }

    private boolean isAfterValue() {
        byte b = stop();
        return b == ',' || b == ' ' || b == END_OF_LINE;
    }

    private void skipSpaces() {
        while (position < end && (body[position] == ' ' || body[position] == '\t' || body[position] == 0)) {
            position++;
        }
    }

    private byte[] bytes(long text) {
        return Text.isInScratch(text) ? scratch : body;
    }

    private String quoted(long text) {
        return Quoted.text(bytes(text), Text.from(text), Text.lengthBytes(text));
    }

    /// What stands at a position, up to the next space or comma.
    private String quotedWord(int from) {
        int to = from;
        while (to < end && body[to] != ' ' && body[to] != ',' && !endsLine(to)) {
            to++;
        }
        return Quoted.text(body, from, to - from);
    }

    private BadLine badValue(long key, int from) {
        return new BadLine(() -> "value %s of field %s is none: expected 1.5, 1i, 1u, true or \"text\""
                .formatted(quotedWord(from), quoted(key)));
    }

    private BadLine outOfRange(long key, int from, String expected) {
        return new BadLine(() ->
                "value %s of field %s is out of range: expected %s".formatted(quotedWord(from), quoted(key), expected));
    }

    private static byte[] stops() {
        var stops = new byte[256];
        for (byte both : new byte[] {',', ' ', '\n', '\r', '\\'}) {
            stops[both] = TABLE_STOP | KEY_STOP;
        }
        stops['='] = KEY_STOP;
        return stops;
    }
}
