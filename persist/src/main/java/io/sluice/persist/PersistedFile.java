package io.sluice.persist;

import io.sluice.persist.catalog.FileRecord;
import java.time.Duration;

/// A file that holds a request's rows and is in the catalog.
///
/// @param rowsBeforeMerge rows of the request; the file has fewer if keys were equal
/// @param queued from being enqueued to the first step
/// @param active from the first step to the end, retries and waits between them included
public record PersistedFile(FileRecord file, long rowsBeforeMerge, Duration queued, Duration active) {
    /// Rows that were merged into others with an equal key.
    public long duplicates() {
        return rowsBeforeMerge - file.rowCount();
    }
}
