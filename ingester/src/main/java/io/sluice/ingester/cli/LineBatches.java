package io.sluice.ingester.cli;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/// Cuts a stream of line protocol into batches of whole lines. A newline within a quoted string ends no line.
final class LineBatches {
    private static final int READ_BYTES = 1 << 16;
    /// A batch ends here even if it has fewer lines, as a request may not be of any size.
    private static final int MAX_BATCH_BYTES = 8 << 20;

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
    record Batch(byte[] bytes, int lengthBytes, long firstLine) {}

    /// The next lines; none if `lengthBytes` is 0.
    Batch next() throws IOException {
        int end = 0;
        int lines = 0;
        boolean quoted = false;
        boolean inFields = false;
        int at = 0;
        long newlines = 0;
        while (lines < maxLines && end < MAX_BATCH_BYTES) {
            if (at == length && !fill()) {
                end = length; // the last line needs no newline
                break;
            }
            byte c = buffer[at];
            if (c == '\\') {
                if (at + 1 == length && !fill()) {
                    end = length;
                    break;
                }
                at += buffer[at + 1] == '\n' ? 1 : 2;
                continue;
            }
            if (c == '"' && inFields) {
                quoted = !quoted;
            } else if (c == ' ' && at > end) {
                inFields = true;
            } else if (c == '\n') {
                newlines++;
                if (!quoted) {
                    end = at + 1;
                    lines++;
                    inFields = false;
                }
            }
            at++;
        }
        byte[] bytes = Arrays.copyOf(buffer, end);
        System.arraycopy(buffer, end, buffer, 0, length - end);
        length -= end;
        Batch batch = new Batch(bytes, end, linesBefore + 1);
        linesBefore += newlines;
        return batch;
    }

    private boolean fill() throws IOException {
        if (ended) {
            return false;
        }
        if (buffer.length - length < READ_BYTES) {
            buffer = Arrays.copyOf(buffer, 2 * buffer.length);
        }
        int read = in.read(buffer, length, READ_BYTES);
        if (read < 0) {
            ended = true;
            return false;
        }
        length += read;
        return read > 0 || fill();
    }
}
