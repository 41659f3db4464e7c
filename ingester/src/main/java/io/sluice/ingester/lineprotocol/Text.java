package io.sluice.ingester.lineprotocol;

import java.nio.charset.StandardCharsets;

/// Pieces of a body as people can read them.
final class Text {
    private static final int MAX_CHARS = 40;

    private Text() {}

    /// A piece of the body for an error message: shortened, and without control characters.
    static String printable(byte[] bytes, int from, int to) {
        int end = Math.min(to, from + 4 * MAX_CHARS);
        String text = new String(bytes, from, Math.max(0, end - from), StandardCharsets.UTF_8);
        StringBuilder shown = new StringBuilder();
        for (int i = 0; i < text.length() && i < MAX_CHARS; i++) {
            char c = text.charAt(i);
            shown.append(Character.isISOControl(c) ? '?' : c);
        }
        if (end < to || text.length() > MAX_CHARS) {
            shown.append('…');
        }
        return shown.toString();
    }
}
