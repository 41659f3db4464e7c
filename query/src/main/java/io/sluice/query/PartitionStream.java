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
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryProvider;

/// The lazy answer: a partition's rows are taken when its first batch is pulled, and let go of with its last.
final class PartitionStream implements QueryStream {
    /// A smaller dictionary of a chunk is taken into the stream's as it is; of a larger one, only what matching rows
    /// have.
    private static final int SMALL_DICTIONARY = 1_024;

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
    private int nextPartition;
    private long rowsLeft;
    private Optional<PartitionCursor> cursor = Optional.empty();
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
            gatherDictionaries();
            dictionaries.values().forEach(dictionary -> provider.put(dictionary.dictionary()));
            VectorSchemaRoot root = VectorSchemaRoot.create(WireSchema.memory(columns), allocator);
            this.batch = new BatchBuilder(columns, dictionaries, root, limits, allocator);
            done = true;
        } finally {
            if (!done) {
                dictionaries.values().forEach(StreamDictionary::close);
            }
        }
    }

    private void gatherDictionaries() {
        if (!dictionaries.isEmpty()) {
            for (Partition partition : partitions) {
                try (PartitionRows rows = partition.read()) {
                    gatherDictionaries(rows.batches());
                }
            }
        }
        dictionaries.values().forEach(StreamDictionary::seal);
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
        return cursor.isEmpty() && rowsLeft > 0 && nextPartition > 0 && nextPartition < partitions.size();
    }

    @Override
    public OutBatch takeBatch() {
        OutBatch taken = out.orElseThrow(() -> new IllegalStateException("there is no batch to take"));
        out = Optional.empty();
        return taken;
    }

    @Override
    public int rowCount() {
        return batch.rowCount();
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
        rowsLeft -= batch.rowCount();
        if (rowsLeft == 0 || !current.hasMore()) {
            current.close();
            cursor = Optional.empty();
        }
        return true;
    }

    private void open(Partition partition) {
        PartitionRows rows = partition.read();
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
            dictionaries.values().forEach(StreamDictionary::close);
        }
    }
}
