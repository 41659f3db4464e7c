package io.sluice.ingester.write;

import io.sluice.ingester.buffer.GatheredRows;
import io.sluice.ingester.door.DecodedWrite;
import io.sluice.ingester.door.DecodedWrite.DecodedTable;
import io.sluice.ingester.door.ShapedReader;
import io.sluice.ingester.door.ShapedRows;
import io.sluice.ingester.door.WriteShape;
import io.sluice.ingester.schema.SchemaCache;
import io.sluice.ingester.schema.SchemaConflictException;
import io.sluice.model.PartitionKey;
import io.sluice.model.TableSchema;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/// Small live writes that look like ones before: their rows are found in the request's bytes, and nothing is decoded or
/// copied until they are applied. Any thread may call; none waits. What was learned is bounded.
final class FamiliarWrites {
    private final SchemaCache schemas;
    /// Each has learned for itself, so that as many threads can read at once.
    private final Lane[] lanes;

    /// @param threads how many may read at once, at least
    FamiliarWrites(SchemaCache schemas, int threads) {
        this.schemas = schemas;
        this.lanes = new Lane[2 * Integer.highestOneBit(threads)];
        Arrays.setAll(lanes, _ -> new Lane());
    }

    /// Rows of one partition, in the request.
    record FamiliarRows(TableSchema schema, PartitionKey key, ShapedRows rows) {}

    /// What one thread at a time has learned.
    private static final class Lane {
        private final ReentrantLock lock = new ReentrantLock();
        private final ShapedReader reader = new ShapedReader();
        /// By the shapes' indexes.
        private @Nullable Known[] known = new Known[64];
    }

    /// What was found out about writes of a shape.
    private static final class Known {
        /// May be old by now, but has all of the columns.
        private final TableSchema schema;

        /// The partition that rows went to last.
        private @Nullable PartitionKey key;

        private long slot;

        Known(TableSchema schema) {
            this.schema = schema;
        }

        PartitionKey key(long of) {
            PartitionKey last = key;
            if (last == null || of != slot) {
                last = schema.template().key(of);
                key = last;
                slot = of;
            }
            return last;
        }
    }

    /// The rows of a write, a partition for each table.
    ///
    /// @return empty if it is not small, looks like none before, has rows of several partitions in one table,
    ///     or of a table whose partitions follow from tags, or needs the catalog: then it is to be decoded,
    ///     and nothing else is known of it
    /// @throws SchemaConflictException if it contradicts the catalog
    Optional<List<FamiliarRows>> read(byte[] request) throws SchemaConflictException {
        if (!GatheredRows.isSmall(1, request.length)) {
            return Optional.empty();
        }
        Optional<Lane> lane = enter();
        if (lane.isEmpty()) {
            return Optional.empty();
        }
        try {
            return read(lane.get(), request);
        } finally {
            lane.get().lock.unlock();
        }
    }

    /// Remembers what a write looks like whose tables and columns the catalog has.
    void learn(DecodedWrite write, int lengthBytes) {
        for (DecodedTable table : write.tables()) {
            if (!GatheredRows.isSmall(table.rowCount(), lengthBytes)) {
                return;
            }
        }
        Optional<Lane> entered = enter();
        if (entered.isEmpty()) {
            return;
        }
        Lane lane = entered.get();
        try {
            if (lane.reader.isFull()) {
                lane.reader.forget();
                Arrays.fill(lane.known, null);
            }
            lane.reader.learn(write);
        } finally {
            lane.lock.unlock();
        }
    }

    /// A lane that no other thread is in; empty if there is none at hand. The caller unlocks it.
    private Optional<Lane> enter() {
        int first = (int) Thread.currentThread().threadId();
        for (int i = 0; i < lanes.length; i++) {
            Lane lane = lanes[(first + i) & (lanes.length - 1)];
            if (lane.lock.tryLock()) {
                return Optional.of(lane);
            }
        }
        return Optional.empty();
    }

    private Optional<List<FamiliarRows>> read(Lane lane, byte[] request) throws SchemaConflictException {
        if (!lane.reader.tryRead(request)) {
            return Optional.empty();
        }
        List<ShapedRows> tables = lane.reader.tables();
        List<FamiliarRows> received = new ArrayList<>(tables.size());
        for (ShapedRows rows : tables) {
            Optional<Known> resolved = resolve(lane, rows.shape());
            if (resolved.isEmpty()) {
                return Optional.empty();
            }
            Known known = resolved.get();
            long slot = known.schema.template().slot(rows.minTimeNs());
            if (!GatheredRows.isSmall(rows.rowCount(), request.length)
                    || !known.schema.template().tags().isEmpty()
                    || known.schema.template().slot(rows.maxTimeNs()) != slot) { // slots follow one another in time
                return Optional.empty();
            }
            received.add(new FamiliarRows(known.schema, known.key(slot), rows));
        }
        List<ShapedRows> _ = lane.reader.take();
        return Optional.of(received);
    }

    /// What is known of writes of a shape; empty if the catalog would have to be asked, for which others would wait.
    private Optional<Known> resolve(Lane lane, WriteShape shape) throws SchemaConflictException {
        if (shape.index() >= lane.known.length) {
            lane.known = Arrays.copyOf(lane.known, Math.max(shape.index() + 1, 2 * lane.known.length));
        }
        Known found = lane.known[shape.index()];
        if (found != null) {
            return Optional.of(found);
        }
        Optional<Known> resolved = schemas.tryResolve(shape.namespace(), shape.table(), shape.columns())
                .map(Known::new);
        resolved.ifPresent(known -> lane.known[shape.index()] = known);
        return resolved;
    }
}
