package io.sluice.ingester.buffer;

import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.sink.WriteRefusedException;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionKey;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;

/// The nodes of the buffer tree: makes them, and lets those go that have been empty for long. Any thread may call any
/// method.
///
/// Nodes are made and let go under one lock, and found without it. A node that somebody has [pinned][#pin] stays. One
/// that comes back begins with what the catalog knows by then: a partition without rows has them all in files.
final class BufferNodes {
    /// Of the partitions that a namespace may have: from here on room is made.
    private static final double CROWDED = 0.9;
    /// So many are left when room was made.
    private static final double RELIEVED = 0.7;

    private final ConcurrentMap<NamespaceName, NamespaceBuffer> namespaces = new ConcurrentHashMap<>();
    private final ReentrantLock structure = new ReentrantLock();
    private volatile int maxPartitions = Integer.MAX_VALUE;

    /// Changed under the lock.
    private volatile Turnover turnover = Turnover.NONE;

    /// Makes the node of a partition.
    @FunctionalInterface
    interface PartitionMaker {
        PartitionBuffer make(TableBuffer table, SequenceNumber persistedThrough);
    }

    /// Knows up to which write a partition is in files.
    @FunctionalInterface
    interface PersistedThrough {
        SequenceNumber get() throws IOException;
    }

    /// From how many partitions on a namespace gets no further one by [#pinWithinLimit].
    void limitPartitions(int perNamespace) {
        maxPartitions = perNamespace;
    }

    Optional<TableBuffer> find(NamespaceName namespace, TableName table) {
        return Optional.ofNullable(namespaces.get(namespace)).flatMap(node -> node.find(table));
    }

    Optional<PartitionBuffer> find(TableSchema schema, PartitionKey key) {
        return find(schema.namespace(), schema.table()).flatMap(table -> table.find(key));
    }

    /// All partitions; those that come or go meanwhile may be among them or not.
    Stream<PartitionBuffer> partitions() {
        return namespaces.values().stream().flatMap(NamespaceBuffer::partitions);
    }

    long namespaceCount() {
        return namespaces.size();
    }

    long tableCount() {
        return namespaces.values().stream()
                .mapToLong(namespace -> namespace.tables().size())
                .sum();
    }

    /// Of the namespace that has the most.
    long mostPartitions() {
        return namespaces.values().stream()
                .mapToLong(NamespaceBuffer::partitionCount)
                .max()
                .orElse(0);
    }

    Turnover turnover() {
        return turnover;
    }

    /// A partition's node if there is one, which stays until it is unpinned.
    Optional<PartitionBuffer> tryPin(TableSchema schema, PartitionKey key) {
        return find(schema, key).filter(PartitionBuffer::tryPin);
    }

    /// A partition's node, made if there is none, which stays until it is unpinned.
    ///
    /// @throws IOException if the catalog cannot answer
    PartitionBuffer pin(TableSchema schema, PartitionKey key, PersistedThrough through, PartitionMaker maker)
            throws IOException {
        return obtain(schema, key, through, maker, Integer.MAX_VALUE).orElseThrow();
    }

    /// As [#pin], but makes no node in a namespace that has as many as it may.
    ///
    /// @throws WriteRefusedException if a node would have to be made there
    PartitionBuffer pinWithinLimit(TableSchema schema, PartitionKey key, PersistedThrough through, PartitionMaker maker)
            throws IOException, WriteRefusedException {
        int limit = maxPartitions;
        Optional<PartitionBuffer> node = obtain(schema, key, through, maker, limit);
        if (node.isPresent()) {
            return node.get();
        }
        throw new WriteRefusedException(
                Reason.PARTITION_LIMIT,
                "namespace '%s' has rows of %d partitions in memory (--max-partitions %d), and the write needs %s of table '%s': some are being persisted"
                        .formatted(schema.namespace(), limit, limit, key, schema.table()));
    }

