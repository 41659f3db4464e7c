package io.sluice.ingester.cli;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/// Cuts a stream of line protocol into batches of whole points, where the parser would see their ends: a line feed
/// within a string ends no point. For one thread.
///
/// A point longer than [#MAX_POINT_BYTES] (a string that is never closed, or no line protocol at all) ends the input,
/// as nothing behind it can be told from it.
final class LineBatches {
    /// Far above what a row may have; far below what a request may.
    static final int MAX_POINT_BYTES = 8 << 20;

    private static final int READ_BYTES = 1 << 16;
    /// A batch ends here even if it has fewer lines, as a request may not be of any size.
    private static final int MAX_BATCH_BYTES = 8 << 20;

    /// Where in a point a byte stands.
    private enum Place {
        /// Before a point: white space, blank lines.
        BEFORE,
        COMMENT,
        /// Table and tags, up to the first space that is not escaped.
        KEY,
        FIELDS,
        STRING
    }

    private final InputStream in;
    private final int maxLines;
    private byte[] buffer = new byte[4 * READ_BYTES];
    private int length;
    private boolean ended;
    private long linesBefore;

    LineBatches(InputStream in, int maxLines) {
        this.in = in;
        this.maxLines = maxLines;
    }

    /// Whole lines.
    ///
    /// @param firstLine the number of the first, from 1
    /// @param lastLine the number of the last; one less than the first if there is none
    record Batch(byte[] bytes, int lengthBytes, long firstLine, long lastLine) {}

    /// The next lines; none if `lengthBytes` is 0.
    ///
    /// @throws IOException if the input cannot be read, or a point does not end
    Batch next() throws IOException {
        Place place = Place.BEFORE;
        byte before = 0;
        int end = 0;
        int lines = 0;
        int at = 0;
        long newlines = 0;
        long newlinesAtEnd = 0;
        while (lines < maxLines && end < MAX_BATCH_BYTES) {
            if (at == length && !fill()) {
                end = length; // the last line needs no line feed
                newlinesAtEnd = newlines + (at > 0 && buffer[at - 1] != '\n' ? 1 : 0);
                break;
            }
            if (at - end >= MAX_POINT_BYTES) {
                throw new IOException("line %d does not end within %d bytes: a string that is never closed?"
                        .formatted(linesBefore + newlinesAtEnd + 1, MAX_POINT_BYTES));
            }
            byte c = buffer[at];
            if (c == '\\' && place != Place.COMMENT && isEscape(at, place)) {
                place = place == Place.BEFORE ? Place.KEY : place;
                before = c;
                at += 2;
                continue;
            }
            if (c == '\n') {
                newlines++;
                if (place != Place.STRING) {
                    place = Place.BEFORE;
                    end = at + 1;
                    newlinesAtEnd = newlines;
                    lines++;
                }
            } else {
                place = place(place, c, before);
            }
            before = c;
            at++;
        }
        Batch batch = new Batch(Arrays.copyOf(buffer, end), end, linesBefore + 1, linesBefore + newlinesAtEnd);
        System.arraycopy(buffer, end, buffer, 0, length - end);
        length -= end;
        linesBefore += newlinesAtEnd;
        return batch;
    }

    /// The place behind a byte that is no line feed.
    private static Place place(Place place, byte c, byte before) {
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

    /// Whether a backslash takes the next byte with it; elsewhere it is a character like any other.
    private boolean isEscape(int at, Place place) throws IOException {
        if (at + 1 == length && !fill()) {
            return false;
        }
        return switch (buffer[at + 1]) {
            case '"', '\\' -> place == Place.STRING;
            case ',', ' ', '=' -> place != Place.STRING;
            default -> false;
        };
    }

    private boolean fill() throws IOException {
        while (!ended) {
            if (buffer.length - length < READ_BYTES) {
                buffer = Arrays.copyOf(buffer, 2 * buffer.length);
            }
            int read = in.read(buffer, length, READ_BYTES);
            if (read > 0) {
                length += read;
                return true;
            }
            ended = read < 0;
        }
        return false;
    }
}
