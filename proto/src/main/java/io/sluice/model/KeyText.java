package io.sluice.model;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;

/// How text stands in keys and templates.
final class KeyText {
    static final char SEPARATOR = '|';
    static final String MISSING = "!";
    static final String EMPTY = "^";
    static final char SHORTENED = '#';
    static final int HASH_BYTES = 16;
    private static final String SPECIAL = "|!^#%";
    private static final HexFormat HEX = HexFormat.of().withUpperCase();

    private KeyText() {}

    static String escape(String value) {
        StringBuilder escaped = new StringBuilder(value.length());
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (SPECIAL.indexOf(c) >= 0 || Character.isISOControl(c)) {
                for (byte b : String.valueOf(c).getBytes(StandardCharsets.UTF_8)) {
                    escaped.append('%').append(HEX.toHexDigits(b));
                }
            } else {
                escaped.append(c);
            }
        }
        return escaped.toString();
    }

    static String unescape(String escaped) {
        if (escaped.indexOf('%') < 0) {
            return escaped;
        }
        byte[] source = escaped.getBytes(StandardCharsets.UTF_8);
        byte[] target = new byte[source.length];
        int length = 0;
        try {
            for (int i = 0; i < source.length; i++) {
                if (source[i] == '%') {
                    target[length++] =
                            (byte) HexFormat.fromHexDigits(new String(source, i + 1, 2, StandardCharsets.ISO_8859_1));
                    i += 2;
                } else {
                    target[length++] = source[i];
                }
            }
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(Arrays.copyOf(target, length)))
                    .toString();
        } catch (IndexOutOfBoundsException | IllegalArgumentException | CharacterCodingException e) {
            throw new IllegalArgumentException(
                    "'%s': expected two hexadecimal digits behind '%%', and UTF-8".formatted(escaped), e);
        }
    }
}
