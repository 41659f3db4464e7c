package io.sluice.rows;

import java.util.Arrays;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.util.MemoryUtil;
import org.apache.arrow.vector.IntVector;

/// Where the values of a tag stand in one chunk: for each number of an index the rows that have it, ascending.
/// Immutable.
public final class TagPostings {
    private static final long OVERHEAD_BYTES = 128;

    /// Of how many rows from the first on it tells.
    private final int rowCount;
    /// The numbers that rows have, ascending.
    private final int[] numbers;
    /// Where the rows of each number begin; one more, where they end.
    private final int[] starts;
    private final int[] rows;

    private TagPostings(int rowCount, int[] numbers, int[] starts, int[] rows) {
        this.rowCount = rowCount;
        this.numbers = numbers;
        this.starts = starts;
        this.rows = rows;
    }

    /// Looks at all rows.
    ///
    /// @param valueNumbers for each code its number, none of them -1; a number may stand there twice
    /// @param hasNulls whether a row has no code
    static TagPostings of(IntVector codes, int[] valueNumbers, int codeCount, boolean hasNulls) {
        int rowCount = codes.getValueCount();
        int highest = -1;
        for (int code = 0; code < codeCount; code++) {
            highest = Math.max(highest, valueNumbers[code]);
        }
        int[] counts = new int[highest + 1];
        ArrowBuf data = codes.getDataBuffer();
        data.checkBytes(0, (long) rowCount * Integer.BYTES);
        long address = data.memoryAddress();
        int present = 0;
        for (int row = 0; row < rowCount; row++) {
            if (!hasNulls || !codes.isNull(row)) {
                counts[valueNumbers[MemoryUtil.getInt(address + (long) row * Integer.BYTES)]]++;
                present++;
            }
        }
        int distinct = 0;
        for (int count : counts) {
            distinct += count > 0 ? 1 : 0;
        }
        int[] numbers = new int[distinct];
        int[] starts = new int[distinct + 1];
        int at = 0;
        int place = 0;
        for (int number = 0; number <= highest; number++) {
            if (counts[number] > 0) {
                numbers[place] = number;
                starts[place++] = at;
                int count = counts[number];
                counts[number] = at; // from here on where its next row goes
                at += count;
            }
        }
        starts[distinct] = present;
        int[] rows = new int[present];
        for (int row = 0; row < rowCount; row++) {
            if (!hasNulls || !codes.isNull(row)) {
                rows[counts[valueNumbers[MemoryUtil.getInt(address + (long) row * Integer.BYTES)]]++] = row;
            }
        }
        return new TagPostings(rowCount, numbers, starts, rows);
    }

    /// Of how many rows from the first on it tells.
    int rowCount() {
        return rowCount;
    }

    /// How many of the first `limit` rows have a number.
    public int count(int number, int limit) {
        int place = Arrays.binarySearch(numbers, number);
        if (place < 0) {
            return 0;
        }
        int from = starts[place];
        int to = starts[place + 1];
        if (limit >= rowCount) {
            return to - from;
        }
        int found = Arrays.binarySearch(rows, from, to, limit);
        return (found >= 0 ? found : -found - 1) - from;
    }

    /// Puts those of the first `limit` rows that have a number into an array from `at` on, which has room for them;
    /// returns how many.
    public int copy(int number, int limit, int[] into, int at) {
        int count = count(number, limit);
        if (count > 0) {
            System.arraycopy(rows, starts[Arrays.binarySearch(numbers, number)], into, at, count);
        }
        return count;
    }

    /// How much of the heap it takes.
    long memoryBytes() {
        return OVERHEAD_BYTES + (long) Integer.BYTES * (numbers.length + starts.length + rows.length);
    }
}
