package io.sluice.query;

import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnSchema;
import io.sluice.proto.v1.BatchMetadata;
import io.sluice.query.QueryRequest.Order;
import io.sluice.query.QuerySource.Partition;
import io.sluice.query.QuerySource.PartitionRows;
import io.sluice.query.QuerySource.TableScan;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryProvider;

/// The lazy answer: a partition's rows are taken when its first batch is pulled, and let go of with its last. A small
/// one that can be looked up is made at once.
final class PartitionStream implements QueryStream {
    /// A smaller dictionary of a chunk is taken into the stream's as it is; of a larger one, only what matching rows
    /// have.
    private static final int SMALL_DICTIONARY = 1_024;

    /// An answer of more rows than this, or of more batches, is not made ahead.
    private static final int MAX_ROWS_AHEAD = 8_192;

    private static final int MAX_BATCHES_AHEAD = 64;

    private final QueryRequest request;
    private final RowFilter filter;
    private final ChunkSelector selector;
    private final ChunkSelector.Counts counts;
    private final TableScan scan;
    private final List<ColumnSchema> columns;
    private final List<Partition> partitions;
    private final BufferAllocator allocator;
    private final TreeMap<Integer, StreamDictionary> dictionaries = new TreeMap<>();
    private final DictionaryProvider.MapDictionaryProvider provider = new DictionaryProvider.MapDictionaryProvider();
    private final BatchBuilder batch;
    private Optional<OutBatch> out = Optional.empty();
    private int rowCount;
    /// Batches that were made when the stream was opened.
    private final Deque<Made> made = new ArrayDeque<>();

    private record Made(OutBatch batch, BatchMetadata metadata, int rowCount) {}

    private int nextPartition;
    private long rowsLeft;
    private Optional<PartitionCursor> cursor = Optional.empty();
    /// The chunks that the cursor holds, if there is one.
    private List<RowBatch> reading = List.of();

    private BatchMetadata metadata = BatchMetadata.getDefaultInstance();
    private boolean closed;

    PartitionStream(
            QueryRequest request,
            TableScan scan,
            List<ColumnSchema> columns,
            List<Partition> partitions,
            ChunkSelector.Counts counts,
            BatchLimits limits,
            BufferAllocator allocator) {
        this.request = request;
        this.filter = new RowFilter(request);
        this.counts = counts;
        this.selector = new ChunkSelector(filter, counts);
        this.scan = scan;
        this.columns = List.copyOf(columns);
        this.partitions = partitions;
        this.allocator = allocator;
        this.rowsLeft = request.limit().orElse(Long.MAX_VALUE);
        boolean done = false;
        Optional<BatchBuilder> opened = Optional.empty();
        try {
            for (int place = 0; place < columns.size(); place++) {
                if (columns.get(place).kind() == ColumnKind.TAG) {
                    dictionaries.put(
                            place,
                            new StreamDictionary(
                                    WireSchema.encoding(place),
                                    columns.get(place).name().value(),
                                    allocator));
                }
            }
            VectorSchemaRoot root = VectorSchemaRoot.create(WireSchema.memory(columns), allocator);
            opened = Optional.of(new BatchBuilder(columns, dictionaries, root, limits, allocator));
            this.batch = opened.get();
            if (!filter.mayBeLookedUp() || !makeAhead()) {
                gatherDictionaries();
            }
            dictionaries.values().forEach(StreamDictionary::seal);
            dictionaries.values().forEach(dictionary -> provider.put(dictionary.dictionary()));
            done = true;
        } finally {
            if (!done) {
                out.ifPresent(OutBatch::close);
                made.forEach(one -> one.batch().close());
                cursor.ifPresent(PartitionCursor::close);
                opened.ifPresent(BatchBuilder::close);
                dictionaries.values().forEach(StreamDictionary::close);
            }
        }
    }

    private void gatherDictionaries() {
        if (!dictionaries.isEmpty()) {
            if (cursor.isPresent()) {
                gatherDictionaries(reading); // as they were read: some may be in files by now
            }
            for (Partition partition : partitions.subList(nextPartition, partitions.size())) {
                try (PartitionRows rows = partition.read()) {
                    gatherDictionaries(rows.batches());
                }
            }
        }
    }

    /// Makes a small answer before its dictionaries are complete, which are those of its rows. False if it is not
    /// small: then what was made is a part of it, and the dictionaries need the values of the rest.
    private boolean makeAhead() {
        long rows = 0;
        while (make()) {
            OutBatch one = takeBatch();
            made.addLast(new Made(one, metadata, rowCount));
            rows += rowCount;
            if (rows > MAX_ROWS_AHEAD || made.size() == MAX_BATCHES_AHEAD || batch.refersToChunks()) {
                return false;
            }
        }
        return true;
    }

