package io.sluice.query.flight;

import org.apache.arrow.flight.FlightRuntimeException;
import org.apache.arrow.flight.FlightStatusCode;

/// A query had no answer; the message is the server's, or says why it could not be asked.
public final class QueryFailedException extends Exception {
    private final boolean unavailable;

    QueryFailedException(FlightRuntimeException cause) {
        super(cause.status().code() + ": " + cause.status().description(), cause);
        this.unavailable = cause.status().code() == FlightStatusCode.UNAVAILABLE;
    }

    /// Whether the server could not be reached, or does not serve.
    public boolean isUnavailable() {
        return unavailable;
    }
}
