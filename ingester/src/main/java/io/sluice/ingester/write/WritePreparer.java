package io.sluice.ingester.write;

import io.sluice.ingester.buffer.BufferTree;
import io.sluice.ingester.door.CatalogAccess;
import io.sluice.ingester.door.DecodedWrite;
import io.sluice.ingester.door.DecodedWrite.DecodedTable;
import io.sluice.ingester.door.InvalidWriteException;
import io.sluice.ingester.door.WriteDecoder;
import io.sluice.ingester.door.WriteOutcome.Refused;
import io.sluice.ingester.schema.PartitionSplitter;
import io.sluice.ingester.schema.PartitionSplitter.PartitionRows;
import io.sluice.ingester.schema.SchemaCache;
import io.sluice.ingester.schema.SchemaConflictException;
import io.sluice.ingester.sink.PreparedPartition;
import io.sluice.ingester.sink.WriteOperation;
import io.sluice.ingester.sink.WriteOperation.CopiedRows;
import io.sluice.ingester.sink.WriteOperation.PartitionWrite;
import io.sluice.ingester.sink.WriteOperation.ReceivedRows;
import io.sluice.ingester.sink.WriteRefusedException;
import io.sluice.ingester.write.FamiliarWrites.FamiliarRows;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionKey;
import io.sluice.model.TableSchema;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/// Turns a request's bytes into a write that cannot fail to apply: decodes, checks, looks the schema up, cuts the
/// rows into partitions and makes sure that the partitions' nodes exist. The costly part of a write; any thread may
/// run it. A small write that looks like one before is not decoded again ([FamiliarWrites]).
public final class WritePreparer {
    /// Most columns of a request's partitions together: each is a few objects and buffers, whatever few rows it has.
    /// Rows of very many days would otherwise take thousands of times what they take in the request.
    private static final int MAX_PARTITION_COLUMNS = WriteDecoder.MAX_REQUEST_COLUMNS;

    private final SchemaCache schemas;
    private final PartitionSplitter splitter;
    private final BufferTree buffer;
    private final FamiliarWrites familiar;

    public WritePreparer(SchemaCache schemas, PartitionSplitter splitter, BufferTree buffer) {
        this.schemas = schemas;
        this.splitter = splitter;
        this.buffer = buffer;
        this.familiar = new FamiliarWrites(schemas, Runtime.getRuntime().availableProcessors());
    }

    /// What gathers small writes. The caller closes it.
    public WriteGatherer gatherer() {
        return new WriteGatherer(schemas, buffer);
    }

    /// As [#prepare(byte[], CatalogAccess)], of a write that nothing keeps from the catalog.
    public WriteOperation prepare(byte[] request)
            throws InvalidWriteException, SchemaConflictException, WriteRefusedException, IOException {
        return prepare(request, CatalogAccess.FREE);
    }

    /// Prepares a live write. The caller closes the operation or hands it on.
    ///
    /// @param catalog entered if the write needs the catalog; the caller leaves it
    /// @throws InvalidWriteException if the request is wrong in itself, or has rows of too many partitions
    /// @throws SchemaConflictException if it contradicts the catalog
    /// @throws WriteRefusedException if its namespace has rows of as many partitions as it may, or if it may
    ///     not ask the catalog now
    /// @throws IOException if the catalog cannot answer
    /// @throws org.apache.arrow.memory.OutOfMemoryException if there is no memory for the rows
    public WriteOperation prepare(byte[] request, CatalogAccess catalog)
            throws InvalidWriteException, SchemaConflictException, WriteRefusedException, IOException {
        Live live = new Live(catalog);
        Optional<List<FamiliarRows>> familiarRows = familiar.read(request);
        if (familiarRows.isPresent()) {
            return prepare(request, familiarRows.get(), live);
        }
        DecodedWrite write = WriteDecoder.decode(request);
        WriteOperation operation = prepare(request, write, live);
        familiar.learn(write, request.length); // only what the catalog has agreed to
        return operation;
    }

    /// As [#prepare(byte[], CatalogAccess)], of a small write that looks like one before, whose tables and partitions
    /// are here: within microseconds, waiting for nobody. Empty if it is no such write.
    ///
    /// @throws SchemaConflictException if it contradicts the catalog
    public Optional<WriteOperation> tryPrepare(byte[] request) throws SchemaConflictException {
        Optional<List<FamiliarRows>> tables = familiar.read(request);
        return tables.isPresent() ? tryPrepare(request, tables.get()) : Optional.empty();
    }

    private Optional<WriteOperation> tryPrepare(byte[] request, List<FamiliarRows> tables) {
        List<PartitionWrite> partitions = new ArrayList<>(tables.size());
        for (FamiliarRows table : tables) {
            Optional<PreparedPartition> place = buffer.tryPrepareAtOnce(table.schema(), table.key());
            if (place.isEmpty()) {
                partitions.forEach(PartitionWrite::close);
                return Optional.empty();
            }
            partitions.add(new ReceivedRows(place.get(), table.schema(), table.rows()));
        }
        return Optional.of(
                new WriteOperation(request, tables.getFirst().schema().namespace(), partitions));
    }

