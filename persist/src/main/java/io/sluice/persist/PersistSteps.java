package io.sluice.persist;

import io.sluice.model.IngesterId;
import io.sluice.model.SequenceNumber;
import io.sluice.model.SortKey;
import io.sluice.model.TableId;
import io.sluice.persist.FileFormat.Encoded;
import io.sluice.persist.FileFormat.SortedRows;
import io.sluice.persist.PersistGate.Outcome;
import io.sluice.persist.PersistGate.Permit;
import io.sluice.persist.PersistGate.Precedence;
import io.sluice.persist.PersistGate.Ticket;
import io.sluice.persist.catalog.Catalog;
import io.sluice.persist.catalog.CatalogConflictException;
import io.sluice.persist.catalog.FileRecord;
import io.sluice.persist.store.ObjectInfo;
import io.sluice.persist.store.ObjectStore;
import io.sluice.persist.store.ObjectUpload;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.ToLongFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What one attempt of a job does, step by step. Each may fail, and may have had its effect all the same; then the
/// next attempt begins again, and ends with one object and one row in the catalog.
///
/// Any thread may run it, each with a job of its own.
final class PersistSteps {
    private static final Logger LOG = LoggerFactory.getLogger(PersistSteps.class);

    // Waiting for longer than this is worth a line in the log.
    private static final Duration GATE_PATIENCE = Duration.ofSeconds(60);

    // Each round lost means that another ingester extended the key, which ends when the table's tags do.
    private static final int MAX_SORT_KEY_ROUNDS = 1_000;

    // An object that waits longer for its row is uploaded anew, so that nobody takes it for an orphan.
    private static final Duration UPLOAD_FRESH = Duration.ofMinutes(10);

    private final Catalog catalog;
    private final ObjectStore store;
    private final FileFormat format;
    private final ToLongFunction<IngesterId> epochs;
    private final PersistGate gate;
    private final PersistQueue queue;
    private final InstantSource clock;
    /// What the jobs inside the gate take beside their rows.
    private final LongAdder workingBytes = new LongAdder();

    PersistSteps(
            Catalog catalog,
            ObjectStore store,
            FileFormat format,
            ToLongFunction<IngesterId> epochs,
            PersistGate gate,
            PersistQueue queue,
            InstantSource clock) {
        this.catalog = catalog;
        this.store = store;
        this.format = format;
        this.epochs = epochs;
        this.gate = gate;
        this.queue = queue;
        this.clock = clock;
    }

    /// Brings the job's rows into a catalogued file.
    ///
    /// @throws IOException if the store or the catalog failed; another attempt may succeed
    /// @throws CatalogConflictException if the catalog holds what contradicts the request
    /// @throws InterruptedException if the queue was closed or the thread interrupted
    FileRecord run(PersistJob job) throws IOException, InterruptedException {
        enter(job, PersistStage.CHECK);
        Optional<FileRecord> recorded = findRecorded(job);
        if (recorded.isPresent()) {
            return recorded.get();
        }
        FileRecord file = freshUpload(job);
        enter(job, PersistStage.CATALOG);
        catalog.recordFile(file, epochs.applyAsLong(file.ingester()));
        return file;
    }

    /// Looks whether an earlier attempt recorded its file, and only its reply was lost. Before anything is uploaded:
    /// an object that the catalog knows must not change.
    private Optional<FileRecord> findRecorded(PersistJob job) throws IOException {
        PersistRequest request = job.request();
        SequenceNumber through = catalog.persistedThrough(request.ingester(), job.partition());
        if (request.minSequence().isAfter(through)) {
            return Optional.empty();
        }
        String name = objectName(request);
        for (FileRecord file :
                catalog.files(request.schema().namespace(), request.schema().table())) {
            if (file.objectName().equals(name)) {
                return Optional.of(file);
            }
        }
        throw new CatalogConflictException(
                "%s: expected to be persisted through a lower number, found %s in the catalog, and no file %s"
                        .formatted(job, through, name));
    }

    private FileRecord freshUpload(PersistJob job) throws IOException, InterruptedException {
        Optional<PersistJob.Uploaded> earlier = job.uploaded();
        if (earlier.isPresent()
                && Duration.between(earlier.get().at(), clock.instant()).compareTo(UPLOAD_FRESH) < 0) {
            return earlier.get().file();
        }
        enter(job, PersistStage.GATE);
        try (Permit permit = awaitPermit(job)) {
            PersistRequest request = job.request();
            long beside = Math.max(0, format.workingMemoryBytes(request) - request.memoryBytes());
            workingBytes.add(beside);
            try {
                FileRecord file = upload(job);
                permit.close(Outcome.SUCCEEDED);
                return file;
            } finally {
                workingBytes.add(-beside);
            }
        }
    }

