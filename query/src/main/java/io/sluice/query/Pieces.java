package io.sluice.query;

import java.util.Arrays;

/// A stretch of bytes as pieces of memory that lie where they are, one behind the other. It does not hold the memory:
/// whoever made it does. For one thread while it is filled.
public final class Pieces {
    private long[] addresses = new long[4];
    private int[] lengths = new int[4];
    private int count;
    private long lengthBytes;

    /// No bytes.
    public Pieces() {}

    /// One piece.
    public static Pieces of(long address, long bytes) {
        Pieces pieces = new Pieces();
        pieces.add(address, bytes);
        return pieces;
    }

    /// Adds what lies behind all that is here.
    void add(long address, long bytes) {
        if (bytes == 0) {
            return;
        }
        lengthBytes += bytes;
        int length = Math.toIntExact(bytes);
        if (count > 0 && addresses[count - 1] + lengths[count - 1] == address) {
            lengths[count - 1] = Math.addExact(lengths[count - 1], length);
            return;
        }
        if (count == addresses.length) {
            addresses = Arrays.copyOf(addresses, 2 * count);
            lengths = Arrays.copyOf(lengths, 2 * count);
        }
        addresses[count] = address;
        lengths[count++] = length;
    }

    /// How many pieces.
    public int count() {
        return count;
    }

    /// Where a piece begins.
    public long address(int piece) {
        return addresses[piece];
    }

    /// How long a piece is.
    public int lengthBytes(int piece) {
        return lengths[piece];
    }

    /// How long all pieces are together.
    public long lengthBytes() {
        return lengthBytes;
    }
}
