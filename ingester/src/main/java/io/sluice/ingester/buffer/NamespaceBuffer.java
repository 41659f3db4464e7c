package io.sluice.ingester.buffer;

import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import java.util.Collection;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/// The tables of one namespace that have rows, or had some lately. Any thread may look; [BufferNodes] changes it, under
/// its lock.
final class NamespaceBuffer {
    private final ConcurrentMap<TableName, TableBuffer> tables = new ConcurrentHashMap<>();
    private final AtomicInteger partitionCount = new AtomicInteger();

    Optional<TableBuffer> find(TableName table) {
        return Optional.ofNullable(tables.get(table));
    }

    TableBuffer obtain(TableSchema schema) {
        return tables.computeIfAbsent(schema.table(), _ -> new TableBuffer(schema));
    }

    void remove(TableBuffer table) {
        tables.remove(table.name(), table);
    }

    /// A live view.
    Collection<TableBuffer> tables() {
        return tables.values();
    }

    Stream<PartitionBuffer> partitions() {
        return tables.values().stream().flatMap(table -> table.partitions().stream());
    }

    /// Of all tables.
    int partitionCount() {
        return partitionCount.get();
    }

    void countPartitions(int change) {
        partitionCount.addAndGet(change);
    }
}
