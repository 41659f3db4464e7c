package io.sluice.ingester.buffer;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.sluice.ingester.door.ShapedRows;
import io.sluice.ingester.sink.PreparedPartition;
import io.sluice.model.IngesterId;
import io.sluice.model.PartitionKey;
import io.sluice.model.SequenceNumber;
import io.sluice.persist.FreezeReason;
import io.sluice.persist.PersistRequest;
import io.sluice.persist.PersistedFile;
import io.sluice.query.QuerySource.PartitionRows;
import io.sluice.rows.RowBatch;
import io.sluice.rows.TimeRange;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongConsumer;
import java.util.function.ToLongFunction;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.OutOfMemoryException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Rows of one partition that are not in files: those being filled, and frozen ones on their way to object storage.
///
/// Writes are applied by one thread, in the order of their numbers; any thread may freeze and read. That thread links
/// what it applies: large writes as chunks, small ones to [WaitingRows], from where other threads copy them into the
/// open chunk, before anything else is done here. The lock is held to link chunks, to take references and to copy small
/// writes, at most [WaitingRows] full of them.
final class PartitionBuffer implements PreparedPartition {
    private static final Logger LOG = LoggerFactory.getLogger(PartitionBuffer.class);
    /// More than one, so that those who help keep up although some find the lock taken; few, as their own write waits.
    private static final int HELPED_WRITES = 4;

    private final TableBuffer table;
    private final PartitionKey key;
    private final BufferAllocator allocator;
    private final IngesterId ingester;
    /// Hears by how many bytes the memory held here changes; quick, and calls nobody.
    private final LongConsumer memoryChange;
    /// As that one, for the part of it that is frozen.
    private final LongConsumer frozenChange;
    /// Of the maximum age, when this partition is due.
    private final double dueShare;

    private final PartitionUse use = new PartitionUse();

    private final ReentrantLock lock = new ReentrantLock();

    /// Changed and read under the lock.
    private final FrozenBatches frozen = new FrozenBatches();

    /// As above, but for its bytes.
    private final FillingRows filling;

    /// Applied behind all other rows. Taken out under the lock.
    private final WaitingRows waiting;

    /// Everything up to here is in files.
    @GuardedBy("lock")
    private SequenceNumber persistedThrough;

    /// Everything up to here is in files or frozen.
    @GuardedBy("lock")
    private SequenceNumber frozenThrough;

    /// The last write that does not wait.
    @GuardedBy("lock")
    private SequenceNumber lastApplied;

    /// The last write that was applied or waits. Used by the thread that applies writes.
    private volatile SequenceNumber lastTaken;

    /// @param persistedThrough what the catalog says of this partition and ingester
    /// @param waitingOfAll what all partitions have waiting in requests
    /// @param unitedSize from when on small chunks are put together
    PartitionBuffer(
            TableBuffer table,
            PartitionKey key,
            IngesterId ingester,
            SequenceNumber persistedThrough,
            BufferAllocator allocator,
            LongConsumer memoryChange,
            LongConsumer frozenChange,
            WaitingBytes waitingOfAll,
            SealedChunks.Size unitedSize) {
        this.table = table;
        this.key = key;
        this.allocator = allocator;
        this.ingester = ingester;
        this.persistedThrough = persistedThrough;
        this.frozenThrough = persistedThrough;
        this.lastApplied = persistedThrough;
        this.lastTaken = persistedThrough;
        this.memoryChange = memoryChange;
        this.frozenChange = frozenChange;
        this.waiting = new WaitingRows(waitingOfAll);
        this.dueShare = AgeSpread.share(table.schema().tableId(), key);
        this.filling = new FillingRows(allocator, unitedSize, memoryChange);
    }

    PartitionKey key() {
        return key;
    }

    TableBuffer table() {
        return table;
    }

    /// Keeps this for a write that is on its way; false if it was let go.
    boolean tryPin() {
        return use.tryPin();
    }

    /// The write has come, or will not.
    @Override
    public void close() {
        if (!use.unpin()) {
            throw new IllegalStateException(
                    "partition %s of table '%s' was closed more often than prepared".formatted(key, table.name()));
        }
    }

    /// Whether nothing has been here, or on its way, for so long; as far as the calls of this method can tell.
    boolean hasIdled(long idleNs, long nowNs) {
        lock.lock();
        try {
            return use.hasIdled(isEmpty(), lastTaken, idleNs, nowNs);
        } finally {
            lock.unlock();
        }
    }

    /// Ends this, if nothing is here or on its way: nobody can pin it any more.
    boolean tryRetire() {
        lock.lock();
        try {
            return isEmpty() && use.tryRetire();
        } finally {
            lock.unlock();
        }
    }

