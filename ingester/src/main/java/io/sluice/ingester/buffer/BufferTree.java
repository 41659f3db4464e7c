package io.sluice.ingester.buffer;

import io.sluice.ingester.buffer.PartitionBuffer.PartitionStatistics;
import io.sluice.ingester.schema.SchemaCache;
import io.sluice.ingester.sink.PreparedPartition;
import io.sluice.ingester.sink.StableWatermark;
import io.sluice.ingester.sink.WriteOperation;
import io.sluice.ingester.sink.WriteOperation.CopiedRows;
import io.sluice.ingester.sink.WriteOperation.PartitionWrite;
import io.sluice.ingester.sink.WriteOperation.ReceivedRows;
import io.sluice.ingester.sink.WriteRefusedException;
import io.sluice.ingester.sink.WriteSink;
import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionId;
import io.sluice.model.PartitionKey;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.persist.FreezeReason;
import io.sluice.persist.PersistedFile;
import io.sluice.persist.catalog.Catalog;
import io.sluice.query.QuerySource;
import io.sluice.rows.TimeRange;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.OutOfMemoryException;

/// All rows that are not in files: the end of the write path and the source of queries.
///
/// One thread applies writes, in the order of their numbers. Any thread may prepare partitions, query and freeze.
public final class BufferTree implements WriteSink, QuerySource, AutoCloseable {
    private final IngesterId ingester;
    private final SchemaCache schemas;
    private final Catalog catalog;
    private final StableWatermark stable;
    private final PersistPort persist;
    private volatile long hotBytes;
    private final BufferAllocator allocator;
    private final LongSupplier nanoTime;
    private final BufferNodes nodes = new BufferNodes();
    private final AtomicLong memoryBytes = new AtomicLong();
    private final AtomicLong frozenBytes = new AtomicLong();
    private final WaitingBytes waiting = new WaitingBytes();
    private final Uniter uniter;

    /// @param stable up to where queries see
    /// @param persist where frozen rows go
    /// @param hotBytes bytes of filling rows from which on a partition is frozen
    /// @param allocator of the memory of small writes' rows
    /// @param behindQueries runs what small chunks are put together by, for some milliseconds each
    public BufferTree(
            IngesterId ingester,
            SchemaCache schemas,
            Catalog catalog,
            StableWatermark stable,
            PersistPort persist,
            long hotBytes,
            BufferAllocator allocator,
            LongSupplier nanoTime,
            Executor behindQueries) {
        this.ingester = ingester;
        this.schemas = schemas;
        this.catalog = catalog;
        this.stable = stable;
        this.persist = persist;
        this.hotBytes = hotBytes;
        this.allocator = allocator;
        this.nanoTime = nanoTime;
        this.uniter = new Uniter(behindQueries);
    }

    /// From now on rows stay in their requests only as long as those are so many bytes together; others are copied when
    /// they are applied. For requests lie on the heap.
    public void limitWaiting(long bytes) {
        waiting.limit(bytes);
    }

    /// Freezes partitions from so many bytes of filling rows on from now on.
    public void reconfigure(long newHotBytes) {
        hotBytes = newHotBytes;
    }

    /// From now on [#prepareWithinLimit] refuses a partition more than so many in a namespace; [#prepare] does
    /// not, as a replay cannot refuse what was acknowledged.
    public void limitPartitions(int perNamespace) {
        nodes.limitPartitions(perNamespace);
    }

    /// Makes sure that a partition's node exists, with what the catalog knows of it, and stays until the result
    /// is closed: to apply rows to it asks nobody. Small writes before this one may still have to be copied to
    /// where they gather; then some are.
    ///
    /// @throws IOException if the catalog cannot answer
    /// @throws OutOfMemoryException if there is no memory for the writes before this one
    public PreparedPartition prepare(TableSchema schema, PartitionKey key) throws IOException {
        return helped(pin(schema, key));
    }

    /// As [#prepare], unless the namespace has as many partitions as it may.
    ///
    /// @throws WriteRefusedException if it has, and this would be one more
    public PreparedPartition prepareWithinLimit(TableSchema schema, PartitionKey key)
            throws IOException, WriteRefusedException {
        return helped(nodes.pinWithinLimit(
                schema,
                key,
                () -> catalog.persistedThrough(ingester, new PartitionId(schema.tableId(), key)),
                (table, through) -> node(table, key, through)));
    }

