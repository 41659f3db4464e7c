package io.sluice.ingester.lineprotocol;

import io.sluice.ingester.door.Utf8;
import java.nio.charset.StandardCharsets;

/// Text of a body as an error shows it: in single quotes, at most [#MAX_BYTES] bytes of it, without control characters.
final class Quoted {
    static final int MAX_BYTES = 64;

    private Quoted() {}

    static String text(byte[] bytes, int from, int lengthBytes) {
        int shownBytes = Math.min(lengthBytes, MAX_BYTES);
        int to = from + shownBytes;
        if (shownBytes < lengthBytes) { // not in the middle of a character
            for (int k = 0; k < 3 && to > from && (bytes[to] & 0xC0) == 0x80; k++) {
                to--;
            }
        }
        var quoted = new StringBuilder(shownBytes + 8).append('\'');
        if (Utf8.isValid(bytes, from, to)) {
            new String(bytes, from, to - from, StandardCharsets.UTF_8)
                    .codePoints()
                    .forEach(c -> {
                        if (isPrintable(c)) {
                            quoted.appendCodePoint(c);
                        } else {
                            quoted.append(c < 0x100 ? "\\x%02X".formatted(c) : "\\u{%X}".formatted(c));
                        }
                    });
        } else {
            for (int i = from; i < to; i++) {
                char c = (char) (bytes[i] & 0xFF);
                if (c < 0x80 && isPrintable(c)) {
                    quoted.append(c);
                } else {
                    quoted.append("\\x%02X".formatted((int) c));
                }
            }
        }
        return quoted.append('\'').append(shownBytes < lengthBytes ? "…" : "").toString();
    }

    private static boolean isPrintable(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED -> false;
            default -> true;
        };
    }
}