    @GuardedBy("lock")
    private boolean isEmpty() {
        return filling.isEmpty() && frozen.isEmpty() && waiting.writes() == 0;
    }

    @Override
    public SequenceNumber persistedThrough() {
        lock.lock();
        try {
            return persistedThrough;
        } finally {
            lock.unlock();
        }
    }

    /// Applies a write's rows, taking them over whatever happens, and returns the bytes that are filling now. Rows of a
    /// write that is in files already (a replayed one) are dropped.
    ///
    /// @throws org.apache.arrow.memory.OutOfMemoryException if there is no memory; none or all of the rows
    ///     are applied
    long append(SequenceNumber sequence, RowBatch rows, long nowNs) {
        boolean linked = false;
        lock.lock();
        try {
            gather(Integer.MAX_VALUE);
            if (!isWanted(sequence)) {
                return filling.memoryBytes();
            }
            lastTaken = sequence;
            linked = filling.add(rows, sequence);
            applied(sequence, sequence, nowNs);
            return filling.memoryBytes();
        } finally {
            lock.unlock();
            if (!linked) {
                rows.close();
            }
        }
    }

    /// Applies a write's rows from its request, and returns the bytes that are filling now, or nearly. Rows of a write
    /// that is in files already are dropped.
    ///
    /// @throws org.apache.arrow.memory.OutOfMemoryException if there is no memory; none or all of the rows
    ///     are applied
    long append(SequenceNumber sequence, ShapedRows rows, long nowNs) {
        WaitingRows.Waiting added = new WaitingRows.Waiting(sequence, rows, nowNs);
        // First: whoever copies the rows at once takes the bytes off again.
        memoryChange.accept(added.lengthBytes());
        if (sequence.isAfter(lastTaken) && waiting.tryAdd(added)) {
            lastTaken = sequence;
            return filling.memoryBytes() + waiting.lengthBytes();
        }
        memoryChange.accept(-added.lengthBytes());
        lock.lock();
        try {
            gather(Integer.MAX_VALUE);
            if (isWanted(sequence)) {
                lastTaken = sequence;
                filling.add(rows, sequence);
                applied(sequence, sequence, nowNs);
            }
            return filling.memoryBytes();
        } finally {
            lock.unlock();
        }
    }

    /// Copies what waits into the open chunk.
    ///
    /// @param maxWrites of how many writes at most
    /// @throws OutOfMemoryException if there is no memory; what is not copied goes on waiting
    @GuardedBy("lock")
    private void gather(int maxWrites) {
        for (int left = Math.min(maxWrites, waiting.writes()); left > 0; left--) {
            WaitingRows.Waiting next = waiting.first().orElseThrow();
            boolean wanted = isWanted(next.sequence());
            if (wanted) {
                filling.add(next.rows(), next.sequence());
            }
            waiting.removeFirst();
            memoryChange.accept(-next.lengthBytes());
            if (wanted) {
                applied(next.sequence(), next.sequence(), next.appliedNs());
            }
        }
    }

    /// Copies all that waits.
    ///
    /// @throws OutOfMemoryException if there is no memory; what is not copied goes on waiting
    void gather() {
        lock.lock();
        try {
            gather(Integer.MAX_VALUE);
        } finally {
            lock.unlock();
        }
    }

    /// Copies some of what waits, if it is worth it and nobody else is at it: the thread of a write that is on its way
    /// here has the time, and the one that applies writes has not.
    ///
    /// @throws OutOfMemoryException if there is no memory; what is not copied goes on waiting
    void help() {
        for (int write = 0; write < HELPED_WRITES && waiting.areMany() && lock.tryLock(); write++) {
            // One by one, so that a query in between waits for no more than that.
            try {
                gather(1);
            } finally {
                lock.unlock();
            }
        }
    }

    /// Whether so much waits that [#help] would copy some.
    boolean needsHelp() {
        return waiting.areMany();
    }

    /// Whether a write is not in files yet; it is the next one then.
    @GuardedBy("lock")
    private boolean isWanted(SequenceNumber sequence) {
        if (!sequence.isAfter(persistedThrough)) {
            return false;
        }
        if (!sequence.isAfter(lastApplied)) {
            throw new IllegalStateException("partition %s of table '%s': write %s comes after write %s"
                    .formatted(key, table.name(), sequence, lastApplied));
        }
        return true;
    }

