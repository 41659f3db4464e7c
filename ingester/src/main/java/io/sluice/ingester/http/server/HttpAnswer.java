package io.sluice.ingester.http.server;

import java.util.Map;

/// An answer. Its length is told by itself, as is the date.
///
/// @param headers by name, in ASCII
/// @param body none for 204
/// @param isLast whether the connection is closed behind it
public record HttpAnswer(int status, Map<String, String> headers, byte[] body, boolean isLast) {
    public HttpAnswer {
        headers = Map.copyOf(headers);
    }
}