    private PartitionBuffer pin(TableSchema schema, PartitionKey key) throws IOException {
        return nodes.pin(
                schema,
                key,
                () -> catalog.persistedThrough(ingester, new PartitionId(schema.tableId(), key)),
                (table, through) -> node(table, key, through));
    }

    private PartitionBuffer node(TableBuffer table, PartitionKey key, SequenceNumber through) {
        return new PartitionBuffer(
                table,
                key,
                ingester,
                through,
                allocator,
                memoryBytes::addAndGet,
                frozenBytes::addAndGet,
                waiting,
                SealedChunks.Size.STANDARD);
    }

    private static PartitionBuffer helped(PartitionBuffer partition) {
        boolean done = false;
        try {
            partition.help();
            done = true;
            return partition;
        } finally {
            if (!done) {
                partition.close();
            }
        }
    }

    /// Up to which write a partition is in files.
    ///
    /// @throws IOException if the catalog cannot answer
    public SequenceNumber persistedThrough(TableSchema schema, PartitionKey key) throws IOException {
        Optional<PartitionBuffer> known = nodes.find(schema, key);
        return known.isPresent()
                ? known.get().persistedThrough()
                : catalog.persistedThrough(ingester, new PartitionId(schema.tableId(), key));
    }

    /// As [#prepare], but asks nobody: empty if the catalog would have to be.
    ///
    /// @throws OutOfMemoryException if there is no memory for the writes before this one
    public Optional<PreparedPartition> tryPrepare(TableSchema schema, PartitionKey key) {
        return nodes.tryPin(schema, key).map(BufferTree::helped);
    }

    /// As [#tryPrepare], but copies nothing: empty, too, if rows wait that the caller's thread is to copy.
    public Optional<PreparedPartition> tryPrepareAtOnce(TableSchema schema, PartitionKey key) {
        Optional<PartitionBuffer> partition = nodes.tryPin(schema, key);
        if (partition.isPresent() && partition.get().needsHelp()) {
            partition.get().close();
            return Optional.empty();
        }
        return partition.map(Function.identity());
    }

    /// Makes a place to gather rows of small writes of a partition in, and sees that its node exists.
    ///
    /// @return the caller's to close
    /// @throws IOException if the catalog cannot answer
    public GatheredRows gather(TableSchema schema, PartitionKey key) throws IOException {
        return new GatheredRows(schema, pin(schema, key), allocator);
    }

    /// Adds the write's rows to their partitions, all prepared before, and takes them over whatever happens. Done when
    /// this returns.
    @Override
    public CompletionStage<SequenceNumber> apply(WriteOperation operation) {
        SequenceNumber sequence = operation.sequence();
        int taken = 0;
        try {
            for (PartitionWrite write : operation.partitions()) {
                taken++;
                try (PartitionBuffer partition = node(write.partition())) {
                    partition.table().widen(write.schema());
                    long nowNs = nanoTime.getAsLong();
                    long fillingBytes = switch (write) {
                        case CopiedRows copied -> partition.append(sequence, copied.rows(), nowNs);
                        case ReceivedRows received -> partition.append(sequence, received.rows(), nowNs);
                    };
                    if (fillingBytes >= hotBytes) {
                        partition.freeze(FreezeReason.HOT, persist);
                    }
                }
            }
        } finally {
            operation.partitions().subList(taken, operation.partitions().size()).forEach(PartitionWrite::close);
        }
        return CompletableFuture.completedStage(sequence);
    }

    /// Links rows of several writes to their partition, prepared before, and takes them over whatever happens.
    ///
    /// @throws org.apache.arrow.memory.OutOfMemoryException if there is no memory; none or all of the rows
    ///     are applied
    public void apply(GatheredRows rows) {
        try (rows) {
            if (rows.isEmpty()) {
                return; // all of them are in files
            }
            PartitionBuffer partition = rows.partition();
            partition.table().widen(rows.schema());
            if (partition.append(rows.take(), rows.first(), rows.last(), nanoTime.getAsLong()) >= hotBytes) {
                partition.freeze(FreezeReason.HOT, persist);
            }
        }
    }

    private static PartitionBuffer node(PreparedPartition prepared) {
        if (prepared instanceof PartitionBuffer node) {
            return node;
        }
        throw new IllegalArgumentException("%s was prepared by another sink".formatted(prepared));
    }

