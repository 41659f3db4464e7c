package io.sluice.ingester.grpc;

import io.sluice.ingester.admission.AdmissionPermit;
import java.util.concurrent.atomic.AtomicInteger;

/// A permit that two hold, a call and what was begun for it: given back when both have let go, each once.
final class SharedPermit {
    private final AdmissionPermit permit;
    private final AtomicInteger holders = new AtomicInteger(2);

    SharedPermit(AdmissionPermit permit) {
        this.permit = permit;
    }

    /// One of the two needs it no more.
    void letGo() {
        if (holders.decrementAndGet() == 0) {
            permit.close();
        }
    }
}
