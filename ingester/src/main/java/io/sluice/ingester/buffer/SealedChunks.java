package io.sluice.ingester.buffer;

import io.sluice.model.SequenceNumber;
import io.sluice.rows.RowBatch;
import io.sluice.rows.TimeRange;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Chunks of a partition that grow no more and are not frozen yet, the oldest first. Small neighbours can be put
/// together: each chunk costs a query for few rows as much as dozens of rows do. Guarded by its partition's lock.
final class SealedChunks {
    /// From when on neighbours are put together. One of more than half of that is left as it is.
    ///
    /// @param rows so many
    /// @param bytes or so many, as those are held twice meanwhile
    /// @param met after queries have met so many of them; one that meets ten counts ten
    record Size(int rows, long bytes, int met) {
        /// 32 rows of each of 4,000 series, so that to look at a chunk costs less than to fetch its rows; to copy it
        /// takes some milliseconds, about as much as to look at so many.
        static final Size STANDARD = new Size(1 << 17, 16 << 20, 64);

        /// Of a chunk that is left as it is.
        boolean isLarge(int rowCount, long memoryBytes) {
            return rowCount > rows / 2 || memoryBytes > bytes / 2;
        }
    }

    /// Where a large one follows, so many are enough.
    private static final int MIN_NEIGHBOURS = 8;

    private final Size size;
    private final List<Chunk> chunks = new ArrayList<>();
    private long memoryBytes;
    /// Those before this one stay as they are.
    private int settled;
    /// How many small ones queries have met since some were put together.
    private int met;

    /// @param size of what is put together
    SealedChunks(Size size) {
        this.size = size;
    }

    /// Neighbours that can be put together.
    ///
    /// @param from the place of the first
    record Neighbours(int from, List<Chunk> chunks) {
        Neighbours {
            chunks = List.copyOf(chunks);
        }

        long memoryBytes() {
            return chunks.stream().mapToLong(Chunk::memoryBytes).sum();
        }
    }

    /// Adds one behind the others and takes it over.
    void add(Chunk chunk) {
        chunks.add(chunk);
        memoryBytes += chunk.memoryBytes();
    }

    List<Chunk> all() {
        return List.copyOf(chunks);
    }

    long memoryBytes() {
        return memoryBytes;
    }

    long rowCount() {
        long rows = 0;
        for (Chunk chunk : chunks) {
            rows += chunk.rowCount();
        }
        return rows;
    }

    /// Adds references to all rows of writes up to `asOf`, and returns how many chunks it left out, as they have no row
    /// of the times.
    int share(SequenceNumber asOf, TimeRange times, List<RowBatch> into) {
        return Chunk.share(chunks, asOf, times, into);
    }

    /// The oldest neighbours that are small, enough to be put together, and not all of other times; so that no row is
    /// copied more than once.
    Optional<Neighbours> findSmall(TimeRange times) {
        int from = settled;
        long rows = 0;
        long bytes = 0;
        boolean mayHave = false;
        for (int place = settled; place < chunks.size(); place++) {
            Chunk chunk = chunks.get(place);
            boolean isLarge = size.isLarge(chunk.rowCount(), chunk.memoryBytes());
            if (isLarge) {
                boolean areEnough = place - from >= MIN_NEIGHBOURS;
                if (areEnough && mayHave) {
                    return Optional.of(neighbours(from, place));
                }
                if (!areEnough && from == settled) {
                    settled = place + 1;
                }
            } else {
                rows += chunk.rowCount();
                bytes += chunk.memoryBytes();
                mayHave |= chunk.mayHave(times);
            }
            boolean areFull = rows >= size.rows() || bytes >= size.bytes();
            if (areFull && mayHave) {
                return Optional.of(neighbours(from, place + 1));
            }
            if (areFull || isLarge) {
                from = place + 1;
                rows = 0;
                bytes = 0;
                mayHave = false;
            }
        }
        return Optional.empty();
    }

    /// Counts a query that meets the chunks. True if small ones were met so often that to put them together costs
    /// no more than they did: rows that are soon in files are not worth it for a query now and then, nor for
    /// queries for other times, which leave them out.
    boolean meetSmall(TimeRange times) {
        Optional<Neighbours> small = findSmall(times);
        if (small.isEmpty()) {
            return false;
        }
        for (Chunk chunk : small.get().chunks()) {
            if (chunk.mayHave(times)) {
                met = Math.min(met + 1, size.met());
            }
        }
        return met == size.met();
    }

    private Neighbours neighbours(int from, int to) {
        return new Neighbours(from, chunks.subList(from, to));
    }

    /// Puts one chunk, which is taken over, in the place of others, which are the caller's from then on. False, and
    /// nothing is done, if somebody else has replaced them.
    boolean tryReplace(Neighbours old, Chunk united) {
        int to = old.from() + old.chunks().size();
        if (to > chunks.size() || !isSame(chunks.subList(old.from(), to), old.chunks())) {
            return false;
        }
        chunks.subList(old.from(), to).clear();
        chunks.add(old.from(), united);
        if (old.from() == settled) {
            settled++;
        }
        met = 0;
        memoryBytes += united.memoryBytes() - old.memoryBytes();
        return true;
    }

    private static boolean isSame(List<Chunk> some, List<Chunk> others) {
        for (int i = 0; i < some.size(); i++) {
            if (some.get(i) != others.get(i)) {
                return false;
            }
        }
        return true;
    }

    /// Releases all rows.
    void release() {
        for (Chunk chunk : chunks) {
            chunk.rows().dropLookups();
            chunk.close();
        }
        chunks.clear();
        memoryBytes = 0;
        settled = 0;
    }
}
