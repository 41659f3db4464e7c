package io.sluice.query;

import org.apache.arrow.memory.util.MemoryUtil;

/// Bits in memory, the lowest of a byte first, as Arrow has them.
final class Bitmap {
    private Bitmap() {}

    /// Sets bits that are clear.
    static void set(long address, int from, int count) {
        int bit = from;
        int end = from + count;
        while (bit < end && (bit & 7) != 0) {
            set(address, bit++);
        }
        int whole = (end - bit) >> 3;
        MemoryUtil.setMemory(address + (bit >> 3), whole, (byte) -1);
        bit += whole << 3;
        while (bit < end) {
            set(address, bit++);
        }
    }

    private static void set(long address, int bit) {
        long place = address + (bit >> 3);
        MemoryUtil.putByte(place, (byte) (MemoryUtil.getByte(place) | (1 << (bit & 7))));
    }

    /// Whether a bit is set.
    static boolean isSet(long address, int bit) {
        return (MemoryUtil.getByte(address + (bit >> 3)) & (1 << (bit & 7))) != 0;
    }

    /// Sets those bits from `at` on that are set from `from` on; they are clear. Returns how many were set.
    static int copy(long source, int from, long target, int at, int count) {
        int set = 0;
        int done = 0;
        while (done < count) {
            // As many as stand in one byte here and there.
            int fromBit = (from + done) & 7;
            int atBit = (at + done) & 7;
            int width = Math.min(count - done, 8 - Math.max(fromBit, atBit));
            int bits = (MemoryUtil.getByte(source + ((from + done) >> 3)) >> fromBit) & ((1 << width) - 1);
            long place = target + ((at + done) >> 3);
            MemoryUtil.putByte(place, (byte) (MemoryUtil.getByte(place) | (bits << atBit)));
            set += Integer.bitCount(bits);
            done += width;
        }
        return set;
    }
}
