package io.sluice.benches;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;

/// Bodies of line protocol without end, in the shape of [CpuWrites] and in the order of time: few are made, and told
/// again with later timestamps, which costs a client little. Any thread may ask.
final class LineBodies {
    private static final int DIFFERENT_ROWS = 80_000; // a multiple of the hosts and of the rows of a body
    private static final int TIMESTAMP_BYTES = 19;

    private final int rows;
    private final byte[][] made;
    private final int[][] timestamps; // of each body: where the timestamp of each line begins
    private final AtomicLong next = new AtomicLong();
    private final int longestBytes;

    /// @param rows of a body; divides 80,000
    LineBodies(long seed, int rows) {
        if (DIFFERENT_ROWS % rows != 0 || DIFFERENT_ROWS % CpuWrites.HOSTS != 0) {
            throw new IllegalArgumentException("rows must divide %d: %d".formatted(DIFFERENT_ROWS, rows));
        }
        this.rows = rows;
        this.made = new byte[DIFFERENT_ROWS / rows][];
        this.timestamps = new int[made.length][];
        int longest = 0;
        CpuWrites writes = new CpuWrites(seed);
        for (int i = 0; i < made.length; i++) {
            made[i] = writes.nextLines(rows);
            timestamps[i] = timestampsOf(made[i], rows);
            longest = Math.max(longest, made[i].length);
        }
        this.longestBytes = longest;
    }

    private LineBodies(LineBodies same) {
        this.rows = same.rows;
        this.made = same.made;
        this.timestamps = same.timestamps;
        this.longestBytes = same.longestBytes;
    }

    /// The same bodies from the beginning.
    LineBodies again() {
        return new LineBodies(this);
    }

    int rows() {
        return rows;
    }

    /// The length that no body exceeds.
    int longestBytes() {
        return longestBytes;
    }

    /// Puts the next body at a place of an array.
    ///
    /// @return its length
    int next(byte[] into, int at) {
        long number = next.getAndIncrement();
        int of = (int) (number % made.length);
        byte[] body = made[of];
        System.arraycopy(body, 0, into, at, body.length);
        long row = number * rows;
        long tick = -1;
        byte[] timestamp = {};
        for (int begin : timestamps[of]) {
            if (row / CpuWrites.HOSTS != tick) {
                tick = row / CpuWrites.HOSTS;
                timestamp = Long.toString(CpuWrites.START_NS + tick * CpuWrites.TICK_NS)
                        .getBytes(StandardCharsets.US_ASCII);
            }
            System.arraycopy(timestamp, 0, into, at + begin, TIMESTAMP_BYTES);
            row++;
        }
        return body.length;
    }

    private static int[] timestampsOf(byte[] body, int rows) {
        int[] begins = new int[rows];
        int row = 0;
        for (int i = 0; i < body.length; i++) {
            if (body[i] == '\n') {
                begins[row++] = i - TIMESTAMP_BYTES;
            }
        }
        return begins;
    }
}
