package io.sluice.ingester.cli;

import io.sluice.ingester.lineprotocol.LineError;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;

/// Cuts a stream of line protocol into batches of whole lines, where the parser sees their ends ([LineEnds]). For one
/// thread.
///
/// A line longer than [#MAX_LINE_BYTES] (a string that is never closed, or no line protocol at all) ends the input,
/// as nothing behind it can be told from it.
final class LineBatches {
    /// Far above what a row may have; far below what a request may.
    static final int MAX_LINE_BYTES = 8 << 20;

    private static final int READ_BYTES = 1 << 16;
    /// A batch ends here even if it has fewer lines, as a request may not be of any size.
    private static final int MAX_BATCH_BYTES = 8 << 20;

    private final InputStream in;
    private final int maxLines;
    private byte[] buffer = new byte[4 * READ_BYTES];
    private int length;
    private boolean ended;
    private long lineFeedsBefore;

    LineBatches(InputStream in, int maxLines) {
        this.in = in;
        this.maxLines = maxLines;
    }

    /// Whole lines.
    ///
    /// @param bytes not to be changed
    /// @param count how many lines, blank ones and comments included, one with line feeds in a string
    ///     counting once
    /// @param firstLine the number of the first in its file, from 1, counted as editors count
    /// @param lastLine the number of the last; one less than the first if there is none
    record Batch(byte[] bytes, int count, long firstLine, long lastLine) {
        boolean isEmpty() {
            return bytes.length == 0;
        }

        /// The first half of the lines, and the others.
        ///
        /// @throws IllegalStateException if there are not two
        List<Batch> halves() {
            if (count < 2) {
                throw new IllegalStateException("no halves of %d lines".formatted(count));
            }
            LineEnds ends = new LineEnds();
            int at = 0;
            int lines = 0;
            int lineFeeds = 0;
            for (; lines < count / 2; at++) {
                lines += ends.endsAt(bytes[at]) ? 1 : 0;
                lineFeeds += bytes[at] == '\n' ? 1 : 0;
            }
            long cut = firstLine + lineFeeds;
            return List.of(
                    new Batch(Arrays.copyOf(bytes, at), lines, firstLine, cut - 1),
                    new Batch(Arrays.copyOfRange(bytes, at, bytes.length), count - lines, cut, lastLine));
        }

        /// The lines that errors are about, alone but with the same numbers: the others are blank.
        ///
        /// @param errors what the parser says of this batch, in its order
        byte[] only(List<LineError> errors) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            Iterator<LineError> next = errors.iterator();
            long wanted = next.hasNext() ? next.next().lineNumber() : 0;
            LineEnds ends = new LineEnds();
            long line = 1;
            int start = 0;
            long lineFeeds = 0;
            for (int at = 0; at < bytes.length; at++) {
                lineFeeds += bytes[at] == '\n' ? 1 : 0;
                if (ends.endsAt(bytes[at]) || at == bytes.length - 1) {
                    if (line == wanted) {
                        out.write(bytes, start, at + 1 - start);
                        wanted = next.hasNext() ? next.next().lineNumber() : 0;
                    } else {
                        for (long blank = line; blank <= lineFeeds; blank++) {
                            out.write('\n');
                        }
                    }
                    line = lineFeeds + 1;
                    start = at + 1;
                }
            }
            return out.toByteArray();
        }
    }

    /// The next lines; empty at the end of the input.
    ///
    /// @throws IOException if the input cannot be read, or a line does not end
    Batch next() throws IOException {
        LineEnds ends = new LineEnds();
        int end = 0;
        int lines = 0;
        int at = 0;
        long lineFeeds = 0;
        long lineFeedsAtEnd = 0;
        while (lines < maxLines && end < MAX_BATCH_BYTES) {
            if (at == length && !fill()) {
                if (at > end) {
                    end = at; // the last line needs no line feed
                    lines++;
                    lineFeedsAtEnd = lineFeeds + (buffer[at - 1] == '\n' ? 0 : 1);
                }
                break;
            }
            if (at - end >= MAX_LINE_BYTES) {
                throw new IOException("line %d does not end within %d bytes: a string that is never closed?"
                        .formatted(lineFeedsBefore + lineFeedsAtEnd + 1, MAX_LINE_BYTES));
            }
            byte c = buffer[at++];
            lineFeeds += c == '\n' ? 1 : 0;
            if (ends.endsAt(c)) {
                end = at;
                lineFeedsAtEnd = lineFeeds;
                lines++;
            }
        }
        Batch batch =
                new Batch(Arrays.copyOf(buffer, end), lines, lineFeedsBefore + 1, lineFeedsBefore + lineFeedsAtEnd);
        System.arraycopy(buffer, end, buffer, 0, length - end);
        length -= end;
        lineFeedsBefore += lineFeedsAtEnd;
        return batch;
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
