package io.sluice.ingester.buffer;

import io.sluice.model.PartitionKey;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import java.util.Collection;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.Function;

/// The partitions of one table that had rows since the start. Any thread may call any method.
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

    /// The partition of this key; if there is none, what `create` makes.
    PartitionBuffer obtain(PartitionKey key, Function<TableBuffer, PartitionBuffer> create) {
        return partitions.computeIfAbsent(key, _ -> create.apply(this));
    }

    /// A live view.
    Collection<PartitionBuffer> partitions() {
        return partitions.values();
    }
}