    /// What the jobs inside the gate take beside their rows, bytes, as estimated when they were let in.
    long workingBytes() {
        return workingBytes.sum();
    }

    /// Never gives a job up: after each timeout it looks whether to go on, and asks again, in its old place.
    private Permit awaitPermit(PersistJob job) throws InterruptedException {
        PersistRequest request = job.request();
        // A file is hardly ever longer than its rows in memory.
        long memoryBytes = format.workingMemoryBytes(request) + store.uploadMemoryBytes(request.memoryBytes());
        Ticket ticket = job.ticket(gate, memoryBytes, precedence(request.reason()));
        Instant lastTold = clock.instant();
        while (true) {
            Optional<Permit> permit = gate.tryAcquire(ticket);
            if (permit.isPresent()) {
                return permit.get();
            }
            checkGoesOn(PersistStage.GATE);
            Instant now = clock.instant();
            if (Duration.between(lastTold, now).compareTo(GATE_PATIENCE) >= 0) {
                lastTold = now;
                LOG.warn("waits on for a slot or for memory: {} ({})", job, gate.stats());
            }
        }
    }

    // Without a slot: somebody waits for exactly these rows, or the deadline of a stop does.
    private Precedence precedence(FreezeReason reason) {
        return switch (reason) {
            case RPC -> Precedence.RPC;
            case SHUTDOWN -> Precedence.SHUTDOWN;
            case LOG -> queue.isOpen() ? Precedence.URGENT : Precedence.SHUTDOWN;
            case HOT, AGE, MEMORY, PARTITIONS, REPLAY -> queue.isOpen() ? Precedence.IN_TURN : Precedence.SHUTDOWN;
        };
    }

    private FileRecord upload(PersistJob job) throws IOException, InterruptedException {
        PersistRequest request = job.request();
        enter(job, PersistStage.SORT_KEY);
        SortKey key = agreeOnSortKey(job);
        enter(job, PersistStage.MERGE);
        try (SortedRows rows = format.sort(request, key)) {
            enter(job, PersistStage.ENCODE);
            try (ObjectUpload upload = store.upload(objectName(request))) {
                Encoded encoded = rows.encode(upload.out());
                job.encoded(encoded);
                enter(job, PersistStage.UPLOAD);
                ObjectInfo object = upload.complete();
                if (object.sizeBytes() != encoded.sizeBytes()) {
                    throw new IOException("object %s has %d bytes in %s: expected %d"
                            .formatted(object.name(), object.sizeBytes(), store.describe(), encoded.sizeBytes()));
                }
                FileRecord file = new FileRecord(
                        object.name(),
                        request.schema().namespace(),
                        request.schema().table(),
                        job.partition(),
                        request.ingester(),
                        request.minSequence(),
                        request.maxSequence(),
                        encoded.rowCount(),
                        encoded.sizeBytes(),
                        encoded.minTimeNs(),
                        encoded.maxTimeNs(),
                        clock.instant());
                job.uploaded(file);
                return file;
            }
        }
    }

    /// Makes sure that the key in the catalog has all tags of the rows, and returns it. Before the upload: no file
    /// may exist that is sorted by a key which never was in force.
    private SortKey agreeOnSortKey(PersistJob job) throws IOException {
        TableId table = job.partition().tableId();
        SortKey inForce = catalog.sortKey(table);
        for (int round = 0; round < MAX_SORT_KEY_ROUNDS; round++) {
            SortKey wanted = format.extend(inForce, job.request().batches());
            if (wanted.equals(inForce)) {
                return inForce;
            }
            inForce = catalog.compareAndSetSortKey(table, inForce, wanted);
        }
        throw new IOException("%s: the sort key changed %d times meanwhile, now %s"
                .formatted(job, MAX_SORT_KEY_ROUNDS, inForce.tags()));
    }

    private String objectName(PersistRequest request) {
        return ObjectNaming.name(request, epochs.applyAsLong(request.ingester()));
    }

    private void enter(PersistJob job, PersistStage stage) throws InterruptedException {
        job.enter(stage);
        checkGoesOn(stage);
    }

    private void checkGoesOn(PersistStage stage) throws InterruptedException {
        if (Thread.interrupted() || queue.isClosed()) {
            throw new InterruptedException("stopped before stage " + stage);
        }
    }
}
