package io.sluice.ingester.buffer;

import io.sluice.model.SequenceNumber;
import java.util.Arrays;

/// Which write each row of a chunk came from, as runs: rows stand in the order of their writes. Guarded by the chunk's
/// owner.
final class SequenceRuns {
    private long[] sequences = new long[1];
    private int[] ends = new int[1];
    private int count;

    /// Says that the rows from the last end to `end` belong to `sequence`.
    void add(SequenceNumber sequence, int end) {
        if (count == sequences.length) {
            sequences = Arrays.copyOf(sequences, 2 * count);
            ends = Arrays.copyOf(ends, 2 * count);
        }
        sequences[count] = sequence.value();
        ends[count] = end;
        count++;
    }

    /// Appends other runs, whose rows stand behind the first `rows`.
    void addAll(SequenceRuns other, int rows) {
        for (int i = 0; i < other.count; i++) {
            add(new SequenceNumber(other.sequences[i]), rows + other.ends[i]);
        }
    }

    /// How many of the first rows belong to writes up to `asOf`, inclusive.
    int rowsThrough(SequenceNumber asOf) {
        int found = Arrays.binarySearch(sequences, 0, count, asOf.value());
        int runsThrough = found >= 0 ? found + 1 : -found - 1;
        return runsThrough == 0 ? 0 : ends[runsThrough - 1];
    }

    long memoryBytes() {
        return (long) sequences.length * (Long.BYTES + Integer.BYTES);
    }
}
