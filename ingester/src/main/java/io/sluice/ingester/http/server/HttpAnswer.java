package io.sluice.ingester.http.server;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Map;

/// An answer. Its length is told by itself, as is the date.
///
/// @param headers by name, in ASCII
/// @param body none for 204
/// @param isLast whether the connection is closed behind it
public record HttpAnswer(int status, Map<String, String> headers, byte[] body, boolean isLast) {
    private static final DateTimeFormatter DATE = DateTimeFormatter.ofPattern(
                    "EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.ROOT)
            .withZone(ZoneOffset.UTC);

    private static final String END = "\r\n";

    public HttpAnswer {
        headers = Map.copyOf(headers);
    }

    /// An answer in plain text, behind which the connection is closed.
    static HttpAnswer last(int status, String text) {
        return new HttpAnswer(
                status,
                Map.of("Content-Type", "text/plain; charset=utf-8"),
                (text + "\n").getBytes(StandardCharsets.UTF_8),
                true);
    }

    /// As it is sent.
    ///
    /// @param isHead whether the request asked for the head alone
    /// @param keepsOldAlive whether the client must be told that the connection stays open
    byte[] encode(Instant now, boolean isHead, boolean keepsOldAlive) {
        StringBuilder head = new StringBuilder(512);
        head.append("HTTP/1.1 ")
                .append(status)
                .append(' ')
                .append(phrase(status))
                .append(END);
        head.append("Date: ").append(DATE.format(now)).append(END);
        headers.forEach(
                (name, value) -> head.append(name).append(": ").append(value).append(END));
        if (status != 204) {
            head.append("Content-Length: ").append(body.length).append(END);
        }
        if (isLast) {
            head.append("Connection: close").append(END);
        } else if (keepsOldAlive) {
            head.append("Connection: keep-alive").append(END);
        }
        head.append(END);
        byte[] first = head.toString().getBytes(StandardCharsets.ISO_8859_1);
        if (isHead || status == 204 || body.length == 0) {
            return first;
        }
        byte[] all = new byte[first.length + body.length];
        System.arraycopy(first, 0, all, 0, first.length);
        System.arraycopy(body, 0, all, first.length, body.length);
        return all;
    }

    private static String phrase(int status) {
        return switch (status) {
            case 200 -> "OK";
            case 204 -> "No Content";
            case 400 -> "Bad Request";
            case 404 -> "Not Found";
            case 405 -> "Method Not Allowed";
            case 408 -> "Request Timeout";
            case 413 -> "Content Too Large";
            case 415 -> "Unsupported Media Type";
            case 422 -> "Unprocessable Content";
            case 429 -> "Too Many Requests";
            case 431 -> "Request Header Fields Too Large";
            case 500 -> "Internal Server Error";
            case 501 -> "Not Implemented";
            case 503 -> "Service Unavailable";
            case 505 -> "HTTP Version Not Supported";
            default -> status < 400 ? "OK" : "Error";
        };
    }
}
