package io.sluice.query;

import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnSchema;
import io.sluice.proto.v1.BatchMetadata;
import io.sluice.query.QuerySource.Partition;
import io.sluice.query.QuerySource.PartitionRows;
import io.sluice.query.QuerySource.TableScan;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryProvider;

/// The lazy answer: a partition's rows are taken when its first batch is pulled, and let go of with its last.
final class PartitionStream implements QueryStream {
    /// A batch ends at the first of these.
    static final int MAX_BATCH_ROWS = 64 * 1024;

    static final long MAX_BATCH_BYTES = 4L << 20;

    private final RowFilter filter;
    private final TableScan scan;
    private final List<Partition> partitions;
    private final TreeMap<Integer, StreamDictionary> dictionaries = new TreeMap<>();
    private final DictionaryProvider.MapDictionaryProvider provider = new DictionaryProvider.MapDictionaryProvider();
    private final VectorSchemaRoot root;
    private final BatchFiller filler;
    private int nextPartition;
    private Optional<Cursor> cursor = Optional.empty();
    private BatchMetadata metadata = BatchMetadata.getDefaultInstance();
    private boolean closed;

    PartitionStream(
            QueryRequest request,
            TableScan scan,
            List<ColumnSchema> columns,
            List<Partition> partitions,
            BufferAllocator allocator) {
        this.filter = new RowFilter(request);
        this.scan = scan;
        this.partitions = partitions;
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
            gatherDictionaries(columns);
            dictionaries.values().forEach(dictionary -> provider.put(dictionary.dictionary()));
            this.root = VectorSchemaRoot.create(WireSchema.memory(columns), allocator);
            this.filler = new BatchFiller(columns, dictionaries, root);
            done = true;
        } finally {
            if (!done) {
                dictionaries.values().forEach(StreamDictionary::close);
            }
        }
    }

    private void gatherDictionaries(List<ColumnSchema> columns) {
        if (!dictionaries.isEmpty()) {
            for (Partition partition : partitions) {
                try (PartitionRows rows = partition.read()) {
                    for (RowBatch batch : rows.batches()) {
                        int[] matches = filter.matches(batch);
                        dictionaries.forEach((place, dictionary) -> {
                            if (batch.find(columns.get(place).name()).orElse(null) instanceof RowColumn.Tag tag) {
                                dictionary.gather(tag, matches);
                            }
                        });
                    }
                }
            }
        }
        dictionaries.values().forEach(StreamDictionary::seal);
    }

    @Override
    public VectorSchemaRoot root() {
        return root;
    }

    @Override
    public DictionaryProvider dictionaries() {
        return provider;
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
        if (cursor.isEmpty()) {
            if (nextPartition == partitions.size()) {
                return false;
            }
            Partition partition = partitions.get(nextPartition++);
            Cursor begun = new Cursor(partition.read());
            cursor = Optional.of(begun);
            metadata = BatchMetadata.newBuilder()
                    .setIngesterId(scan.ingester().toString())
                    .setAsOf(scan.asOf().value())
                    .setPartitionKey(partition.key().value())
                    .setPersistedThrough(begun.rows.persistedThrough().value())
                    .build();
        }
        Cursor current = cursor.get();
        filler.begin();
        current.fill();
        filler.end();
        if (!current.hasMore()) {
            current.rows.close();
            cursor = Optional.empty();
        }
        return true;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            cursor.ifPresent(open -> open.rows.close());
            root.close();
            dictionaries.values().forEach(StreamDictionary::close);
        }
    }

    /// A place in one partition's rows.
    private final class Cursor {
        private final PartitionRows rows;
        private final List<RowBatch> batches;
        private int batch;
        private int[] matches = {};
        private int match;

        Cursor(PartitionRows rows) {
            this.rows = rows;
            this.batches = new ArrayList<>(rows.batches());
            if (!batches.isEmpty()) {
                matches = filter.matches(batches.getFirst());
            }
            skipEmpty();
        }

        private void skipEmpty() {
            while (batch < batches.size() && match == matches.length) {
                batch++;
                match = 0;
                matches = batch < batches.size() ? filter.matches(batches.get(batch)) : new int[0];
            }
        }

        boolean hasMore() {
            return batch < batches.size();
        }

        void fill() {
            while (hasMore() && !filler.isFull()) {
                match += filler.append(batches.get(batch), matches, match);
                skipEmpty();
            }
        }
    }
}
