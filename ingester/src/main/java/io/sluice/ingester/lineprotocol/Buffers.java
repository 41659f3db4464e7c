package io.sluice.ingester.lineprotocol;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;

/// Arrays that are lent for the time of one body and lent again for the next, as new ones would have to be filled with
/// zeros, and would be cold. They hold whatever was in them. One thread.
final class Buffers {
    private static final int MIN_SHIFT = 5; // the smallest arrays have 32 elements
    private static final int MAX_SHIFT = 18; // longer ones are not kept
    /// Of what is kept, the arrays of one length take no more than this share.
    private static final int LENGTH_SHARE = 8;

    /// Lends new arrays only, which may be kept for good. Any thread may use it.
    static final Buffers NEW = new Buffers(0);

    private final List<Shelf<byte[]>> bytes = new ArrayList<>();
    private final List<Shelf<int[]>> ints = new ArrayList<>();
    private final long maxKeptBytes;
    private long keptBytes;

    /// @param maxKeptBytes of all arrays
    Buffers(long maxKeptBytes) {
        this.maxKeptBytes = maxKeptBytes;
        for (int shift = MIN_SHIFT; shift <= MAX_SHIFT; shift++) {
            bytes.add(new Shelf<>(byte[]::new, 1 << shift, Byte.BYTES << shift));
            ints.add(new Shelf<>(int[]::new, 1 << shift, Integer.BYTES << shift));
        }
    }

    /// Arrays of one length.
    private final class Shelf<T> {
        private final IntFunction<T> make;
        private final int length;
        private final int arrayBytes;
        private final List<T> kept = new ArrayList<>();
        private int lent;

        Shelf(IntFunction<T> make, int length, int arrayBytes) {
            this.make = make;
            this.length = length;
            this.arrayBytes = arrayBytes;
        }

        T lend() {
            if (lent < kept.size()) {
                return kept.get(lent++);
            }
            T made = make.apply(length);
            if (keptBytes + arrayBytes <= maxKeptBytes
                    && (kept.size() + 1L) * arrayBytes <= maxKeptBytes / LENGTH_SHARE) {
                keptBytes += arrayBytes;
                kept.add(made);
                lent++;
            }
            return made;
        }
    }

    /// At least so long.
    byte[] bytes(int minLength) {
        int size = size(minLength);
        return size < bytes.size() ? bytes.get(size).lend() : new byte[minLength];
    }

    /// At least so long.
    int[] ints(int minLength) {
        int size = size(minLength);
        return size < ints.size() ? ints.get(size).lend() : new int[minLength];
    }

    private static int size(int minLength) {
        return Math.max(0, Integer.SIZE - Integer.numberOfLeadingZeros(minLength - 1) - MIN_SHIFT);
    }

    /// Takes all back that was lent.
    void takeBack() {
        bytes.forEach(shelf -> shelf.lent = 0);
        ints.forEach(shelf -> shelf.lent = 0);
    }
}