    /// Applies rows of several writes, taking them over whatever happens, and returns the bytes that are filling now.
    ///
    /// @param first the first of the writes; none of them is in files
    /// @throws org.apache.arrow.memory.OutOfMemoryException if there is no memory; none or all of the rows
    ///     are applied
    long append(Chunk chunk, SequenceNumber first, SequenceNumber last, long nowNs) {
        boolean linked = false;
        lock.lock();
        try {
            gather(Integer.MAX_VALUE);
            if (!first.isAfter(lastApplied)) {
                throw new IllegalStateException("partition %s of table '%s': writes %s to %s come after write %s"
                        .formatted(key, table.name(), first, last, lastApplied));
            }
            lastTaken = last;
            linked = filling.add(chunk);
            applied(first, last, nowNs);
            return filling.memoryBytes();
        } finally {
            lock.unlock();
            if (!linked) {
                chunk.close();
            }
        }
    }

    @GuardedBy("lock")
    private void applied(SequenceNumber first, SequenceNumber last, long nowNs) {
        // First, for what follows may find no memory: the rows are there already, and the numbers must say so.
        lastApplied = last;
        filling.added(first, nowNs);
    }

    /// Cuts off what is filling and sends it to become a file; empty if nothing is. New rows are taken at once. If
    /// there is no memory for rows that wait, those stay: what is cut off makes room for them.
    Optional<CompletionStage<PersistedFile>> freeze(FreezeReason reason, PersistPort persist) {
        lock.lock();
        try {
            try {
                gather(Integer.MAX_VALUE);
            } catch (OutOfMemoryException e) {
                LOG.warn(
                        "partition {} of table '{}': no memory for {} small writes",
                        key,
                        table.name(),
                        waiting.writes());
            }
            if (filling.isEmpty()) {
                return Optional.empty();
            }
            Frozen batch = filling.cut(frozenThrough.next(), lastApplied);
            frozen.add(batch);
            frozenThrough = lastApplied;
            frozenChange.accept(batch.memoryBytes());
            List<RowBatch> rows = batch.chunks().stream()
                    .map(chunk -> chunk.share(chunk.rowCount()))
                    .toList();
            persist.enqueue(new PersistRequest(
                            table.schema(), key, ingester, batch.minSequence(), batch.maxSequence(), rows, reason))
                    .whenComplete((file, failure) -> finish(batch, file, failure));
            return Optional.of(batch.done());
        } finally {
            lock.unlock();
        }
    }

    private void finish(Frozen batch, PersistedFile file, @Nullable Throwable failure) {
        if (failure != null) {
            // The rows stay readable and in the log: the next start brings them back.
            batch.done().completeExceptionally(failure);
            return;
        }
        lock.lock();
        try {
            Optional<Frozen> oldest = frozen.oldest();
            if (oldest.isEmpty() || !oldest.get().maxSequence().equals(batch.maxSequence())) {
                throw new IllegalStateException(
                        "partition %s of table '%s': the file of writes %s to %s was recorded out of turn"
                                .formatted(key, table.name(), batch.minSequence(), batch.maxSequence()));
            }
            frozen.removeOldest();
            persistedThrough = batch.maxSequence();
        } finally {
            lock.unlock();
        }
        // A query may still be reading; then its chunks stay on the ledger until it has let go of them.
        batch.chunks()
                .forEach(chunk -> chunk.letGo(bytes -> {
                    memoryChange.accept(-bytes);
                    frozenChange.accept(-bytes);
                }));
        batch.done().complete(file);
    }

    /// Counts a query that comes. Whether there are small chunks that are worth to be put together now. One that met
    /// none of them, or a single one, costs nothing here.
    ///
    /// @param times of the rows that it asks for
    /// @param met what it met
    boolean meetSmallChunks(TimeRange times, List<RowBatch> met) {
        if (!filling.areSmall(met)) {
            return false;
        }
        lock.lock();
        try {
            return filling.meetSmall(times);
        } finally {
            lock.unlock();
        }
    }

    /// Puts some small chunks together, if there are enough of them, and tells whether it did; what that takes
    /// meanwhile is on the ledger. Where there is no memory for it, all stays as it is.
    ///
    /// @param times that queries ask for; chunks without any of them are left as they are
    boolean tryUnite(TimeRange times) {
        Optional<FillingRows.Union> found = findSmall(times);
        if (found.isEmpty()) {
            return false;
        }
        try (FillingRows.Union union = found.get()) {
            return tryUnite(union);
        }
    }

    private boolean tryUnite(FillingRows.Union union) {
        long takenBytes = union.parts().memoryBytes();
        memoryChange.accept(takenBytes);
        try {
            Chunk united = union.unite(allocator);
            boolean replaced = tryReplace(union, united);
            if (!replaced) {
                united.close(); // they were frozen meanwhile
            }
            return replaced;
        } catch (OutOfMemoryException e) {
            LOG.debug("partition {} of table '{}': no memory to put chunks together", key, table.name(), e);
            return false;
        } finally {
            memoryChange.accept(-takenBytes);
        }
    }

