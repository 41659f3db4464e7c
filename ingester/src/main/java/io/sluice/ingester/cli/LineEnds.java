package io.sluice.ingester.cli;

/// Tells where lines of line protocol end, byte after byte, just as the parser sees it: a line feed within a string
/// ends none. For one thread.
final class LineEnds {
    /// Where in a line the last byte stands.
    private enum Place {
        /// Before a point: white space, blank lines.
        BEFORE,
        COMMENT,
        /// Table and tags, up to the first space that is not escaped.
        KEY,
        FIELDS,
        STRING
    }

    private Place place = Place.BEFORE;
    private byte before;
    private boolean afterBackslash;

    /// Takes the next byte; whether a line ends with it.
    boolean endsAt(byte c) {
        if (afterBackslash) {
            afterBackslash = false;
            if (isEscaped(c)) {
                return false;
            }
        }
        boolean end = c == '\n' && place != Place.STRING;
        afterBackslash = c == '\\' && place != Place.COMMENT;
        place = end ? Place.BEFORE : placeBehind(c);
        before = c;
        return end;
    }

    private Place placeBehind(byte c) {
        return switch (place) {
            case BEFORE ->
                switch (c) {
                    case ' ', '\t', 0 -> Place.BEFORE;
                    case '#' -> Place.COMMENT;
                    default -> Place.KEY;
                };
            case COMMENT -> Place.COMMENT;
            case KEY -> c == ' ' ? Place.FIELDS : Place.KEY;
            // Elsewhere a quote is a character like any other.
            case FIELDS -> c == '"' && before == '=' ? Place.STRING : Place.FIELDS;
            case STRING -> c == '"' ? Place.FIELDS : Place.STRING;
        };
    }

    /// Whether a backslash takes this byte with it; before others it is a character like any other.
    private boolean isEscaped(byte c) {
        return switch (c) {
            case '"', '\\' -> place == Place.STRING;
            case ',', ' ', '=' -> place != Place.STRING;
            default -> false;
        };
    }
}
