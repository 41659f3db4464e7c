package io.sluice.ingester.http;

import io.sluice.ingester.door.WriteOutcome;
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
    /// What more is told of a refusal.
    final Optional<WriteOutcome.Refused> refusal;
    /// Which lines were not taken, if that is the matter.
    final Optional<BadLines> badLines;
    /// The methods that would have been right, if that is the matter.
    final Optional<String> allow;
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
            Optional<WriteOutcome.Refused> refusal,
            Optional<BadLines> badLines,
            Optional<String> allow,
            boolean isConnectionBroken) {
        super(message, null, false, false);
        this.status = status;
        this.code = code;
        this.retryAfter = retryAfter;
        this.refusal = refusal;
        this.badLines = badLines;
        this.allow = allow;
        this.isConnectionBroken = isConnectionBroken;
    }

    static HttpError of(int status, String code, String message) {
        return new HttpError(
                status, code, message, Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), false);
    }

    /// Not now. What one namespace may not have is 429, what nobody has is 503; clients try both again.
    static HttpError refused(WriteOutcome.Refused refused) {
        int status = refused.reason() == WriteOutcome.Reason.NAMESPACE_LIMIT ? 429 : 503;
        return new HttpError(
                status,
                status == 429 ? "too many requests" : "unavailable",
                refused.reason() + ": " + refused.message(),
                Optional.of(refused.retryAfter()),
                Optional.of(refused),
                Optional.empty(),
                Optional.empty(),
                false);
    }

    static HttpError badLines(String message, BadLines lines) {
        return new HttpError(
                400,
                "invalid",
                message,
                Optional.empty(),
                Optional.empty(),
                Optional.of(lines),
                Optional.empty(),
                false);
    }

    /// @param allow the methods that would have been right
    static HttpError method(String allow, String message) {
        return new HttpError(
                405,
                "method not allowed",
                message,
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.of(allow),
                false);
    }

    static HttpError invalid(String message) {
        return of(400, "invalid", message);
    }

    /// The body does not come to its end: the client has gone, or sends what is no HTTP.
    static HttpError broken(String message) {
        return new HttpError(
                400, "invalid", message, Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), true);
    }

    /// The body came too slowly.
    static HttpError tooSlow(String message) {
        return new HttpError(
                408,
                "request timeout",
                message,
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                true);
    }

    static HttpError tooLarge(String message) {
        return of(413, "request too large", message);
    }
}