    private Stream<PartitionBuffer> partitions() {
        return nodes.partitions();
    }

    private Stream<PartitionBuffer> partitions(Optional<NamespaceName> namespace, Optional<TableName> table) {
        return partitions().filter(partition -> {
            TableSchema schema = partition.table().schema();
            return namespace.map(schema.namespace()::equals).orElse(true)
                    && table.map(schema.table()::equals).orElse(true);
        });
    }

    /// Freezes the partitions whose oldest filling row is due: at an age between three quarters of `maxAge` and
    /// `maxAge`,
    /// another one for each partition, so that many do not fall due at once. Returns how many.
    public int freezeDue(Duration maxAge) {
        long nowNs = nanoTime.getAsLong();
        List<PartitionBuffer> due = partitions()
                .filter(partition -> partition.isDue(maxAge.toNanos(), nowNs))
                .toList();
        due.forEach(partition -> partition.freeze(FreezeReason.AGE, persist));
        return due.size();
    }

    /// Freezes the partitions with the most filling bytes, until at least `bytes` are frozen or nothing is left;
    /// returns how many bytes that were.
    public long freezeLargest(long bytes, FreezeReason reason) {
        record Candidate(PartitionBuffer partition, long fillingBytes) {}
        List<Candidate> candidates = partitions()
                .map(partition -> new Candidate(partition, partition.fillingBytes()))
                .filter(candidate -> candidate.fillingBytes() > 0)
                .sorted(Comparator.comparingLong(Candidate::fillingBytes).reversed())
                .toList();
        long frozen = 0;
        for (Candidate candidate : candidates) {
            if (frozen >= bytes) {
                break;
            }
            candidate.partition().freeze(reason, persist);
            frozen += candidate.fillingBytes();
        }
        return frozen;
    }

    /// Freezes the partitions that have filling rows of writes up to a number; returns how many.
    public int freezeHolding(SequenceNumber through, FreezeReason reason) {
        List<PartitionBuffer> holding = partitions()
                .filter(partition -> partition.firstUnpersisted().orElse(Long.MAX_VALUE) <= through.value())
                .filter(partition -> partition.fillingBytes() > 0)
                .toList();
        holding.forEach(partition -> partition.freeze(reason, persist));
        return holding.size();
    }

    /// Freezes all partitions of a namespace and table (all, where empty).
    ///
    /// @return completes when all rows of these partitions that were here are in files, those frozen before
    ///     included;
    ///     exceptionally as soon as one of them was given up
    public CompletionStage<List<PersistedFile>> persist(
            Optional<NamespaceName> namespace, Optional<TableName> table, FreezeReason reason) {
        List<CompletableFuture<PersistedFile>> files = new ArrayList<>();
        partitions(namespace, table).forEach(partition -> {
            try {
                partition.gather();
            } catch (OutOfMemoryException e) {
                files.add(CompletableFuture.failedFuture(e)); // it would stay out of the file
            }
            partition.freeze(reason, persist);
            files.addAll(partition.outstanding());
        });
        return CompletableFuture.allOf(files.toArray(CompletableFuture[]::new))
                .thenApply(_ -> files.stream().map(CompletableFuture::join).toList());
    }

    /// Lets go of the nodes of partitions, tables and namespaces that have been empty for so long. What comes back is
    /// made anew from the catalog.
    public void evictIdle(Duration idle) {
        nodes.evictIdle(idle, nanoTime.getAsLong());
    }

    /// Makes room in namespaces that have nearly as many partitions as they may: lets go of those without rows, and
    /// freezes those that have filled for longest. Returns how many were frozen.
    public int relieveCrowded() {
        List<PartitionBuffer> longest = nodes.relieveCrowded(nanoTime.getAsLong());
        longest.forEach(partition -> partition.freeze(FreezeReason.PARTITIONS, persist));
        return longest.size();
    }

    /// Partitions of the namespace that has the most, those included that are empty and not yet let go.
    public long mostPartitions() {
        return nodes.mostPartitions();
    }

    /// What was let go so far, and writes refused for want of room.
    public Turnover turnover() {
        return nodes.turnover();
    }

    /// The smallest number of a write that has rows here; if there are none, the one after the last stable write. Every
    /// write below it is in files.
    public SequenceNumber lowWatermark() {
        // Read before the partitions are: what is applied from here on has a higher number.
        long low = stable.stable().next().value();
        for (PartitionBuffer partition : (Iterable<PartitionBuffer>) partitions()::iterator) {
            low = Math.min(low, partition.firstUnpersisted().orElse(low));
        }
        return new SequenceNumber(low);
    }

