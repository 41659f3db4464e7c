package io.sluice.persist.catalog;

import io.sluice.model.IngesterId;

/// Another process started under this ingester's id, so this one may not record files any more.
public final class StaleEpochException extends CatalogConflictException {
    public StaleEpochException(IngesterId ingester, long expected, long found) {
        super(
                "ingester %s: this process holds epoch %d, the catalog says %d: another process was started on a copy of its log folder"
                        .formatted(ingester, expected, found));
    }
}
