package io.sluice.persist;

import java.io.IOException;

/// The persister stopped before these rows were in a catalogued file, as far as it knows. They are in the log still,
/// and the next start persists what is missing.
public final class PersistStoppedException extends IOException {
    public PersistStoppedException(String message) {
        super(message);
    }

    /// @param cause why the rows were not persisted earlier
    public PersistStoppedException(String message, Throwable cause) {
        super(message, cause);
    }
}
