package io.sluice.ingester.http;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/// Parameters of a query string. Strict where the JDK's decoder puts replacement characters: a name that is no UTF-8
/// must not become another name.
final class QueryString {
    private QueryString() {}

    /// The parameters; of several with one name the last counts.
    ///
    /// @param raw the query as it was sent, without the question mark
    static Map<String, String> parse(String raw) throws HttpError {
        Map<String, String> parameters = new HashMap<>();
        for (String pair : raw.split("&", -1)) {
            if (!pair.isEmpty()) {
                int equals = pair.indexOf('=');
                String name = decode(equals < 0 ? pair : pair.substring(0, equals));
                parameters.put(name, equals < 0 ? "" : decode(pair.substring(equals + 1)));
            }
        }
        return parameters;
    }

    private static String decode(String text) throws HttpError {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '%') {
                boolean isWhole = i + 2 < text.length();
                int high = isWhole ? Character.digit(text.charAt(i + 1), 16) : -1;
                int low = isWhole ? Character.digit(text.charAt(i + 2), 16) : -1;
                if (high < 0 || low < 0) {
                    throw HttpError.invalid(
                            "the query string has '%%' without two hexadecimal digits in '%s'".formatted(text));
                }
                bytes.write(high << 4 | low);
                i += 2;
            } else if (c == '+') {
                bytes.write(' ');
            } else {
                bytes.write(c); // the JDK's server makes one char of each byte
            }
        }
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes.toByteArray()))
                    .toString();
        } catch (CharacterCodingException e) {
            throw HttpError.invalid("the query string is not UTF-8 in '%s'".formatted(text));
        }
    }
}
