package io.sluice.ingester.cli;

import io.sluice.ingester.door.DecodedWrite;
import io.sluice.ingester.door.DecodedWrite.DecodedTable;
import io.sluice.ingester.door.InvalidWriteException;
import io.sluice.ingester.door.WriteDecoder;
import io.sluice.ingester.schema.PartitionRouter;
import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionId;
import io.sluice.model.PartitionKey;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.persist.catalog.CatalogView;
import io.sluice.wal.WalInspector.EntryInfo;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Finds out what keeps a segment from being let go of: partitions with a write in it that is in no file yet. Takes
/// the entries of one segment after the other. For one thread.
final class SegmentHolders {
    private final CatalogView catalog;
    private final Map<Table, Optional<TableSchema>> schemas = new HashMap<>();
    private final Map<Progress, SequenceNumber> persistedThrough = new HashMap<>();
    /// The last write to each partition in the segment that is being read.
    private final Map<Partition, Long> lastWrites = new LinkedHashMap<>();
    private long undecodable;

    /// @param catalog stays the caller's
    SegmentHolders(CatalogView catalog) {
        this.catalog = catalog;
    }

    private record Table(NamespaceName namespace, TableName name) {}

    private record Partition(Table table, PartitionKey key) {
        @Override
        public String toString() {
            return "%s/%s/%s".formatted(table.namespace(), table.name(), key);
        }
    }

    private record Progress(IngesterId ingester, PartitionId partition) {}

    /// What holds a segment.
    ///
    /// @param partitions as `namespace/table/partition`, in the order in which the segment names them
    /// @param undecodable entries that are no writes: a start sets them aside, and they hold nothing then
    record Holders(List<String> partitions, long undecodable) {
        Holders {
            partitions = List.copyOf(partitions);
        }
    }

    /// Takes an entry of the segment that is being read.
    void add(EntryInfo entry) throws IOException {
        DecodedWrite write;
        try {
            write = WriteDecoder.decode(entry.payload());
        } catch (InvalidWriteException e) {
            undecodable++;
            return;
        }
        for (DecodedTable rows : write.tables()) {
            Table table = new Table(write.namespace(), rows.table());
            PartitionTemplate template =
                    schema(table).map(TableSchema::template).orElse(PartitionTemplate.DAILY);
            for (PartitionKey key : PartitionRouter.partitions(rows, template)) {
                note(table, key, entry.sequence());
            }
        }
    }

    private void note(Table table, PartitionKey key, long sequence) {
        lastWrites.merge(new Partition(table, key), sequence, Math::max);
    }

    /// What holds the segment whose entries were taken; the next entry is another's.
    ///
    /// @param ingester under whose name they are numbered
    Holders take(IngesterId ingester) throws IOException {
        List<String> holding = new ArrayList<>();
        for (Map.Entry<Partition, Long> last : lastWrites.entrySet()) {
            if (last.getValue() > persistedThrough(ingester, last.getKey())) {
                holding.add(last.getKey().toString());
            }
        }
        Holders holders = new Holders(holding, undecodable);
        skip();
        return holders;
    }

    /// Forgets the entries that were taken.
    void skip() {
        lastWrites.clear();
        undecodable = 0;
    }

    private long persistedThrough(IngesterId ingester, Partition partition) throws IOException {
        Optional<TableSchema> schema = schema(partition.table());
        if (schema.isEmpty()) {
            return SequenceNumber.NONE.value();
        }
        Progress progress = new Progress(ingester, new PartitionId(schema.get().tableId(), partition.key()));
        SequenceNumber known = persistedThrough.get(progress);
        if (known == null) {
            known = catalog.persistedThrough(ingester, progress.partition());
            persistedThrough.put(progress, known);
        }
        return known.value();
    }

    private Optional<TableSchema> schema(Table table) throws IOException {
        Optional<TableSchema> known = schemas.get(table);
        if (known == null) {
            known = catalog.findTable(table.namespace(), table.name());
            schemas.put(table, known);
        }
        return known;
    }
}
