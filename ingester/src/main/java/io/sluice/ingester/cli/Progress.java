package io.sluice.ingester.cli;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.util.Locale;

/// How far a write is: a bar on a terminal, a line at the end anywhere. For one thread.
final class Progress {
    private static final int BAR_CHARS = 30;
    /// Empties the line that the terminal is in.
    static final String CLEAR_LINE = "\r\u001b[K";
    private static final long REDRAW_NS = 100_000_000L;

    private final PrintWriter err;
    private final boolean onTerminal;
    private final long totalBytes;
    private final long startNs = System.nanoTime();
    private long drawnNs = startNs;
    private long readBytes;
    private long rows;
    private long badLines;

    /// @param totalBytes of all input; 0 if unknown
    Progress(PrintWriter err, boolean onTerminal, long totalBytes) {
        this.err = err;
        this.onTerminal = onTerminal;
        this.totalBytes = totalBytes;
    }

    /// The stream, its bytes counted as they are read.
    InputStream counting(InputStream in) {
        return new FilterInputStream(in) {
            @Override
            public int read() throws IOException {
                int read = super.read();
                readBytes += read < 0 ? 0 : 1;
                return read;
            }

            @Override
            public int read(byte[] bytes, int from, int length) throws IOException {
                int read = super.read(bytes, from, length);
                readBytes += Math.max(0, read);
                return read;
            }
        };
    }

    void written(long count) {
        rows += count;
        draw(false);
    }

    void bad(long count) {
        badLines += count;
    }

    /// Says something, above the bar if there is one.
    void tell(String message) {
        err.println((onTerminal ? CLEAR_LINE : "") + "sluice: " + Text.oneLine(message));
        draw(true);
        err.flush();
    }

    private void draw(boolean now) {
        long nowNs = System.nanoTime();
        if (!onTerminal || (!now && nowNs - drawnNs < REDRAW_NS)) {
            return;
        }
        drawnNs = nowNs;
        err.print("\r%s %s".formatted(bar(readBytes, totalBytes), text(nowNs)));
        err.flush();
    }

    /// A bar, filled by how much is done.
    static String bar(long doneBytes, long totalBytes) {
        int filled =
                totalBytes == 0 ? 0 : (int) Math.clamp(BAR_CHARS * ((double) doneBytes / totalBytes), 0, BAR_CHARS);
        return "[%s%s]".formatted("=".repeat(filled), " ".repeat(BAR_CHARS - filled));
    }

    private String text(long nowNs) {
        double seconds = Math.max(1e-3, (nowNs - startNs) / 1e9);
        return String.format(
                Locale.ROOT,
                "%s read, %,d rows written, %,.0f rows/s%s",
                Units.bytes(readBytes),
                rows,
                rows / seconds,
                badLines == 0 ? "" : ", %,d lines not written".formatted(badLines));
    }

    void finish() {
        if (onTerminal) {
            draw(true);
            err.println();
        } else {
            err.println(text(System.nanoTime()));
        }
        err.flush();
    }
}
