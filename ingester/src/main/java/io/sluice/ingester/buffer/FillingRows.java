package io.sluice.ingester.buffer;

import io.sluice.ingester.door.ShapedRows;
import io.sluice.model.SequenceNumber;
import io.sluice.rows.RowBatch;
import io.sluice.rows.TagIndexes;
import io.sluice.rows.TimeRange;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongConsumer;
import org.apache.arrow.memory.BufferAllocator;

/// Rows of a partition that are not frozen: chunks that grow no more, and the open one behind them. Guarded by its
/// partition's lock, but for [#memoryBytes] and [#areSmall].
final class FillingRows {
    private final SealedChunks.Size unitedSize;
    private final LongConsumer memoryChange;
    private SealedChunks sealed;

    /// Of all chunks here. Others begin when these are cut off, so that values which are in files do not stay.
    private TagIndexes indexes;

    private final OpenChunk open;

    /// The first write here; NONE if there is none.
    private SequenceNumber first = SequenceNumber.NONE;

    /// When the oldest row was applied, by the nano clock. Means something only if there is one.
    private long sinceNs;

    private volatile long memoryBytes;

    /// @param memoryChange hears by how many bytes the memory held here changes
    /// @param unitedSize from when on small chunks are put together
    FillingRows(BufferAllocator allocator, SealedChunks.Size unitedSize, LongConsumer memoryChange) {
        this.unitedSize = unitedSize;
        this.memoryChange = memoryChange;
        this.sealed = new SealedChunks(unitedSize);
        this.indexes = new TagIndexes(memoryChange);
        this.open = new OpenChunk(allocator, indexes);
    }

    /// Small chunks that are about to be one. Keeps them, while the partition may let go of them, until it is closed.
    ///
    /// @param among where they were found
    record Union(SealedChunks among, SealedChunks.Neighbours parts, TagIndexes indexes, List<RowBatch> held)
            implements AutoCloseable {
        Chunk unite(BufferAllocator allocator) {
            return OpenChunk.unite(parts.chunks(), indexes, allocator);
        }

        @Override
        public void close() {
            held.forEach(RowBatch::close);
        }
    }

    boolean isEmpty() {
        return first.equals(SequenceNumber.NONE);
    }

    /// The first write; NONE if there is none.
    SequenceNumber first() {
        return first;
    }

    /// When the oldest row was applied, by the nano clock; if there is one.
    long sinceNs() {
        return sinceNs;
    }

    /// Any thread may ask.
    long memoryBytes() {
        return memoryBytes;
    }

    long rowCount() {
        return open.rowCount() + sealed.rowCount();
    }

    /// Adds a write's rows, to be followed by [#added]. False if they were copied and stay the caller's.
    ///
    /// @throws org.apache.arrow.memory.OutOfMemoryException if there is no memory; then none is added
    boolean add(RowBatch rows, SequenceNumber sequence) {
        if (OpenChunk.isSmall(rows)) {
            makeRoom(rows.rowCount());
            open.append(rows, sequence);
            return false;
        }
        sealOpen();
        sealed.add(Chunk.ofOneWrite(rows, sequence).indexedBy(indexes));
        return true;
    }

    /// Adds a write's rows from its request, to be followed by [#added].
    ///
    /// @throws org.apache.arrow.memory.OutOfMemoryException if there is no memory; then none is added
    void add(ShapedRows rows, SequenceNumber sequence) {
        makeRoom(rows.rowCount());
        open.append(rows, sequence);
    }

    /// Adds rows of several writes, to be followed by [#added]. False if they were copied and stay the caller's.
    ///
    /// @throws org.apache.arrow.memory.OutOfMemoryException if there is no memory; then none is added
    boolean add(Chunk chunk) {
        if (OpenChunk.isSmall(chunk.rows())) {
            makeRoom(chunk.rowCount());
            open.append(chunk);
            return false;
        }
        sealOpen();
        sealed.add(chunk.indexedBy(indexes));
        return true;
    }

