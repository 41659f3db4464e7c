package io.sluice.ingester.lineprotocol;

import io.sluice.ingester.door.Utf8;
import java.nio.charset.StandardCharsets;

/// Checks the bytes of a name for the rule that the names of the model obey, without an exception of its own for each
/// of a million bad lines.
final class CheckedName {
    private static final int MAX_BYTES = 255;

    private CheckedName() {}

    /// The name that these bytes spell.
    ///
    /// @param what what the name is of, for the error
    /// @throws BadLine if the name breaks the rule
    static String of(String what, byte[] bytes, int from, int lengthBytes) throws BadLine {
        if (lengthBytes > MAX_BYTES) {
            throw new BadLine(() -> "%s name %s is %d bytes long: expected at most %d"
                    .formatted(what, Quoted.text(bytes, from, lengthBytes), lengthBytes, MAX_BYTES));
        }
        if (!Utf8.isValid(bytes, from, from + lengthBytes)) {
            throw new BadLine(() -> "%s name %s is not UTF-8".formatted(what, Quoted.text(bytes, from, lengthBytes)));
        }
        for (int i = from; i < from + lengthBytes; i++) {
            int b = bytes[i];
            boolean control = (b >= 0 && b < 0x20)
                    || b == 0x7F
                    || (b == (byte) 0xC2 && (bytes[i + 1] & 0xFF) < 0xA0); // U+0080 to U+009F
            if (control) {
                throw new BadLine(() -> "%s name %s has a control character: expected none"
                        .formatted(what, Quoted.text(bytes, from, lengthBytes)));
            }
        }
        return new String(bytes, from, lengthBytes, StandardCharsets.UTF_8);
    }
}
