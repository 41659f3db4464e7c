package io.sluice.ingester.door;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/// Looks at a few bytes, eight at a time: compares, and makes a hash whose low bits are as good as any. It is quick
/// and has no secret: who uses it must bear it that somebody chooses bytes with one hash.
public final class ByteHash {
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    /// 2^64 divided by the golden ratio: multiplying by it spreads what differs over the high bits (Knuth, TAOCP 6.4).
    private static final long MULTIPLIER = 0x9E37_79B9_7F4A_7C15L;

    private ByteHash() {}

    /// Of `bytes[from, from + lengthBytes)`.
    public static int of(byte[] bytes, int from, int lengthBytes) {
        long hash = lengthBytes;
        int i = 0;
        for (; i + Long.BYTES <= lengthBytes; i += Long.BYTES) {
            hash = mix(hash, (long) LONG.get(bytes, from + i));
        }
        return i == lengthBytes ? fold(hash) : fold(mix(hash, tail(bytes, from + i, lengthBytes - i)));
    }

    /// Whether two ranges have the same bytes; for few of them quicker than [java.util.Arrays].
    public static boolean isSame(byte[] a, int aFrom, byte[] b, int bFrom, int lengthBytes) {
        int i = 0;
        for (; i + Long.BYTES <= lengthBytes; i += Long.BYTES) {
            if ((long) LONG.get(a, aFrom + i) != (long) LONG.get(b, bFrom + i)) {
                return false;
            }
        }
        return i == lengthBytes || tail(a, aFrom + i, lengthBytes - i) == tail(b, bFrom + i, lengthBytes - i);
    }

    static long mix(long hash, long word) {
        long product = (hash ^ word) * MULTIPLIER;
        return product ^ product >>> 32;
    }

    static int fold(long hash) {
        long product = hash * MULTIPLIER;
        return (int) (product >>> 32);
    }

    /// The last bytes, at most seven.
    static long tail(byte[] bytes, int from, int lengthBytes) {
        if (from + Long.BYTES <= bytes.length) {
            return (long) LONG.get(bytes, from) & ((1L << (8 * lengthBytes)) - 1);
        }
        long word = 0;
        for (int i = 0; i < lengthBytes; i++) {
            word |= (bytes[from + i] & 0xFFL) << (8 * i);
        }
        return word;
    }
}
