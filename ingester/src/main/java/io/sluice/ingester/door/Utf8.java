package io.sluice.ingester.door;

import java.nio.ByteBuffer;

/// Checks UTF-8 in place, by table 3-7 of the Unicode standard.
public final class Utf8 {
    private static final long HIGH_BITS = 0x8080808080808080L;

    private Utf8() {}

    /// Whether the bytes `[from, to)` are well-formed by themselves.
    public static boolean isValid(ByteBuffer bytes, int from, int to) {
        int at = from;
        while (at < to) {
            if (to - at >= Long.BYTES && (bytes.getLong(at) & HIGH_BITS) == 0) {
                at += Long.BYTES;
                continue;
            }
            int lead = bytes.get(at) & 0xff;
            if (lead < 0x80) {
                at++;
                continue;
            }
            int length = sequenceLength(bytes, at, to, lead);
            if (length == 0) {
                return false;
            }
            at += length;
        }
        return true;
    }

    /// Bytes of the well-formed sequence at a position; 0 if there is none.
    private static int sequenceLength(ByteBuffer bytes, int at, int to, int lead) {
        int length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
        if (lead < 0xc2 || lead > 0xf4 || to - at < length) {
            return 0;
        }
        int second = bytes.get(at + 1) & 0xff;
        int low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
        int high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
        if (second < low || second > high) {
            return 0;
        }
        for (int i = 2; i < length; i++) {
            if ((bytes.get(at + i) & 0xc0) != 0x80) {
                return 0;
            }
        }
        return length;
    }
}
