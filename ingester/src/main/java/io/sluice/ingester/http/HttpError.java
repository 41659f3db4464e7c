package io.sluice.ingester.http;

import io.sluice.ingester.lineprotocol.LineError;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/// An answer that is not a success. Made for control flow at the door: carries no stack.
final class HttpError extends Exception {
    final int status;
    /// InfluxDB's word for it.
    final String code;

    final Optional<Duration> retryAfter;
    /// Which lines were not taken, if that is the matter.
    final Optional<BadLines> badLines;
    /// Whether nothing can be read behind this request: the connection is closed.
    final boolean isConnectionBroken;

    /// Lines that were not taken.
    ///
    /// @param count all of them
    /// @param first some of them, described
    record BadLines(long writtenLines, long count, List<LineError> first) {}

    private HttpError(
            int status,
            String code,
            String message,
            Optional<Duration> retryAfter,
            Optional<BadLines> badLines,
            boolean isConnectionBroken) {
        super(message, null, false, false);
        this.status = status;
        this.code = code;
        this.retryAfter = retryAfter;
        this.badLines = badLines;
        this.isConnectionBroken = isConnectionBroken;
    }

    static HttpError of(int status, String code, String message) {
        return new HttpError(status, code, message, Optional.empty(), Optional.empty(), false);
    }

    static HttpError retry(int status, String message, Duration after) {
        return new HttpError(status, "unavailable", message, Optional.of(after), Optional.empty(), false);
    }

    static HttpError badLines(String message, BadLines lines) {
        return new HttpError(400, "invalid", message, Optional.empty(), Optional.of(lines), false);
    }

    static HttpError invalid(String message) {
        return of(400, "invalid", message);
    }

    /// The body does not come to its end: the client has gone, or sends what is no HTTP.
    static HttpError broken(String message) {
        return new HttpError(400, "invalid", message, Optional.empty(), Optional.empty(), true);
    }

    static HttpError tooLarge(String message) {
        return of(413, "request too large", message);
    }
}
