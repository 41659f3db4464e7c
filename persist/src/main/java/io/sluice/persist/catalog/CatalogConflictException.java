package io.sluice.persist.catalog;

import java.io.IOException;

/// The catalog answered, and the answer is no: what was asked contradicts what it holds. Asking again changes
/// nothing.
public class CatalogConflictException extends IOException {
    public CatalogConflictException(String message) {
        super(message);
    }
}
