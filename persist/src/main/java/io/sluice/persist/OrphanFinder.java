package io.sluice.persist;

import io.sluice.persist.catalog.Catalog;
import io.sluice.persist.store.ObjectInfo;
import io.sluice.persist.store.ObjectStore;
import io.sluice.persist.store.UnfinishedUpload;
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
/// safe. Objects under other names are nobody's orphans. The same holds of uploads that were begun and never ended,
/// where the store does not clean up by itself.
public final class OrphanFinder {
    private static final Logger LOG = LoggerFactory.getLogger(OrphanFinder.class);

    // The catalog is asked again before each so many deletions.
    private static final int DELETIONS_PER_CHECK = 100;

    private final RecordedObjects catalog;
    private final ObjectStore store;
    private final InstantSource clock;

    /// What the catalog knows.
    @FunctionalInterface
    public interface RecordedObjects {
        /// The names of all recorded objects, at this moment.
        Set<String> objectNames() throws IOException;
    }

    public OrphanFinder(Catalog catalog, ObjectStore store, InstantSource clock) {
        this(catalog::objectNames, store, clock);
    }

    /// As the other one, for who only looks into the catalog.
    public OrphanFinder(RecordedObjects catalog, ObjectStore store, InstantSource clock) {
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
        Instant before = before(olderThan);
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

    /// All uploads of this moment that were begun and not ended, by name; those of ingesters that run included.
    public List<UnfinishedUpload> findUnfinished() throws IOException {
        var found = new ArrayList<UnfinishedUpload>();
        store.listUnfinished(upload -> {
            if (ObjectNaming.isName(upload.name())) {
                found.add(upload);
            }
        });
        found.sort(Comparator.comparing(UnfinishedUpload::name).thenComparing(UnfinishedUpload::id));
        return found;
    }

    /// Discards the uploads that were begun more than `olderThan` ago, and not ended.
    ///
    /// @return those discarded, by name
    /// @throws IllegalArgumentException if `olderThan` is negative
    /// @throws IOException if the store fails; each that was discarded until then was logged
    public List<UnfinishedUpload> discardUnfinished(Duration olderThan) throws IOException {
        Instant before = before(olderThan);
        var discarded = new ArrayList<UnfinishedUpload>();
        for (UnfinishedUpload upload : findUnfinished()) {
            if (upload.startedAt().isBefore(before)) {
                store.discard(upload);
                LOG.info(
                        "discarded unfinished upload {} of {}, begun {}",
                        upload.id(),
                        upload.name(),
                        upload.startedAt());
                discarded.add(upload);
            }
        }
        return discarded;
    }

    private Instant before(Duration olderThan) {
        if (olderThan.isNegative()) {
            throw new IllegalArgumentException("age of orphans to delete is negative: " + olderThan);
        }
        return clock.instant().minus(olderThan);
    }

    private boolean isUnchanged(ObjectInfo object) throws IOException {
        Optional<ObjectInfo> now = store.find(object.name());
        return now.isPresent() && now.get().equals(object);
    }
}
