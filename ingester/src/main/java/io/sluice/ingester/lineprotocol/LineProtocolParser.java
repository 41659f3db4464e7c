package io.sluice.ingester.lineprotocol;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/// Reads InfluxDB line protocol into columns, in one pass over the bytes.
///
/// Each good line becomes a row, also if another row has its key: which one wins is decided later, and for all kinds of
/// writes alike. A bad line leaves no trace: it is read in full before any column is touched.
///
/// It takes what InfluxDB (1.x and 2.x) takes, with these differences:
///
/// - a name must obey the rules of our names: no control characters, at most 255 bytes;
/// - no tag or field is named `time`, no tag is also a field;
/// - a line ends at a line feed even if a backslash stands before it, save in a string;
/// - a carriage return before a line feed belongs to the end of the line;
/// - nothing stands between the closing quote of a string and the next comma, space or end of the line.
///
/// The first point of a column decides its type, unless the catalog knows it; a later line of another type is bad.
/// If a string is never closed, nothing behind its opening quote is read: it might be part of the string.
///
/// Not for use by several threads at once. It is quickest if used again and again, as it knows series that came before:
/// apart from a bounded number of them, it keeps nothing of a body.
public final class LineProtocolParser {
    /// The most that a parser keeps.
    public static final long MAX_KEPT_BYTES = 24 << 20;

    private final long hashSeed;
    private final Buffers buffers;
    private final SeriesCache series;
    private final PointReader reader;

    /// @param hashSeed a random number that no client knows, so that none can choose names or values whose
    ///     hashes collide
    public LineProtocolParser(long hashSeed) {
        this(hashSeed, MAX_KEPT_BYTES);
    }

    /// @param keptBytes what to keep from one body to the next: two thirds for series, one for the arrays that columns
    ///     grow in; no more than [#MAX_KEPT_BYTES]
    public LineProtocolParser(long hashSeed, long keptBytes) {
        long third = Math.min(keptBytes, MAX_KEPT_BYTES) / 3;
        this.hashSeed = hashSeed;
        this.buffers = new Buffers(third);
        this.series = new SeriesCache(hashSeed, 2 * third);
        this.reader = new PointReader(series);
    }

    /// Reads `body[offset, offset + length)`.
    ///
    /// @throws IndexOutOfBoundsException if that is not a range of `body`
    public ParsedLines parse(byte[] body, int offset, int length, ParseOptions options) {
        Objects.checkFromIndexSize(offset, length, body.length);
        reader.begin(body, offset, length);
        series.begin();
        try {
            return parse(body, options);
        } finally {
            reader.begin(new byte[0], 0, 0);
            series.end();
            buffers.takeBack();
        }
    }

    private ParsedLines parse(byte[] body, ParseOptions options) {
        var tables = new Tables(options, hashSeed, buffers);
        var point = new Point();
        List<LineError> errors = new ArrayList<>();
        long rows = 0;
        long badLines = 0;
        while (reader.findNext()) {
            long line = reader.line();
            try {
                Table table = reader.read(tables, point, options);
                tables.append(table, point, body, reader.scratch());
                series.learn(point, tables, body);
                rows++;
            } catch (BadLine e) {
                if (errors.size() < options.maxErrors()) {
                    errors.add(new LineError(line, e.reason()));
                }
                badLines++;
                tables.rollBack();
            }
        }
        Optional<byte[]> request = rows == 0
                ? Optional.empty()
                : Optional.of(new RequestEncoder().encode(options.namespace(), tables.all()));
        return new ParsedLines(request, rows, badLines, errors);
    }

    /// How many rows of the last body belong to a series that was known, and had none of their tags read.
    long knownRows() {
        return series.filledRows();
    }

    /// How many series are known.
    int knownSeries() {
        return series.size();
    }
}
