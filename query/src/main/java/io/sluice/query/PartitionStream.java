package io.sluice.query;

import io.sluice.model.ColumnSchema;
import io.sluice.proto.v1.BatchMetadata;
import io.sluice.query.QueryRequest.Order;
import io.sluice.query.QuerySource.Partition;
import io.sluice.query.QuerySource.PartitionRows;
import io.sluice.query.QuerySource.TableScan;
import io.sluice.rows.RowBatch;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.types.pojo.Schema;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The lazy answer: a partition's rows are taken when its first batch is pulled, and let go of with its last. A small
/// one that can be looked up is made at once.
final class PartitionStream implements QueryStream {
    private static final Logger LOG = LoggerFactory.getLogger(PartitionStream.class);

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
    private final BatchLimits limits;
    private final StreamDictionaries dictionaries;
    private DictionaryProvider provider = new DictionaryProvider.MapDictionaryProvider();
    private BatchBuilder batch;
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
            DictionaryBounds bounds,
            BufferAllocator allocator) {
        this.request = request;
        this.filter = new RowFilter(request);
        this.counts = counts;
        this.selector = new ChunkSelector(filter, counts);
        this.scan = scan;
        this.columns = List.copyOf(columns);
        this.partitions = partitions;
        this.limits = limits;
        this.allocator = allocator;
        this.rowsLeft = request.limit().orElse(Long.MAX_VALUE);
        this.dictionaries = new StreamDictionaries(this.columns, filter, bounds, allocator);
        this.batch = new BatchBuilder(this.columns, dictionaries, limits, allocator);
        boolean done = false;
        try {
            if (!filter.mayBeLookedUp() || !makeAhead()) {
                gatherDictionaries();
                if (!dictionaries.plain().isEmpty()) {
                    startOver();
                }
            }
            provider = dictionaries.seal();
            done = true;
        } finally {
            if (!done) {
                close();
            }
        }
    }

    private void gatherDictionaries() {
        if (cursor.isPresent()) {
            reading.forEach(dictionaries::gather); // as they were read: some may be in files by now
        }
        for (Partition partition : partitions.subList(nextPartition, partitions.size())) {
            if (dictionaries.byPlace().isEmpty()) {
                return;
            }
            try (PartitionRows rows = partition.read(filter.times())) {
                rows.batches().forEach(dictionaries::gather);
            }
        }
    }

    /// Some tags are plain, and the schema is another one than that of the batches that may have been made ahead. They
    /// are made anew, of what their partitions have now.
    private void startOver() {
        for (int place : dictionaries.plain()) {
            counts.plainColumns.increment();
            LOG.debug(
                    "namespace '{}', table '{}': tag '{}' has too many values for a dictionary, and is sent as plain"
                            + " strings",
                    request.namespace(),
                    request.table(),
                    columns.get(place).name());
        }
        made.forEach(one -> one.batch().close());
        made.clear();
        cursor.ifPresent(PartitionCursor::close);
        cursor = Optional.empty();
        reading = List.of();
        nextPartition = 0;
        rowsLeft = request.limit().orElse(Long.MAX_VALUE);
        batch.close();
        batch = new BatchBuilder(columns, dictionaries, limits, allocator);
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

    @Override
    public List<ColumnSchema> columns() {
        return columns;
    }

    @Override
    public Schema schema() {
        return WireSchema.message(columns, dictionaries.plain());
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
        PartitionRows rows = partition.read(filter.times());
        reading = rows.batches();
        metadata = BatchMetadata.newBuilder()
                .setIngesterId(scan.ingester().toString())
                .setAsOf(scan.asOf().value())
                .setPartitionKey(partition.key().value())
                .setPersistedThrough(rows.persistedThrough().value())
                .build();
        counts.readPartitions.increment();
        counts.prunedChunks.increment(rows.prunedChunks());
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
            dictionaries.close();
        }
    }
}