    /// Prepares a write of the log, which was decoded already. It is not refused: it was acknowledged. The caller
    /// closes the operation or hands it on.
    ///
    /// @throws InvalidWriteException if the request has rows of too many partitions
    /// @throws SchemaConflictException if it contradicts the catalog
    /// @throws IOException if the catalog cannot answer
    /// @throws org.apache.arrow.memory.OutOfMemoryException if there is no memory for the rows
    public WriteOperation prepareLogged(byte[] request, DecodedWrite write)
            throws InvalidWriteException, SchemaConflictException, IOException {
        return prepare(request, write, new Logged());
    }

    /// Knows where rows belong.
    private interface Places<E extends Exception> {
        TableSchema resolve(NamespaceName namespace, DecodedTable table) throws E, SchemaConflictException, IOException;

        PreparedPartition prepare(TableSchema schema, PartitionKey key) throws E, IOException;
    }

    private final class Logged implements Places<RuntimeException> {
        @Override
        public TableSchema resolve(NamespaceName namespace, DecodedTable table)
                throws SchemaConflictException, IOException {
            return schemas.resolve(namespace, table);
        }

        @Override
        public PreparedPartition prepare(TableSchema schema, PartitionKey key) throws IOException {
            return buffer.prepare(schema, key);
        }
    }

    /// Looks in memory first, and asks the catalog only when it is let in there.
    private final class Live implements Places<WriteRefusedException> {
        private final CatalogAccess catalog;

        Live(CatalogAccess catalog) {
            this.catalog = catalog;
        }

        private void enterCatalog() throws WriteRefusedException {
            Optional<Refused> refusal = catalog.enter();
            if (refusal.isPresent()) {
                throw new WriteRefusedException(refusal.get());
            }
        }

        @Override
        public TableSchema resolve(NamespaceName namespace, DecodedTable table)
                throws WriteRefusedException, SchemaConflictException, IOException {
            Optional<TableSchema> known = schemas.tryResolve(namespace, table);
            if (known.isPresent()) {
                return known.get();
            }
            enterCatalog();
            return schemas.resolve(namespace, table);
        }

        @Override
        public PreparedPartition prepare(TableSchema schema, PartitionKey key)
                throws WriteRefusedException, IOException {
            Optional<PreparedPartition> known = buffer.tryPrepare(schema, key);
            if (known.isPresent()) {
                return known.get();
            }
            enterCatalog();
            return buffer.prepareWithinLimit(schema, key);
        }
    }

    private WriteOperation prepare(byte[] request, List<FamiliarRows> tables, Live live)
            throws WriteRefusedException, IOException {
        List<PartitionWrite> partitions = new ArrayList<>(tables.size());
        boolean done = false;
        try {
            for (FamiliarRows table : tables) {
                partitions.add(
                        new ReceivedRows(live.prepare(table.schema(), table.key()), table.schema(), table.rows()));
            }
            WriteOperation operation =
                    new WriteOperation(request, tables.getFirst().schema().namespace(), partitions);
            done = true;
            return operation;
        } finally {
            if (!done) {
                partitions.forEach(PartitionWrite::close);
            }
        }
    }

    private <E extends Exception> WriteOperation prepare(byte[] request, DecodedWrite write, Places<E> places)
            throws InvalidWriteException, SchemaConflictException, IOException, E {
        // All schemas before any rows: a conflict in the last table costs no copying of the first.
        List<TableSchema> resolved = new ArrayList<>(write.tables().size());
        for (DecodedTable table : write.tables()) {
            resolved.add(places.resolve(write.namespace(), table));
        }
        List<PartitionWrite> partitions = new ArrayList<>();
        Deque<PartitionRows> split = new ArrayDeque<>();
        int columnsLeft = MAX_PARTITION_COLUMNS;
        boolean done = false;
        try {
            for (int i = 0; i < resolved.size(); i++) {
                TableSchema schema = resolved.get(i);
                split.addAll(splitter.split(write.tables().get(i), schema.template(), columnsLeft));
                while (!split.isEmpty()) {
                    PartitionRows rows = split.getFirst();
                    PreparedPartition place = places.prepare(schema, rows.key());
                    partitions.add(new CopiedRows(place, schema, rows.batch()));
                    split.removeFirst();
                    columnsLeft -= rows.batch().columns().size();
                }
            }
            WriteOperation operation = new WriteOperation(request, write.namespace(), partitions);
            done = true;
            return operation;
        } finally {
            if (!done) {
                partitions.forEach(PartitionWrite::close);
                split.forEach(PartitionRows::close);
            }
        }
    }
}