    /// How long ago the oldest row was applied that is in no catalogued file, for each namespace that has one. A replay
    /// applies rows anew.
    public Map<NamespaceName, Duration> oldestUnpersistedAges() {
        long nowNs = nanoTime.getAsLong();
        Map<NamespaceName, Duration> ages = new HashMap<>();
        for (PartitionBuffer partition : (Iterable<PartitionBuffer>) partitions()::iterator) {
            partition
                    .oldestSinceNs()
                    .ifPresent(sinceNs -> ages.merge(
                            partition.table().schema().namespace(),
                            Duration.ofNanos(Math.max(0, nowNs - sinceNs)),
                            (a, b) -> a.compareTo(b) >= 0 ? a : b));
        }
        return ages;
    }

    /// Bytes of memory that the rows hold, frozen ones included, until their file is in the catalog.
    public long memoryBytes() {
        return memoryBytes.get();
    }

    /// That part of it that lies in requests still.
    public long waitingBytes() {
        return waiting.held();
    }

    /// That part of it that is frozen.
    public long frozenBytes() {
        return frozenBytes.get();
    }

    @Override
    public Optional<TableScan> scan(NamespaceName namespace, TableName table) {
        // Before the partitions are listed: a partition that comes later has no rows up to here.
        SequenceNumber asOf = stable.stable();
        Optional<TableSchema> schema;
        try {
            schema = schemas.find(namespace, table);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return schema.map(found -> {
            List<Partition> partitions = new ArrayList<>();
            nodes.find(namespace, table)
                    .ifPresent(node -> node.partitions().stream()
                            .sorted(Comparator.comparing(PartitionBuffer::key))
                            .forEach(partition -> partitions.add(new ScannedPartition(partition, asOf, uniter))));
            return new Scan(found, ingester, asOf, partitions);
        });
    }

    @Override
    public List<TableSchema> tables() {
        try {
            return List.copyOf(schemas.all());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// How much is held.
    public BufferStatistics statistics() {
        long partitions = 0;
        long fillingRows = 0;
        long fillingBytes = 0;
        long frozenRows = 0;
        long frozenBytes = 0;
        long frozenBatches = 0;
        for (PartitionBuffer partition : (Iterable<PartitionBuffer>) partitions()::iterator) {
            PartitionStatistics statistics = partition.statistics();
            partitions++;
            fillingRows += statistics.fillingRows();
            fillingBytes += statistics.fillingBytes();
            frozenRows += statistics.frozenRows();
            frozenBytes += statistics.frozenBytes();
            frozenBatches += statistics.frozenBatches();
        }
        return new BufferStatistics(
                nodes.namespaceCount(),
                nodes.tableCount(),
                partitions,
                fillingRows,
                fillingBytes,
                frozenRows,
                frozenBytes,
                frozenBatches,
                memoryBytes());
    }

    /// Nodes, rows and bytes held; partitions without rows are counted too.
    ///
    /// @param memoryBytes of all rows; may differ from the sum of the others, as it is taken at another
    ///     moment
    public record BufferStatistics(
            long namespaces,
            long tables,
            long partitions,
            long fillingRows,
            long fillingBytes,
            long frozenRows,
            long frozenBytes,
            long frozenBatches,
            long memoryBytes) {}

    /// Releases all rows. Nothing may be called afterwards.
    @Override
    public void close() {
        uniter.close();
        partitions().forEach(PartitionBuffer::release);
    }

    private record Scan(TableSchema schema, IngesterId ingester, SequenceNumber asOf, List<Partition> partitions)
            implements TableScan {
        private Scan {
            partitions = List.copyOf(partitions);
        }
    }

    private record ScannedPartition(PartitionBuffer partition, SequenceNumber asOf, Uniter uniter)
            implements Partition {
        @Override
        public PartitionKey key() {
            return partition.key();
        }

        @Override
        public PartitionRows read(TimeRange times) {
            PartitionRows rows = partition.read(asOf, times);
            boolean done = false;
            try {
                uniter.visit(partition, times, rows.batches());
                done = true;
                return rows;
            } finally {
                if (!done) {
                    rows.close();
                }
            }
        }
    }
}
