package io.sluice.rows.merge;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.concurrent.ThreadLocalRandom;

/// Numbers for distinct texts, from 0 on in the order in which they come. The texts lie one behind the other in one
/// array, and there is no object for each. For one thread.
public final class TextNumbers {
    /// The most bytes that all distinct texts may have together.
    public static final int MAX_BYTES = Integer.MAX_VALUE - 64;

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    /// Not the same in every process, so that nobody can choose texts that meet in one place.
    private static final long SECRET = ThreadLocalRandom.current().nextLong() | 1;

    private static final int FIRST_SLOTS = 256;
    private static final int FIRST_BYTES = 4_096;

    private byte[] bytes = new byte[FIRST_BYTES];
    private int[] ends = new int[FIRST_SLOTS / 2];
    private int[] hashes = new int[FIRST_SLOTS / 2];
    private int[] slots = new int[FIRST_SLOTS]; // number + 1; 0 = free
    private int count;
    private int usedBytes;

    /// The number of the text in `from[start, start + length)`, a new one if it has none.
    ///
    /// @throws IllegalArgumentException if all texts together would have more than [#MAX_BYTES]
    public int number(byte[] from, int start, int length) {
        int hash = hash(from, start, length);
        int mask = slots.length - 1;
        int slot = hash & mask;
        while (slots[slot] != 0) {
            int number = slots[slot] - 1;
            if (hashes[number] == hash
                    && Arrays.equals(bytes, start(number), ends[number], from, start, start + length)) {
                return number;
            }
            slot = (slot + 1) & mask;
        }
        add(from, start, length, hash);
        return count - 1;
    }

    private void add(byte[] from, int start, int length, int hash) {
        if (length > MAX_BYTES - usedBytes) {
            throw new IllegalArgumentException("distinct texts of a column have %d bytes: expected at most %d"
                    .formatted((long) usedBytes + length, MAX_BYTES));
        }
        if (count == ends.length) {
            ends = Arrays.copyOf(ends, 2 * count);
            hashes = Arrays.copyOf(hashes, 2 * count);
            slots = new int[4 * count];
            for (int number = 0; number < count; number++) {
                slots[free(hashes[number])] = number + 1;
            }
        }
        if (usedBytes + length > bytes.length) {
            long wanted = Math.max(2L * bytes.length, (long) usedBytes + length);
            bytes = Arrays.copyOf(bytes, (int) Math.min(wanted, MAX_BYTES));
        }
        System.arraycopy(from, start, bytes, usedBytes, length);
        usedBytes += length;
        ends[count] = usedBytes;
        hashes[count] = hash;
        slots[free(hash)] = ++count;
    }

    private int free(int hash) {
        int mask = slots.length - 1;
        int slot = hash & mask;
        while (slots[slot] != 0) {
            slot = (slot + 1) & mask;
        }
        return slot;
    }

    private static int hash(byte[] from, int start, int length) {
        long hash = length * SECRET;
        int end = start + length;
        int at = start;
        for (; at <= end - Long.BYTES; at += Long.BYTES) {
            hash = mix(hash ^ (long) LONG.get(from, at));
        }
        long rest = 0;
        for (int shift = 0; at < end; at++, shift += Byte.SIZE) {
            rest |= (from[at] & 0xFFL) << shift;
        }
        hash = mix(hash ^ rest);
        return (int) (hash ^ hash >>> 32);
    }

    private static long mix(long value) {
        long product = value * SECRET;
        return (product ^ product >>> 29) * 0x9E3779B97F4A7C15L;
    }

    /// How many texts have a number.
    public int size() {
        return count;
    }

    /// Bytes of all texts together.
    public int usedBytes() {
        return usedBytes;
    }

    /// Where the texts lie. Not to be changed, and another array when texts have been added.
    public byte[] bytes() {
        return bytes;
    }

    /// Where a text begins in [#bytes].
    public int start(int number) {
        return number == 0 ? 0 : ends[number - 1];
    }

    /// Where a text ends in [#bytes], exclusive.
    public int end(int number) {
        return ends[number];
    }

    /// Less than 0, 0, or more, as one text's bytes come before those of another, as unsigned numbers: for UTF-8
    /// the order of code points.
    public int compare(int number, int other) {
        return Arrays.compareUnsigned(bytes, start(number), ends[number], bytes, start(other), ends[other]);
    }

    /// A copy of a text.
    public byte[] value(int number) {
        return Arrays.copyOfRange(bytes, start(number), ends[number]);
    }

    /// The numbers in the order of their texts.
    public int[] sorted() {
        int[] numbers = new int[count];
        for (int number = 0; number < count; number++) {
            numbers[number] = number;
        }
        new TextSort(this).sort(numbers);
        return numbers;
    }

    /// The eight bytes of a text from an offset on as a number whose signed order is theirs; zeros stand for those
    /// that it has not.
    long word(int number, int offset) {
        long word = 0;
        int from = start(number) + offset;
        int end = Math.min(ends[number], from + Long.BYTES);
        if (end - from == Long.BYTES) {
            word = Long.reverseBytes((long) LONG.get(bytes, from));
        } else {
            for (int at = from; at < from + Long.BYTES; at++) {
                word = word << Byte.SIZE | (at < end ? bytes[at] & 0xFF : 0);
            }
        }
        return word ^ Long.MIN_VALUE;
    }
}