    private Optional<PartitionBuffer> obtain(
            TableSchema schema, PartitionKey key, PersistedThrough through, PartitionMaker maker, int limit)
            throws IOException {
        while (true) {
            Optional<PartitionBuffer> known = find(schema, key);
            if (known.isPresent() && known.get().tryPin()) {
                return known;
            }
            if (isFull(schema.namespace(), limit) && find(schema, key).isEmpty()) {
                count(new Turnover(0, 0, 0, 1));
                return Optional.empty();
            }
            long before = turnover.partitions();
            SequenceNumber inFiles = through.get();
            structure.lock();
            try {
                if (turnover.partitions() != before) {
                    continue; // this one may have come and gone meanwhile, and more of it be in files
                }
                NamespaceBuffer namespace = namespaces.computeIfAbsent(schema.namespace(), _ -> new NamespaceBuffer());
                TableBuffer table = namespace.obtain(schema);
                PartitionBuffer node = table.find(key).orElseGet(() -> {
                    PartitionBuffer made = maker.make(table, inFiles);
                    table.add(made);
                    namespace.countPartitions(1);
                    return made;
                });
                if (!node.tryPin()) {
                    throw new IllegalStateException("a partition that was let go stands in the tree");
                }
                return Optional.of(node);
            } finally {
                structure.unlock();
            }
        }
    }

    private boolean isFull(NamespaceName name, int limit) {
        NamespaceBuffer namespace = namespaces.get(name);
        return namespace != null && namespace.partitionCount() >= limit;
    }

    /// Lets go of the nodes that have been empty for so long, as far as the calls before tell, and of tables and
    /// namespaces that have none left.
    void evictIdle(Duration idle, long nowNs) {
        namespaces.forEach((name, namespace) -> evict(name, namespace, idle.toNanos(), nowNs));
    }

    /// Sees to namespaces that have nearly as many partitions as they may: those without rows are let go at once.
    /// Returns those which are then to be frozen, so that there is room again: what has filled for longest.
    List<PartitionBuffer> relieveCrowded(long nowNs) {
        int limit = maxPartitions;
        List<PartitionBuffer> toFreeze = new ArrayList<>();
        namespaces.forEach((name, namespace) -> {
            if (namespace.partitionCount() < CROWDED * limit) {
                return;
            }
            evict(name, namespace, 0, nowNs);
            record Filling(PartitionBuffer partition, long sinceNs) {}
            List<Filling> filling = namespace
                    .partitions()
                    .flatMap(partition ->
                            partition.fillingSinceNs().stream().mapToObj(sinceNs -> new Filling(partition, sinceNs)))
                    .sorted(Comparator.comparingLong(one -> one.sinceNs() - nowNs))
                    .toList();
            int excess = filling.size() - (int) (RELIEVED * limit);
            filling.stream().limit(Math.max(0, excess)).map(Filling::partition).forEach(toFreeze::add);
        });
        return toFreeze;
    }

    private void evict(NamespaceName name, NamespaceBuffer namespace, long idleNs, long nowNs) {
        for (TableBuffer table : namespace.tables()) {
            for (PartitionBuffer partition : table.partitions()) {
                if (partition.hasIdled(idleNs, nowNs)) {
                    evict(namespace, table, partition);
                }
            }
            if (table.partitions().isEmpty()) {
                evict(namespace, table);
            }
        }
        if (namespace.tables().isEmpty()) {
            evict(name, namespace);
        }
    }

    private void evict(NamespaceBuffer namespace, TableBuffer table, PartitionBuffer partition) {
        structure.lock();
        try {
            if (partition.tryRetire()) {
                table.remove(partition);
                namespace.countPartitions(-1);
                count(new Turnover(1, 0, 0, 0));
            }
        } finally {
            structure.unlock();
        }
    }

    private void evict(NamespaceBuffer namespace, TableBuffer table) {
        structure.lock();
        try {
            if (table.partitions().isEmpty()) {
                namespace.remove(table);
                count(new Turnover(0, 1, 0, 0));
            }
        } finally {
            structure.unlock();
        }
    }

    private void evict(NamespaceName name, NamespaceBuffer namespace) {
        structure.lock();
        try {
            if (namespace.tables().isEmpty() && namespaces.remove(name, namespace)) {
                count(new Turnover(0, 0, 1, 0));
            }
        } finally {
            structure.unlock();
        }
    }

    private void count(Turnover more) {
        structure.lock();
        try {
            turnover = turnover.plus(more);
        } finally {
            structure.unlock();
        }
    }
}
