package io.sluice.rows.merge;

import java.util.Arrays;
import java.util.concurrent.ThreadLocalRandom;

/// Numbers for distinct longs, from 0 on in the order in which they come: open addressing over arrays. For one thread.
public final class LongNumbers {
    /// Not the same in every process, so that nobody can choose values that meet in one place.
    private static final long SECRET = ThreadLocalRandom.current().nextLong() | 1;

    private static final int FIRST_SLOTS = 1_024;

    private long[] values = new long[FIRST_SLOTS / 2];
    private int[] slots = new int[FIRST_SLOTS]; // number + 1; 0 = free
    private long[] keys = new long[FIRST_SLOTS];
    private int count;

    /// The number of a value, a new one if it has none.
    public int number(long value) {
        int mask = slots.length - 1;
        int slot = slot(value, mask);
        while (slots[slot] != 0) {
            if (keys[slot] == value) {
                return slots[slot] - 1;
            }
            slot = (slot + 1) & mask;
        }
        if (count == values.length) {
            grow();
            slot = free(value);
        }
        values[count] = value;
        keys[slot] = value;
        slots[slot] = ++count;
        return count - 1;
    }

    private void grow() {
        values = Arrays.copyOf(values, 2 * count);
        slots = new int[4 * count];
        keys = new long[4 * count];
        for (int number = 0; number < count; number++) {
            int slot = free(values[number]);
            keys[slot] = values[number];
            slots[slot] = number + 1;
        }
    }

    private int free(long value) {
        int mask = slots.length - 1;
        int slot = slot(value, mask);
        while (slots[slot] != 0) {
            slot = (slot + 1) & mask;
        }
        return slot;
    }

    private static int slot(long value, int mask) {
        long mixed = (value ^ value >>> 32) * SECRET;
        mixed = (mixed ^ mixed >>> 29) * 0x9E3779B97F4A7C15L;
        return (int) (mixed >>> 32) & mask;
    }

    /// How many values have a number.
    public int size() {
        return count;
    }

    /// The value of a number.
    public long value(int number) {
        return values[number];
    }

    /// All values by number.
    public long[] values() {
        return Arrays.copyOf(values, count);
    }

    /// Forgets all values, and keeps its memory.
    public void clear() {
        Arrays.fill(slots, 0);
        count = 0;
    }
}
