package io.sluice.persist.catalog;

import java.io.IOException;

/// The catalog could not answer. The message says which catalog, what was being done, and what went wrong.
/// Whether a change was made is unknown; the same call may be made again.
public final class CatalogException extends IOException {
    public CatalogException(String message) {
        super(message);
    }

    public CatalogException(String message, Throwable cause) {
        super(message, cause);
    }
}