    private Optional<FillingRows.Union> findSmall(TimeRange times) {
        lock.lock();
        try {
            return filling.findSmall(times);
        } finally {
            lock.unlock();
        }
    }

    private boolean tryReplace(FillingRows.Union union, Chunk united) {
        lock.lock();
        try {
            if (!filling.tryReplace(union, united)) {
                return false;
            }
        } finally {
            lock.unlock();
        }
        // Queries may still be reading them.
        union.parts().chunks().forEach(chunk -> chunk.letGo(bytes -> memoryChange.accept(-bytes)));
        return true;
    }

    /// References to all rows of writes up to `asOf` that are not in files at this moment, but for chunks without any
    /// of some times. The caller closes them.
    ///
    /// @throws OutOfMemoryException if there is no memory for small writes that wait
    PartitionRows read(SequenceNumber asOf, TimeRange times) {
        List<RowBatch> batches = new ArrayList<>();
        boolean done = false;
        lock.lock();
        try {
            if (waiting.mayHave(times)) {
                gather(Integer.MAX_VALUE);
            }
            int pruned = frozen.share(asOf, times, batches) + filling.share(asOf, times, batches);
            PartitionRows result = new PartitionRows(persistedThrough, batches, pruned);
            done = true;
            return result;
        } finally {
            lock.unlock();
            if (!done) {
                batches.forEach(RowBatch::close);
            }
        }
    }

    /// The number of the first write that has rows here; empty if there are none.
    OptionalLong firstUnpersisted() {
        lock.lock();
        try {
            Optional<Frozen> oldest = frozen.oldest();
            if (oldest.isPresent()) {
                return OptionalLong.of(oldest.get().firstSequence().value());
            }
            return filling.isEmpty()
                    ? firstWaiting(one -> one.sequence().value())
                    : OptionalLong.of(filling.first().value());
        } finally {
            lock.unlock();
        }
    }

    /// When the oldest row that is in no file was applied, by the nano clock; empty if there is none.
    OptionalLong oldestSinceNs() {
        lock.lock();
        try {
            Optional<Frozen> oldest = frozen.oldest();
            return oldest.isPresent() ? OptionalLong.of(oldest.get().sinceNs()) : fillingSince();
        } finally {
            lock.unlock();
        }
    }

    /// When the oldest row that is not frozen was applied, by the nano clock; empty if there is none.
    OptionalLong fillingSinceNs() {
        lock.lock();
        try {
            return fillingSince();
        } finally {
            lock.unlock();
        }
    }

    @GuardedBy("lock")
    private OptionalLong fillingSince() {
        return filling.isEmpty() ? firstWaiting(WaitingRows.Waiting::appliedNs) : OptionalLong.of(filling.sinceNs());
    }

    private OptionalLong firstWaiting(ToLongFunction<WaitingRows.Waiting> figure) {
        return waiting.first()
                .map(one -> OptionalLong.of(figure.applyAsLong(one)))
                .orElse(OptionalLong.empty());
    }

    /// What completes when everything frozen so far is in files, one for each batch.
    List<CompletableFuture<PersistedFile>> outstanding() {
        lock.lock();
        try {
            return frozen.outstanding();
        } finally {
            lock.unlock();
        }
    }

    /// Whether the oldest filling row has reached its age: `maxAgeNs` at most, and less by a part of it that is this
    /// partition's own (see [AgeSpread]).
    boolean isDue(long maxAgeNs, long nowNs) {
        lock.lock();
        try {
            OptionalLong since = fillingSince();
            return since.isPresent() && nowNs - since.getAsLong() >= dueShare * maxAgeNs;
        } finally {
            lock.unlock();
        }
    }

    /// Of requests whose rows wait.
    long waitingBytes() {
        return waiting.lengthBytes();
    }

    /// What waits included.
    long fillingBytes() {
        lock.lock();
        try {
            return filling.memoryBytes() + waiting.lengthBytes();
        } finally {
            lock.unlock();
        }
    }

    PartitionStatistics statistics() {
        lock.lock();
        try {
            return new PartitionStatistics(
                    filling.rowCount() + waiting.rows(),
                    filling.memoryBytes() + waiting.lengthBytes(),
                    frozen.rowCount(),
                    frozen.memoryBytes(),
                    frozen.count());
        } finally {
            lock.unlock();
        }
    }

    /// Releases all rows; nothing may be called afterwards.
    void release() {
        lock.lock();
        try {
            long frozenBytes = frozen.memoryBytes();
            frozen.release();
            filling.release();
            memoryChange.accept(-frozenBytes - waiting.clear());
            frozenChange.accept(-frozenBytes);
        } finally {
            lock.unlock();
        }
    }

    record PartitionStatistics(
            long fillingRows, long fillingBytes, long frozenRows, long frozenBytes, int frozenBatches) {}
}
