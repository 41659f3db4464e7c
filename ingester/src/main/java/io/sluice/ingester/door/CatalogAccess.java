package io.sluice.ingester.door;

import java.util.Optional;

/// The way of one write to the catalog. Only so many writes may be on it at once, so that a catalog that is slow is not
/// asked by all. One thread at a time.
public interface CatalogAccess {
    /// For who need not ask: tests, and the replay of the log.
    CatalogAccess FREE = new CatalogAccess() {
        @Override
        public Optional<WriteOutcome.Refused> enter() {
            return Optional.empty();
        }

        @Override
        public void leave() {}
    };

    /// To be called before the catalog is asked; calls after the first that succeeded do nothing. May wait for a
    /// moment.
    ///
    /// @return empty if the write may ask the catalog; else why not, and then it must not
    Optional<WriteOutcome.Refused> enter();

    /// The catalog has answered all that the write needs, or the write is given up. Idempotent.
    void leave();
}
