package io.sluice.ingester.lineprotocol;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.concurrent.BlockingDeque;
import java.util.concurrent.LinkedBlockingDeque;

/// Parsers that are used again and again, so that they know the series that come again. Any thread may parse.
public final class LineParsers {
    private final long hashSeed;
    private final long keptBytes;
    private final BlockingDeque<LineProtocolParser> idle;
    private final Counter knownRows;
    private final Counter newRows;

    /// @param hashSeed a random number that no client knows; see [LineProtocolParser]
    /// @param maxIdle how many parsers are kept while nobody parses: as many as parse at once
    /// @param keptBytes what all those keep from one body to the next, at most
    public LineParsers(long hashSeed, int maxIdle, long keptBytes, MeterRegistry metrics) {
        this.hashSeed = hashSeed;
        this.keptBytes = keptBytes / maxIdle;
        this.idle = new LinkedBlockingDeque<>(maxIdle);
        this.knownRows = rows("known", metrics);
        this.newRows = rows("new", metrics);
    }

    private static Counter rows(String series, MeterRegistry metrics) {
        return Counter.builder("sluice.lines")
                .description("Good lines of line protocol, by whether their series, the table and its tags, had come "
                        + "before: these are read at less than half the price")
                .tag("series", series)
                .register(metrics);
    }

    /// Reads `body[offset, offset + length)`.
    ///
    /// @throws IndexOutOfBoundsException if that is not a range of `body`
    public ParsedLines parse(byte[] body, int offset, int length, ParseOptions options) {
        LineProtocolParser known = idle.pollFirst();
        LineProtocolParser parser = known == null ? new LineProtocolParser(hashSeed, keptBytes) : known;
        try {
            ParsedLines lines = parser.parse(body, offset, length, options);
            knownRows.increment((double) parser.knownRows());
            newRows.increment((double) (lines.rows() - parser.knownRows()));
            return lines;
        } finally {
            idle.offerFirst(parser);
        }
    }
}
