package io.sluice.ingester.buffer;

import io.sluice.model.PartitionKey;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import java.util.Collection;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/// The partitions of one table that have rows, or had some lately. Any thread may look; [BufferNodes] changes which
/// there are, under its lock.
final class TableBuffer {
    private final ConcurrentMap<PartitionKey, PartitionBuffer> partitions = new ConcurrentHashMap<>();
    private volatile TableSchema schema;

    TableBuffer(TableSchema schema) {
        this.schema = schema;
    }

    TableName name() {
        return schema.table();
    }

    /// At least as new as every row in the partitions.
    TableSchema schema() {
        return schema;
    }

    /// Notes a schema that rows to come may have. Called by the applying thread alone.
    void widen(TableSchema newer) {
        if (newer.columns().size() > schema.columns().size()) {
            schema = newer;
        }
    }

    Optional<PartitionBuffer> find(PartitionKey key) {
        return Optional.ofNullable(partitions.get(key));
    }

    void add(PartitionBuffer partition) {
        partitions.put(partition.key(), partition);
    }

    void remove(PartitionBuffer partition) {
        partitions.remove(partition.key(), partition);
    }

    /// A live view.
    Collection<PartitionBuffer> partitions() {
        return partitions.values();
    }
}
