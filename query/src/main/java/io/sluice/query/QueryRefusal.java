package io.sluice.query;

import java.time.Duration;
import java.util.Map;

/// Why a query is not taken now, and when it may come back.
///
/// @param reason the `ErrorInfo.reason` on the wire
/// @param isServing false while the server starts or stops; true if it only has too much to do
/// @param details the `ErrorInfo.metadata` on the wire: which limit, and how much of it is used
public record QueryRefusal(
        String reason, boolean isServing, String message, Duration retryAfter, Map<String, String> details) {
    public QueryRefusal {
        details = Map.copyOf(details);
    }
}
