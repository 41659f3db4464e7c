package io.sluice.persist.store;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;

/// The rule that names of objects obey, and how any text becomes a segment of one.
///
/// A name is 1 to [#MAX_NAME_BYTES] characters of printable ASCII without backslash: segments of 1 to
/// [#MAX_SEGMENT_BYTES] characters, joined by `/`, none of which begins with a dot. So a name is a relative
/// path that leads downwards on every file system, is never a hidden file, and is a key that every S3 takes.
public final class ObjectNames {
    /// The longest file name of Linux file systems (`NAME_MAX`).
    public static final int MAX_SEGMENT_BYTES = 255;

    /// The longest key of S3.
    public static final int MAX_NAME_BYTES = 1024;

    /// The longest result of [#encode]: three such folders and a file fit into a name with room for a store's
    /// prefix.
    public static final int MAX_ENCODED_BYTES = 200;

    private static final String PLAIN = "-_.=";
    private static final char SHORTENED = '!';
    private static final int HASH_BYTES = 16;
    private static final HexFormat HEX = HexFormat.of().withUpperCase();

    private ObjectNames() {}

    /// Returns `name` if it obeys the rule.
    ///
    /// @throws IllegalArgumentException saying which part of the rule is broken
    public static String check(String name) {
        Optional<String> broken = findBrokenRule(name);
        if (broken.isPresent()) {
            throw new IllegalArgumentException("object name '%s' %s".formatted(name, broken.get()));
        }
        return name;
    }

    static boolean isName(String text) {
        return findBrokenRule(text).isEmpty();
    }

    /// Whether a name may begin with this text.
    static boolean mayBegin(String text) {
        return text.isEmpty() || isName(text.endsWith("/") ? text + "a" : text);
    }

    private static Optional<String> findBrokenRule(String name) {
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            if (c < ' ' || c > '~' || c == '\\') {
                return Optional.of("has the character U+%04X at index %d: expected printable ASCII without backslash"
                        .formatted((int) c, i));
            }
        }
        if (name.length() > MAX_NAME_BYTES) {
            return Optional.of("is %d bytes long: expected at most %d".formatted(name.length(), MAX_NAME_BYTES));
        }
        for (String segment : name.split("/", -1)) {
            if (segment.isEmpty()) {
                return Optional.of("has an empty segment: expected segments joined by single slashes");
            }
            if (segment.startsWith(".")) {
                return Optional.of("has the segment '%s': expected none that begins with a dot".formatted(segment));
            }
            if (segment.length() > MAX_SEGMENT_BYTES) {
                return Optional.of("has a segment of %d bytes: expected at most %d"
                        .formatted(segment.length(), MAX_SEGMENT_BYTES));
            }
        }
        return Optional.empty();
    }

    /// Turns any text into one segment of a name, different texts into different segments.
    ///
    /// ASCII letters and digits and `- _ . =` stand for themselves, save a dot at the beginning; every other
    /// byte of the UTF-8 form is `%` and two hexadecimal digits. So percent-decoding gives the text back. What
    /// would be longer than [#MAX_ENCODED_BYTES] is cut, and ends in `!` and 128 bits of the text's SHA-256:
    /// that is not reversible.
    ///
    /// Letters keep their case: on a file system that ignores case, `CPU` and `cpu` are one folder.
    ///
    /// @throws IllegalArgumentException if `text` is empty, or has half a surrogate pair
    public static String encode(String text) {
        if (text.isEmpty()) {
            throw new IllegalArgumentException("an empty text is no segment of an object name");
        }
        byte[] bytes = utf8(text);
        var encoded = new StringBuilder(bytes.length);
        for (byte b : bytes) {
            char c = (char) (b & 0xff);
            if (isPlain(c) && !(c == '.' && encoded.isEmpty())) {
                encoded.append(c);
            } else {
                encoded.append('%').append(HEX.toHexDigits(b));
            }
        }
        return encoded.length() <= MAX_ENCODED_BYTES ? encoded.toString() : shorten(encoded, bytes);
    }

    private static boolean isPlain(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || PLAIN.indexOf(c) >= 0;
    }

    private static String shorten(StringBuilder encoded, byte[] bytes) {
        int length = MAX_ENCODED_BYTES - 1 - 2 * HASH_BYTES;
        // Never through an escape: half of one would not decode.
        int escape = encoded.lastIndexOf("%", length - 1);
        if (escape > length - 3) {
            length = escape;
        }
        return encoded.substring(0, length) + SHORTENED + HEX.formatHex(sha256(bytes), 0, HASH_BYTES);
    }

    private static byte[] utf8(String text) {
        try {
            ByteBuffer encoded = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
            byte[] bytes = new byte[encoded.remaining()];
            encoded.get(bytes);
            return bytes;
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException("text has half a surrogate pair: expected UTF-8", e);
        }
    }

    private static byte[] sha256(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }
}
