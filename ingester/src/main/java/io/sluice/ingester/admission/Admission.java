package io.sluice.ingester.admission;

import io.sluice.ingester.door.WriteOutcome;

/// Whether a request was let in.
public sealed interface Admission {
    /// It was.
    ///
    /// @param permit the caller's to close, once the request's client has its end
    record Admitted(AdmissionPermit permit) implements Admission {}

    /// It was not.
    ///
    /// @param why with the limit, and when to come back
    record Rejected(WriteOutcome.Refused why) implements Admission {}
}
