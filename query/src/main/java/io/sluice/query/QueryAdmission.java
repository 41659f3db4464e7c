package io.sluice.query;

/// Lets queries in, so many at once. Any thread may call.
public interface QueryAdmission {
    /// Lets a query in, before anything is done for it; may wait a moment for that.
    ///
    /// @return the caller's to close, when the query's client has its end
    /// @throws QueryRefusedException if there are too many
    QueryPermit admit() throws QueryRefusedException;

    /// What a query is told that was let in and found no room all the same.
    ///
    /// @param reason the `ErrorInfo.reason` on the wire
    QueryRefusal refuse(String reason, String message);
}
