package io.sluice.ingester.http;

import io.sluice.ingester.admission.AdmissionPermit;
import java.util.Optional;

/// The place of one request among those that are let in, if it has got one: until its answer was sent. For the
/// request's thread.
final class Place implements AutoCloseable {
    private Optional<AdmissionPermit> permit = Optional.empty();

    /// Takes a place over.
    void hold(AdmissionPermit admitted) {
        permit = Optional.of(admitted);
    }

    @Override
    public void close() {
        permit.ifPresent(AdmissionPermit::close);
    }
}
