package io.sluice.model;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;

/// What a partition's key tells about a tag: the value that the tag has in each row of the partition.
///
/// | the rows have            | the key says                                                           |
/// |--------------------------|------------------------------------------------------------------------|
/// | no value                 | `!`                                                                    |
/// | the empty value          | `^`                                                                    |
/// | at most 64 bytes         | the value                                                              |
/// | more                     | its first characters, 64 bytes at most, `#`, 128 bits of its SHA-256   |
///
/// In a value, `| ! ^ # %` and control characters are written as `%` and two hexadecimal digits for each byte of their
/// UTF-8 form. So different values are written differently, and short ones can be read.
public sealed interface TagPart {
    /// The longest value that stands in a key in full, in bytes of UTF-8.
    int MAX_VALUE_BYTES = 64;

    /// The rows have no value.
    record Missing() implements TagPart {}

    /// The rows have this value.
    record Exact(String value) implements TagPart {}

    /// The rows have one long value.
    ///
    /// @param prefix what the value begins with
    /// @param hash the first 128 bits of the value's SHA-256, 32 hexadecimal digits
    record Shortened(String prefix, String hash) implements TagPart {}

    /// Whether rows of the partition have this value (none, where empty): all of them do, or none does.
    default boolean holds(Optional<String> value) {
        return of(value).equals(this);
    }

    /// What a key tells of a value; of none, where empty.
    static TagPart of(Optional<String> value) {
        if (value.isEmpty()) {
            return new Missing();
        }
        byte[] bytes = value.get().getBytes(StandardCharsets.UTF_8);
        if (bytes.length <= MAX_VALUE_BYTES) {
            return new Exact(value.get());
        }
        int end = MAX_VALUE_BYTES;
        while ((bytes[end] & 0xC0) == 0x80) {
            end--; // not in the middle of a character
        }
        return new Shortened(
                new String(bytes, 0, end, StandardCharsets.UTF_8),
                HexFormat.of().formatHex(sha256(bytes), 0, KeyText.HASH_BYTES));
    }

    private static byte[] sha256(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    /// As it stands in a key.
    default String rendered() {
        return switch (this) {
            case Missing() -> KeyText.MISSING;
            case Exact(String value) -> value.isEmpty() ? KeyText.EMPTY : KeyText.escape(value);
            case Shortened(String prefix, String hash) -> KeyText.escape(prefix) + KeyText.SHORTENED + hash;
        };
    }

    /// What stands in a key.
    ///
    /// @throws IllegalArgumentException if nothing is written so
    static TagPart parse(String rendered) {
        TagPart parsed = parseLeniently(rendered);
        if (!parsed.rendered().equals(rendered)) {
            throw new IllegalArgumentException("'%s' is no tag's value in a partition key".formatted(rendered));
        }
        return parsed;
    }

    private static TagPart parseLeniently(String rendered) {
        if (rendered.equals(KeyText.MISSING)) {
            return new Missing();
        }
        if (rendered.equals(KeyText.EMPTY)) {
            return new Exact("");
        }
        int mark = rendered.indexOf(KeyText.SHORTENED);
        if (mark < 0) {
            return new Exact(KeyText.unescape(rendered));
        }
        String hash = rendered.substring(mark + 1);
        if (hash.length() != 2 * KeyText.HASH_BYTES || !hash.chars().allMatch(HexFormat::isHexDigit)) {
            throw new IllegalArgumentException(
                    "'%s' in a partition key: expected 32 hexadecimal digits behind '#'".formatted(rendered));
        }
        return new Shortened(KeyText.unescape(rendered.substring(0, mark)), hash);
    }
}
