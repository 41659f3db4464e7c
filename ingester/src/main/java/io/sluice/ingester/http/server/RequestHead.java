package io.sluice.ingester.http.server;

import java.io.EOFException;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// The head of a request, up to the empty line. Strict where two readers could see two different requests.
///
/// @param headers by name, in lower case; several of one name joined by commas
/// @param bodyBytes of the body; [#CHUNKED] if it tells its end by itself
/// @param isOld whether it is HTTP/1.0
record RequestHead(String method, URI target, boolean isOld, Map<String, String> headers, long bodyBytes) {
    /// As [#bodyBytes]: the body comes in chunks.
    static final long CHUNKED = -1;

    private static final int MAX_HEAD_BYTES = 64 * 1_024;
    private static final int MAX_HEADERS = 200;
    private static final int FIRST_LINE_CHARS = 128;

    /// Reads a head.
    ///
    /// @throws EOFException if the connection ends before the head does
    /// @throws BadRequestException if it is none, or too long
    static RequestHead read(ConnectionInput in) throws IOException, BadRequestException {
        Lines lines = new Lines(in);
        String line = lines.next();
        while (line.isEmpty()) {
            line = lines.next(); // some clients send an empty line behind a body
        }
        String[] parts = line.split(" ", -1);
        if (parts.length != 3 || parts[0].isEmpty()) {
            throw new BadRequestException(400, "the request line has %d parts: expected 3".formatted(parts.length));
        }
        boolean isOld = isOld(parts[2]);
        URI target;
        try {
            target = new URI(parts[1]);
        } catch (URISyntaxException e) {
            throw new BadRequestException(400, "the request's target is none: " + e.getReason());
        }
        if (target.getPath() == null) {
            throw new BadRequestException(400, "the request's target has no path");
        }
        Map<String, String> headers = headers(lines);
        return new RequestHead(parts[0], target, isOld, headers, bodyBytes(headers));
    }

    private static boolean isOld(String version) throws BadRequestException {
        return switch (version) {
            case "HTTP/1.1" -> false;
            case "HTTP/1.0" -> true;
            default ->
                throw new BadRequestException(
                        version.startsWith("HTTP/") ? 505 : 400,
                        "the request line ends with '%s': expected HTTP/1.1".formatted(printable(version)));
        };
    }

    private static Map<String, String> headers(Lines lines) throws IOException, BadRequestException {
        Map<String, String> headers = new HashMap<>();
        int count = 0;
        for (String line = lines.next(); !line.isEmpty(); line = lines.next()) {
            if (++count > MAX_HEADERS) {
                throw new BadRequestException(431, "there are more than %d headers".formatted(MAX_HEADERS));
            }
            int colon = line.indexOf(':');
            if (colon < 1 || !line.chars().limit(colon).allMatch(RequestHead::isTokenChar)) {
                throw new BadRequestException(400, "header %d has no name, or an invalid one".formatted(count));
            }
            String name = line.substring(0, colon).toLowerCase(Locale.ROOT);
            String value = line.substring(colon + 1).strip();
            String before = headers.putIfAbsent(name, value);
            if (before != null) {
                headers.put(name, before + ", " + value);
            }
        }
        return headers;
    }

    private static boolean isTokenChar(int c) {
        return c > ' ' && c < 0x7f && "()<>@,;:\\\"/[]?={}".indexOf(c) < 0;
    }

    private static long bodyBytes(Map<String, String> headers) throws BadRequestException {
        String length = headers.get("content-length");
        String encoding = headers.get("transfer-encoding");
        if (encoding != null) {
            if (length != null) {
                throw new BadRequestException(400, "there are both Content-Length and Transfer-Encoding");
            }
            if (!encoding.equalsIgnoreCase("chunked")) {
                throw new BadRequestException(
                        501, "Transfer-Encoding '%s': expected chunked".formatted(printable(encoding)));
            }
            return CHUNKED;
        }
        if (length == null) {
            return 0;
        }
        // Several are joined, and so are no number.
        if (length.isEmpty() || length.length() > 19 || !length.chars().allMatch(c -> c >= '0' && c <= '9')) {
            throw new BadRequestException(400, "Content-Length '%s': expected a number".formatted(printable(length)));
        }
        try {
            return Long.parseLong(length);
        } catch (NumberFormatException e) {
            throw new BadRequestException(400, "Content-Length %s: expected less".formatted(length));
        }
    }

    private static String printable(String text) {
        return text.replaceAll("[^\\x20-\\x7e]", "?").substring(0, Math.min(text.length(), 100));
    }

    Optional<String> header(String name) {
        return Optional.ofNullable(headers.get(name.toLowerCase(Locale.ROOT)));
    }

    /// Whether a header names an option among others.
    private boolean lists(String name, String option) {
        String value = headers.getOrDefault(name, "");
        for (String each : value.split(",", -1)) {
            if (each.strip().equalsIgnoreCase(option)) {
                return true;
            }
        }
        return false;
    }

    boolean isHead() {
        return method.equals("HEAD");
    }

    /// Whether the client wants to use the connection again.
    boolean keepsAlive() {
        return isOld ? lists("connection", "keep-alive") : !lists("connection", "close");
    }

    /// Whether the client waits for a word before it sends its body.
    boolean expectsContinue() {
        return !isOld && bodyBytes != 0 && lists("expect", "100-continue");
    }

    /// The head's lines, all together no longer than it may be.
    private static final class Lines {
        private final ConnectionInput in;
        private int leftBytes = MAX_HEAD_BYTES;

        Lines(ConnectionInput in) {
            this.in = in;
        }

        String next() throws IOException, BadRequestException {
            StringBuilder line = new StringBuilder(FIRST_LINE_CHARS);
            while (true) {
                int c = in.read();
                if (c < 0) {
                    throw new EOFException("the connection ends inside a request's head");
                }
                if (--leftBytes < 0) {
                    throw new BadRequestException(431, "the head is longer than %d bytes".formatted(MAX_HEAD_BYTES));
                }
                if (c == '\n') {
                    int length = line.length();
                    if (length > 0 && line.charAt(length - 1) == '\r') {
                        line.setLength(length - 1);
                    }
                    if (line.indexOf("\r") >= 0) {
                        throw new BadRequestException(400, "there is a carriage return inside a line of the head");
                    }
                    return line.toString();
                }
                if ((c < ' ' && c != '\t' && c != '\r') || c == 0x7f) {
                    throw new BadRequestException(400, "there is a byte %02x in the head".formatted(c));
                }
                line.append((char) c);
            }
        }
    }
}
