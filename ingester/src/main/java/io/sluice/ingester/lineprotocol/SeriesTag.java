package io.sluice.ingester.lineprotocol;

import java.util.Arrays;

/// The values of the tag at one position of a [SeriesShape], numbered, and the code that each has in the dictionary of
/// the body being read. One thread.
final class SeriesTag {
    private final int headBytes;
    private final ByteInterner values;
    private int[] codes = {}; // of each value
    private long[] bodies = {}; // of each value: the number of the body that its code is of

    /// @param headBytes what stands between the value before and this one: the key, a comma and an equals sign,
    ///     and before the first value the table's name, too
    SeriesTag(int headBytes, long hashSeed) {
        this.headBytes = headBytes;
        this.values = new ByteInterner(hashSeed, Buffers.NEW);
    }

    int headBytes() {
        return headBytes;
    }

    /// The number of a value, or [ByteInterner#NOT_FOUND].
    int find(int hash, byte[] bytes, int from, int lengthBytes) {
        return values.find(hash, bytes, from, lengthBytes);
    }

    /// Adds a value that is not there, and answers its number.
    int add(int hash, byte[] bytes, int from, int lengthBytes) {
        int value = values.add(hash, bytes, from, lengthBytes);
        if (value == codes.length) {
            int capacity = Math.max(4, value << 1);
            codes = Arrays.copyOf(codes, capacity);
            bodies = Arrays.copyOf(bodies, capacity);
        }
        return value;
    }

    int hash(int value) {
        return values.hashOf(value);
    }

    int lengthBytes(int value) {
        return values.end(value) - values.start(value);
    }

    /// Whether a value's code is known in a body. Bodies are numbered from 1.
    boolean hasCode(int value, long bodyNumber) {
        return bodies[value] == bodyNumber;
    }

    int code(int value) {
        return codes[value];
    }

    void setCode(int value, int code, long bodyNumber) {
        codes[value] = code;
        bodies[value] = bodyNumber;
    }
}
