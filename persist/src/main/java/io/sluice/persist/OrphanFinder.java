package io.sluice.persist;

import io.sluice.persist.catalog.Catalog;
import io.sluice.persist.store.ObjectInfo;
import io.sluice.persist.store.ObjectStore;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Finds objects that an ingester uploaded and that are not in the catalog: its process ended between the upload and
/// the commit, so that the rows are in another file, or in the log still.
///
/// An object of an ingester that runs may be about to be recorded: it is an orphan only if it is older than any
/// persist job takes. An ingester uploads again what it could not record within ten minutes, so an age of an hour is
/// safe. Objects under other names, and uploads under way, are nobody's orphans.
public final class OrphanFinder {
    private static final Logger LOG = LoggerFactory.getLogger(OrphanFinder.class);

    // The catalog is asked again before each so many deletions.
    private static final int DELETIONS_PER_CHECK = 100;

    private final Catalog catalog;
    private final ObjectStore store;
    private final InstantSource clock;

    public OrphanFinder(Catalog catalog, ObjectStore store, InstantSource clock) {
        this.catalog = catalog;
        this.store = store;
        this.clock = clock;
    }

    /// All orphans of this moment, by name.
    public List<ObjectInfo> find() throws IOException {
        var found = new ArrayList<ObjectInfo>();
        // The store first: an object that is listed now and recorded later is in the catalog when that is asked.
        store.list("", object -> {
            if (ObjectNaming.isName(object.name())) {
                found.add(object);
            }
        });
        Set<String> recorded = catalog.objectNames();
        found.removeIf(object -> recorded.contains(object.name()));
        found.sort(Comparator.comparing(ObjectInfo::name));
        return found;
    }

    /// Deletes the orphans that were last written more than `olderThan` ago. Right before, it looks again whether
    /// the object is as it was, and still unknown to the catalog.
    ///
    /// @return those deleted, by name
    /// @throws IllegalArgumentException if `olderThan` is negative
    /// @throws IOException if store or catalog fail; each deletion until then was logged
    public List<ObjectInfo> delete(Duration olderThan) throws IOException {
        if (olderThan.isNegative()) {
            throw new IllegalArgumentException("age of orphans to delete is negative: " + olderThan);
        }
        Instant before = clock.instant().minus(olderThan);
        List<ObjectInfo> old = find().stream()
                .filter(object -> object.modifiedAt().isBefore(before))
                .toList();
        var deleted = new ArrayList<ObjectInfo>();
        for (int start = 0; start < old.size(); start += DELETIONS_PER_CHECK) {
            List<ObjectInfo> some = old.subList(start, Math.min(old.size(), start + DELETIONS_PER_CHECK));
            Set<String> recorded = catalog.objectNames();
            for (ObjectInfo object : some) {
                if (recorded.contains(object.name()) || !isUnchanged(object)) {
                    LOG.info("kept {}: it was recorded or written again meanwhile", object.name());
                    continue;
                }
                store.delete(object.name());
                LOG.info(
                        "deleted orphan {} of {} bytes, written {}",
                        object.name(),
                        object.sizeBytes(),
                        object.modifiedAt());
                deleted.add(object);
            }
        }
        return deleted;
    }

    private boolean isUnchanged(ObjectInfo object) throws IOException {
        Optional<ObjectInfo> now = store.find(object.name());
        return now.isPresent() && now.get().equals(object);
    }
}