    /// Rows were added.
    ///
    /// @param firstAdded the first write that they are of
    /// @param nowNs when they were applied, by the nano clock
    /// @throws org.apache.arrow.memory.OutOfMemoryException if there is no memory to begin another open
    ///     chunk; the rows are here all the same
    void added(SequenceNumber firstAdded, long nowNs) {
        if (isEmpty()) {
            first = firstAdded;
            sinceNs = nowNs;
        }
        if (open.isFull()) {
            sealFull();
        }
        recount();
    }

    /// Begins another chunk if so many rows are too many for the open one.
    private void makeRoom(int rows) {
        if (!open.isEmpty() && open.isFullWith(rows)) {
            sealFull();
        }
    }

    private void sealFull() {
        int rows = open.rowCount();
        long lengthBytes = open.memoryBytes();
        sealOpen();
        open.expectAsMany(rows, lengthBytes);
    }

    private void sealOpen() {
        if (!open.isEmpty()) {
            sealed.add(open.seal());
        }
    }

    private void recount() {
        long bytes = sealed.memoryBytes() + open.memoryBytes();
        memoryChange.accept(bytes - memoryBytes);
        memoryBytes = bytes;
    }

    /// Cuts off all that is here, of which there is some.
    ///
    /// @param min above everything that was cut off before
    /// @param max the last write that is here
    Frozen cut(SequenceNumber min, SequenceNumber max) {
        sealOpen();
        open.expect(0);
        recount();
        Frozen batch = new Frozen(min, first, max, sealed.all(), memoryBytes, sinceNs, new CompletableFuture<>());
        sealed = new SealedChunks(unitedSize);
        indexes = new TagIndexes(memoryChange);
        open.use(indexes);
        first = SequenceNumber.NONE;
        memoryBytes = 0;
        return batch;
    }

    /// Adds references to all rows of writes up to `asOf`, and returns how many chunks it left out, as they have no row
    /// of the times.
    int share(SequenceNumber asOf, TimeRange times, List<RowBatch> into) {
        int pruned = sealed.share(asOf, times, into);
        if (!open.mayHave(times)) {
            return open.isEmpty() ? pruned : pruned + 1;
        }
        int rows = open.rowsThrough(asOf);
        if (rows > 0) {
            into.add(open.share(rows));
        }
        return pruned;
    }

    /// Whether there are small ones among some chunks that could be put together. Any thread may ask.
    boolean areSmall(List<RowBatch> some) {
        int small = 0;
        for (RowBatch one : some) {
            small += unitedSize.isLarge(one.rowCount(), one.memoryBytes()) ? 0 : 1;
        }
        return small > 1;
    }

    /// Counts a query that meets what is here. Whether it is worth now to put together what [#findSmall] finds.
    boolean meetSmall(TimeRange times) {
        return sealed.meetSmall(times);
    }

    /// Small chunks that can be put together, not all of other times. The caller closes what it gets.
    Optional<Union> findSmall(TimeRange times) {
        return sealed.findSmall(times)
                .map(parts -> new Union(
                        sealed,
                        parts,
                        indexes,
                        parts.chunks().stream()
                                .map(chunk -> chunk.share(chunk.rowCount()))
                                .toList()));
    }

    /// Puts one chunk, which is taken over, in the place of others, which are the caller's from then on, and so are
    /// their bytes. False, and nothing is done, if they are not here any more.
    boolean tryReplace(Union union, Chunk united) {
        if (sealed != union.among() || !sealed.tryReplace(union.parts(), united)) {
            return false;
        }
        memoryChange.accept(union.parts().memoryBytes());
        recount();
        return true;
    }

    /// Releases all rows; nothing may be called afterwards.
    void release() {
        sealed.release();
        open.close();
        memoryChange.accept(-memoryBytes);
        memoryBytes = 0;
    }
}