    private void gatherDictionaries(List<RowBatch> chunks) {
        for (RowBatch chunk : chunks) {
            Optional<Selection> few = filter.lookUp(chunk);
            if (few.isPresent() ? few.get().count() == 0 : !filter.mayMatch(chunk)) {
                continue;
            }
            Optional<Selection> selection = few;
            for (var entry : dictionaries.entrySet()) {
                if (chunk.find(columns.get(entry.getKey()).name()).orElse(null) instanceof RowColumn.Tag tag) {
                    if (few.isPresent()) {
                        entry.getValue().gather(tag, few.get());
                    } else if (!filter.hasPredicates()) {
                        entry.getValue().gatherAll(tag);
                    } else {
                        selection = gather(chunk, tag, entry.getValue(), selection);
                    }
                }
            }
        }
    }

    /// Adds the values of a chunk's tag that rows may have which are asked for. Returns the selected rows, if somebody
    /// had to look at them.
    private Optional<Selection> gather(
            RowBatch chunk, RowColumn.Tag tag, StreamDictionary into, Optional<Selection> selected) {
        boolean[] wanted = filter.possible(tag);
        if (count(wanted) <= SMALL_DICTIONARY) {
            into.gather(tag, wanted);
            return selected;
        }
        Selection rows = selected.isPresent() ? selected.get() : filter.select(chunk);
        if (rows instanceof Selection.Some) {
            into.gather(tag, rows);
        } else {
            into.gather(tag, wanted);
        }
        return Optional.of(rows);
    }

    private static int count(boolean[] wanted) {
        int count = 0;
        for (boolean one : wanted) {
            count += one ? 1 : 0;
        }
        return count;
    }

    @Override
    public List<ColumnSchema> columns() {
        return columns;
    }

    @Override
    public DictionaryProvider dictionaries() {
        return provider;
    }

    @Override
    public boolean opensPartition() {
        return made.isEmpty()
                && cursor.isEmpty()
                && rowsLeft > 0
                && nextPartition > 0
                && nextPartition < partitions.size();
    }

    @Override
    public OutBatch takeBatch() {
        OutBatch taken = out.orElseThrow(() -> new IllegalStateException("there is no batch to take"));
        out = Optional.empty();
        return taken;
    }

    @Override
    public int rowCount() {
        return rowCount;
    }

    @Override
    public BatchMetadata metadata() {
        return metadata;
    }

    @Override
    public boolean next() {
        if (closed) {
            throw new IllegalStateException("the stream is closed");
        }
        if (made.isEmpty()) {
            return make();
        }
        Made one = made.removeFirst();
        out.ifPresent(OutBatch::close);
        out = Optional.of(one.batch());
        metadata = one.metadata();
        rowCount = one.rowCount();
        return true;
    }

    private boolean make() {
        if (rowsLeft == 0) {
            return false;
        }
        if (cursor.isEmpty()) {
            if (nextPartition == partitions.size()) {
                return false;
            }
            open(partitions.get(nextPartition++));
        }
        PartitionCursor current = cursor.orElseThrow();
        batch.begin();
        if (current.hasMore()) {
            current.fill(batch, rowsLeft);
        }
        out.ifPresent(OutBatch::close);
        out = Optional.of(batch.end());
        rowCount = batch.rowCount();
        rowsLeft -= rowCount;
        if (rowsLeft == 0 || !current.hasMore()) {
            current.close();
            cursor = Optional.empty();
            reading = List.of();
        }
        return true;
    }

    private void open(Partition partition) {
        PartitionRows rows = partition.read();
        reading = rows.batches();
        metadata = BatchMetadata.newBuilder()
                .setIngesterId(scan.ingester().toString())
                .setAsOf(scan.asOf().value())
                .setPartitionKey(partition.key().value())
                .setPersistedThrough(rows.persistedThrough().value())
                .build();
        counts.readPartitions.increment();
        if (request.isMerged() || request.order() == Order.TIME) {
            cursor = Optional.of(OrderedCursor.open(request, scan.schema(), rows, selector, batch, allocator));
        } else {
            NaturalCursor opened = new NaturalCursor(rows, selector, batch);
            cursor = Optional.of(opened);
            opened.begin();
        }
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            cursor.ifPresent(PartitionCursor::close);
            batch.close();
            out.ifPresent(OutBatch::close);
            made.forEach(one -> one.batch().close());
            made.clear();
            dictionaries.values().forEach(StreamDictionary::close);
        }
    }
}
