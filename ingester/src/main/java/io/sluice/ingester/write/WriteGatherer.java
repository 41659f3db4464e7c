package io.sluice.ingester.write;

import io.sluice.ingester.buffer.BufferTree;
import io.sluice.ingester.buffer.GatheredRows;
import io.sluice.ingester.door.DecodedColumn;
import io.sluice.ingester.door.DecodedWrite;
import io.sluice.ingester.door.DecodedWrite.DecodedTable;
import io.sluice.ingester.schema.PartitionSplitter;
import io.sluice.ingester.schema.SchemaCache;
import io.sluice.ingester.schema.SchemaConflictException;
import io.sluice.model.NamespaceName;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableId;
import io.sluice.model.TableSchema;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/// Gathers the rows of small writes that follow one another, by partition, for whoever has many at hand: a replay. What
/// of a write is in files already is left out. For one thread; the caller closes it.
public final class WriteGatherer implements AutoCloseable {
    private final SchemaCache schemas;
    private final BufferTree buffer;
    private Map<Partition, GatheredRows> partitions = new HashMap<>();
    private Optional<Resolved> last = Optional.empty();

    private record Partition(TableId table, long slot) {}

    /// Rows of a write for one partition.
    private record Part(TableSchema schema, DecodedTable table, GatheredRows target) {}

    WriteGatherer(SchemaCache schemas, BufferTree buffer) {
        this.schemas = schemas;
        this.buffer = buffer;
    }

    /// Adds a write, if it is small and none of its tables has rows of several partitions.
    ///
    /// @param lengthBytes of the request
    /// @param sequence above those that were added before
    /// @return whether it was added
    /// @throws SchemaConflictException if it contradicts the catalog; what was gathered is as before
    /// @throws IOException if the catalog cannot answer; what was gathered is as before
    /// @throws org.apache.arrow.memory.OutOfMemoryException if there is no memory; what was gathered is then
    ///     void, as it may have a part of this write
    public boolean tryAdd(DecodedWrite write, int lengthBytes, SequenceNumber sequence)
            throws SchemaConflictException, IOException {
        List<Part> parts = new ArrayList<>(write.tables().size());
        for (DecodedTable table : write.tables()) {
            if (!GatheredRows.isSmall(table, lengthBytes)) {
                return false;
            }
            TableSchema schema = resolve(write.namespace(), table);
            OptionalLong slot = PartitionSplitter.onlySlot(table, schema.template());
            if (slot.isEmpty()) {
                return false;
            }
            parts.add(new Part(schema, table, target(schema, slot.getAsLong())));
        }
        for (Part part : parts) {
            part.target().append(part.schema(), part.table(), sequence);
        }
        return true;
    }

    /// The schema of the last table again, if this one has the very same columns.
    private TableSchema resolve(NamespaceName namespace, DecodedTable table)
            throws SchemaConflictException, IOException {
        if (last.isPresent() && last.get().covers(namespace, table)) {
            return last.get().schema();
        }
        TableSchema schema = schemas.resolve(namespace, table);
        last = Optional.of(new Resolved(namespace, table, schema));
        return schema;
    }

    /// A table of an earlier write, and its schema, which may be old by now but has all of the columns.
    private record Resolved(NamespaceName namespace, DecodedTable table, TableSchema schema) {
        @SuppressWarnings("ReferenceEquality") // the memo of names hands out the same objects; equal ones may follow
        boolean covers(NamespaceName otherNamespace, DecodedTable other) {
            List<DecodedColumn> columns = table.columns();
            List<DecodedColumn> others = other.columns();
            if (!namespace.equals(otherNamespace)
                    || !table.table().equals(other.table())
                    || columns.size() != others.size()) {
                return false;
            }
            for (int i = 0; i < columns.size(); i++) {
                if (columns.get(i).schema() != others.get(i).schema()) {
                    return false;
                }
            }
            return true;
        }
    }

    private GatheredRows target(TableSchema schema, long slot) throws IOException {
        Partition partition = new Partition(schema.tableId(), slot);
        GatheredRows known = partitions.get(partition);
        if (known != null) {
            return known;
        }
        GatheredRows created = buffer.gather(schema, schema.template().key(slot));
        partitions.put(partition, created);
        return created;
    }

    /// What was gathered since the last call, a partition each. The caller closes it or hands it on.
    public List<GatheredRows> take() {
        List<GatheredRows> taken = List.copyOf(partitions.values());
        partitions = new HashMap<>();
        return taken;
    }

    /// Releases what was not taken.
    @Override
    public void close() {
        partitions.values().forEach(GatheredRows::close);
        partitions = new HashMap<>();
    }
}
