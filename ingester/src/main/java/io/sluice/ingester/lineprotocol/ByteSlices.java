package io.sluice.ingester.lineprotocol;

import java.util.Arrays;

/// A set of byte strings, each with the number of its arrival: an open-addressing table over one growing array. Finds a
/// string without making an object. For one thread.
final class ByteSlices {
    private static final int MIN_SLOTS = 16;

    private int[] slots = new int[MIN_SLOTS]; // number + 1; 0 = free
    private int[] hashes = new int[MIN_SLOTS / 2];
    private int[] ends = new int[MIN_SLOTS / 2];
    private byte[] bytes = new byte[128];
    private int count;

    /// The number of a byte string; if it is new, the next one.
    int intern(byte[] source, int from, int to) {
        int hash = hash(source, from, to);
        int found = find(source, from, to, hash);
        return found >= 0 ? found : add(source, from, to, hash);
    }

    /// The number of a byte string; -1 if it is not in the set.
    int find(byte[] source, int from, int to) {
        return find(source, from, to, hash(source, from, to));
    }

    private int find(byte[] source, int from, int to, int hash) {
        int mask = slots.length - 1;
        for (int slot = hash & mask; slots[slot] != 0; slot = (slot + 1) & mask) {
            int number = slots[slot] - 1;
            if (hashes[number] == hash && Arrays.equals(bytes, start(number), ends[number], source, from, to)) {
                return number;
            }
        }
        return -1;
    }

    private int add(byte[] source, int from, int to, int hash) {
        if (count == hashes.length) {
            grow();
        }
        int start = count == 0 ? 0 : ends[count - 1];
        int end = start + to - from;
        if (end > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(end, 2 * bytes.length));
        }
        System.arraycopy(source, from, bytes, start, to - from);
        hashes[count] = hash;
        ends[count] = end;
        place(count);
        return count++;
    }

    private void grow() {
        hashes = Arrays.copyOf(hashes, 2 * count);
        ends = Arrays.copyOf(ends, 2 * count);
        slots = new int[4 * count];
        for (int number = 0; number < count; number++) {
            place(number);
        }
    }

    private void place(int number) {
        int mask = slots.length - 1;
        int slot = hashes[number] & mask;
        while (slots[slot] != 0) {
            slot = (slot + 1) & mask;
        }
        slots[slot] = number + 1;
    }

    private static int hash(byte[] source, int from, int to) {
        int hash = to - from;
        for (int i = from; i < to; i++) {
            hash = 31 * hash + source[i];
        }
        // Spread: the low bits choose the slot.
        hash *= 0x9E3779B9;
        return hash ^ (hash >>> 15);
    }

    int size() {
        return count;
    }

    /// Bytes of all strings together.
    int totalBytes() {
        return count == 0 ? 0 : ends[count - 1];
    }

    int start(int number) {
        return number == 0 ? 0 : ends[number - 1];
    }

    int end(int number) {
        return ends[number];
    }

    /// Where the strings stand, from `start` to `end`. Valid until the next string is added.
    byte[] bytes() {
        return bytes;
    }
}
