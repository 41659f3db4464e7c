package io.sluice.ingester.lineprotocol;

/// A reference to text of a line, packed into a long: where it begins, its length, and whether it lies in the body or,
/// having lost its backslashes, in the reader's scratch.
final class Text {
    private static final int LENGTH_SHIFT = 31;
    private static final long MASK = (1L << LENGTH_SHIFT) - 1;
    private static final long UNESCAPED = 1L << 62;

    private Text() {}

    static long inBody(int from, int lengthBytes) {
        return (long) lengthBytes << LENGTH_SHIFT | from;
    }

    static long inScratch(int from, int lengthBytes) {
        return UNESCAPED | inBody(from, lengthBytes);
    }

    static int from(long text) {
        return (int) (text & MASK);
    }

    static int lengthBytes(long text) {
        return (int) (text >>> LENGTH_SHIFT & MASK);
    }

    static boolean isInScratch(long text) {
        return (text & UNESCAPED) != 0;
    }
}
