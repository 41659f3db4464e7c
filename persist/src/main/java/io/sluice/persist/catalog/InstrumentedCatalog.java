package io.sluice.persist.catalog;

import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.model.ColumnSchema;
import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionId;
import io.sluice.model.PartitionKey;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SequenceNumber;
import io.sluice.model.SortKey;
import io.sluice.model.TableId;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.persist.retry.Availability;
import io.sluice.persist.retry.CallMeter;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Counts and times the calls of a catalog: `sluice.catalog.call`, by `method` and `outcome` (`ok`, `conflict`,
/// `error`).
public final class InstrumentedCatalog implements Catalog {
    private final Catalog next;
    private final CallMeter calls;

    /// @param availability hears of each call whether it got an answer
    public InstrumentedCatalog(Catalog next, Availability availability, MeterRegistry meters) {
        this.next = next;
        this.calls = new CallMeter(
                "sluice.catalog.call",
                "Calls of the catalog",
                CatalogConflictException.class,
                "conflict",
                availability,
                meters);
    }

    @Override
    public List<NamespaceName> namespaces() throws IOException {
        return calls.time("namespaces", next::namespaces);
    }

    @Override
    public Optional<PartitionTemplate> findNamespace(NamespaceName namespace) throws IOException {
        return calls.time("findNamespace", () -> next.findNamespace(namespace));
    }

    @Override
    public void createNamespace(NamespaceName namespace, PartitionTemplate template) throws IOException {
        calls.time("createNamespace", () -> next.createNamespace(namespace, template));
    }

    @Override
    public List<TableSchema> tables(NamespaceName namespace) throws IOException {
        return calls.time("tables", () -> next.tables(namespace));
    }

    @Override
    public Optional<TableSchema> findTable(NamespaceName namespace, TableName table) throws IOException {
        return calls.time("findTable", () -> next.findTable(namespace, table));
    }

    @Override
    public TableSchema ensureTable(NamespaceName namespace, TableName table, List<ColumnSchema> columns, int maxColumns)
            throws IOException {
        return calls.time("ensureTable", () -> next.ensureTable(namespace, table, columns, maxColumns));
    }

    @Override
    public SortKey sortKey(TableId table) throws IOException {
        return calls.time("sortKey", () -> next.sortKey(table));
    }

    @Override
    public SortKey compareAndSetSortKey(TableId table, SortKey expected, SortKey update) throws IOException {
        return calls.time("compareAndSetSortKey", () -> next.compareAndSetSortKey(table, expected, update));
    }

    @Override
    public Registration registerIngester(IngesterId ingester) throws IOException {
        return calls.time("registerIngester", () -> next.registerIngester(ingester));
    }

    @Override
    public SequenceNumber persistedThrough(IngesterId ingester, PartitionId partition) throws IOException {
        return calls.time("persistedThrough", () -> next.persistedThrough(ingester, partition));
    }

    @Override
    public void recordFile(FileRecord file, long epoch) throws IOException {
        calls.time("recordFile", () -> next.recordFile(file, epoch));
    }

    @Override
    public List<FileRecord> files(NamespaceName namespace, TableName table) throws IOException {
        return calls.time("files", () -> next.files(namespace, table));
    }

    @Override
    public List<FileRecord> files(FileQuery query) throws IOException {
        return calls.time("files", () -> next.files(query));
    }

    @Override
    public List<PartitionSummary> partitions(
            NamespaceName namespace, TableName table, Optional<PartitionKey> after, int limit) throws IOException {
        return calls.time("partitions", () -> next.partitions(namespace, table, after, limit));
    }

    @Override
    public Set<String> objectNames() throws IOException {
        return calls.time("objectNames", next::objectNames);
    }

    @Override
    public void close() throws IOException {
        next.close();
    }
}
