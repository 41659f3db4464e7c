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
import io.sluice.ingester.sink.WriteOperation;
import io.sluice.ingester.sink.WriteOperation.CopiedRows;
import io.sluice.ingester.sink.WriteOperation.PartitionWrite;
import io.sluice.ingester.sink.WriteOperation.ReceivedRows;
import io.sluice.model.NamespaceName;
import io.sluice.model.TableSchema;
import java.io.IOException;
import java.util.ArrayList;
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

    /// As [#prepare(byte[], CatalogAccess)], of a write that may ask the catalog.
    public WriteOperation prepare(byte[] request) throws InvalidWriteException, SchemaConflictException, IOException {
        try {
            return prepare(request, CatalogAccess.FREE);
        } catch (CatalogRefusedException e) {
            throw new IllegalStateException(e); // nobody is kept from it
        }
    }

    /// The caller closes the operation or hands it on.
    ///
    /// @param catalog entered if the write needs the catalog; the caller leaves it
    /// @throws InvalidWriteException if the request is wrong in itself, or has rows of too many partitions
    /// @throws SchemaConflictException if it contradicts the catalog
    /// @throws CatalogRefusedException if it needs the catalog, and may not ask it now
    /// @throws IOException if the catalog cannot answer
    /// @throws org.apache.arrow.memory.OutOfMemoryException if there is no memory for the rows
    public WriteOperation prepare(byte[] request, CatalogAccess catalog)
            throws InvalidWriteException, SchemaConflictException, CatalogRefusedException, IOException {
        Optional<List<ReceivedRows>> received = familiar.read(request);
        if (received.isPresent()) {
            List<PartitionWrite> partitions = List.copyOf(received.get());
            prepareNodes(partitions, catalog);
            return new WriteOperation(request, partitions.getFirst().schema().namespace(), partitions);
        }
        DecodedWrite write = WriteDecoder.decode(request);
        WriteOperation operation = prepare(request, write, catalog);
        familiar.learn(write, request.length); // only what the catalog has agreed to
        return operation;
    }

    /// As [#prepare(byte[])], of a request that was decoded already.
    public WriteOperation prepare(byte[] request, DecodedWrite write)
            throws InvalidWriteException, SchemaConflictException, IOException {
        try {
            return prepare(request, write, CatalogAccess.FREE);
        } catch (CatalogRefusedException e) {
            throw new IllegalStateException(e); // nobody is kept from it
        }
    }

    private static void enter(CatalogAccess catalog) throws CatalogRefusedException {
        Optional<Refused> refusal = catalog.enter();
        if (refusal.isPresent()) {
            throw new CatalogRefusedException(refusal.get());
        }
    }

    private void prepareNodes(List<PartitionWrite> partitions, CatalogAccess catalog)
            throws CatalogRefusedException, IOException {
        for (PartitionWrite partition : partitions) {
            if (!buffer.tryPrepare(partition.schema(), partition.key())) {
                enter(catalog);
                buffer.prepare(partition.schema(), partition.key());
            }
        }
    }

    private TableSchema resolve(NamespaceName namespace, DecodedTable table, CatalogAccess catalog)
            throws SchemaConflictException, CatalogRefusedException, IOException {
        Optional<TableSchema> known = schemas.tryResolve(namespace, table);
        if (known.isPresent()) {
            return known.get();
        }
        enter(catalog);
        return schemas.resolve(namespace, table);
    }

    private WriteOperation prepare(byte[] request, DecodedWrite write, CatalogAccess catalog)
            throws InvalidWriteException, SchemaConflictException, CatalogRefusedException, IOException {
        // All schemas before any rows: a conflict in the last table costs no copying of the first.
        List<TableSchema> resolved = new ArrayList<>(write.tables().size());
        for (DecodedTable table : write.tables()) {
            resolved.add(resolve(write.namespace(), table, catalog));
        }
        List<PartitionWrite> partitions = new ArrayList<>();
        int columnsLeft = MAX_PARTITION_COLUMNS;
        boolean done = false;
        try {
            for (int i = 0; i < resolved.size(); i++) {
                TableSchema schema = resolved.get(i);
                for (PartitionRows rows : splitter.split(write.tables().get(i), schema.template(), columnsLeft)) {
                    columnsLeft -= rows.batch().columns().size();
                    partitions.add(new CopiedRows(schema, rows.key(), rows.batch()));
                }
            }
            prepareNodes(partitions, catalog);
            WriteOperation operation = new WriteOperation(request, write.namespace(), partitions);
            done = true;
            return operation;
        } finally {
            if (!done) {
                partitions.forEach(PartitionWrite::close);
            }
        }
    }
}
