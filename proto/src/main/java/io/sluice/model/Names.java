package io.sluice.model;

import java.nio.charset.StandardCharsets;

/// The rule that every name of a namespace, table or column obeys: 1 to [#MAX_BYTES] bytes of UTF-8 without control
/// characters.
final class Names {
    static final int MAX_BYTES = 255;

    private Names() {}

    /// Returns `name` if it obeys the rule.
    ///
    /// @param what what the name is of, for the error
    /// @throws IllegalArgumentException saying which part of the rule is broken
    static String check(String what, String name) {
        if (name.isEmpty()) {
            throw new IllegalArgumentException(what + " is empty: expected 1 to " + MAX_BYTES + " bytes of UTF-8");
        }
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            if (Character.isISOControl(c)) {
                throw new IllegalArgumentException(
                        "%s has the control character U+%04X at index %d: expected none".formatted(what, (int) c, i));
            }
            if (Character.isSurrogate(c)) {
                if (Character.isHighSurrogate(c)
                        && i + 1 < name.length()
                        && Character.isLowSurrogate(name.charAt(i + 1))) {
                    i++;
                } else {
                    throw new IllegalArgumentException(
                            "%s has half a surrogate pair at index %d: expected UTF-8".formatted(what, i));
                }
            }
        }
        int lengthBytes = name.getBytes(StandardCharsets.UTF_8).length;
        if (lengthBytes > MAX_BYTES) {
            throw new IllegalArgumentException(
                    "%s is %d bytes long: expected at most %d".formatted(what, lengthBytes, MAX_BYTES));
        }
        return name;
    }
}
