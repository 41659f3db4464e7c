package io.sluice.ingester.write;

import io.sluice.ingester.door.WriteOutcome.Refused;

/// A write needs the catalog, and too many others do already. It had no effect.
public final class CatalogRefusedException extends Exception {
    private final transient Refused refusal;

    CatalogRefusedException(Refused refusal) {
        super(refusal.message(), null, false, false); // a decision, told by its value
        this.refusal = refusal;
    }

    public Refused refusal() {
        return refusal;
    }
}
