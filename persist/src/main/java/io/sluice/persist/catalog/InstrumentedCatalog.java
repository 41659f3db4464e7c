package io.sluice.persist.catalog;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
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
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Counts and times the calls of a catalog: `sluice.catalog.call`, by `method` and `outcome` (`ok`, `conflict`,
/// `error`).
public final class InstrumentedCatalog implements Catalog {
    private final Catalog next;
    private final Availability availability;
    private final MeterRegistry meters;

    /// @param availability hears of each call whether it got an answer
    public InstrumentedCatalog(Catalog next, Availability availability, MeterRegistry meters) {
        this.next = next;
        this.availability = availability;
        this.meters = meters;
    }

    @Override
    public List<NamespaceName> namespaces() throws IOException {
        return time("namespaces", next::namespaces);
    }

    @Override
    public Optional<PartitionTemplate> findNamespace(NamespaceName namespace) throws IOException {
        return time("findNamespace", () -> next.findNamespace(namespace));
    }

    @Override
    public void createNamespace(NamespaceName namespace, PartitionTemplate template) throws IOException {
        time("createNamespace", () -> {
            next.createNamespace(namespace, template);
            return true;
        });
    }

    @Override
    public List<TableSchema> tables(NamespaceName namespace) throws IOException {
        return time("tables", () -> next.tables(namespace));
    }

    @Override
    public Optional<TableSchema> findTable(NamespaceName namespace, TableName table) throws IOException {
        return time("findTable", () -> next.findTable(namespace, table));
    }

    @Override
    public TableSchema ensureTable(NamespaceName namespace, TableName table, List<ColumnSchema> columns, int maxColumns)
            throws IOException {
        return time("ensureTable", () -> next.ensureTable(namespace, table, columns, maxColumns));
    }

    @Override
    public SortKey sortKey(TableId table) throws IOException {
        return time("sortKey", () -> next.sortKey(table));
    }

    @Override
    public SortKey compareAndSetSortKey(TableId table, SortKey expected, SortKey update) throws IOException {
        return time("compareAndSetSortKey", () -> next.compareAndSetSortKey(table, expected, update));
    }

    @Override
    public Registration registerIngester(IngesterId ingester) throws IOException {
        return time("registerIngester", () -> next.registerIngester(ingester));
    }

    @Override
    public SequenceNumber persistedThrough(IngesterId ingester, PartitionId partition) throws IOException {
        return time("persistedThrough", () -> next.persistedThrough(ingester, partition));
    }

    @Override
    public void recordFile(FileRecord file, long epoch) throws IOException {
        time("recordFile", () -> {
            next.recordFile(file, epoch);
            return true;
        });
    }

    @Override
    public List<FileRecord> files(NamespaceName namespace, TableName table) throws IOException {
        return time("files", () -> next.files(namespace, table));
    }

    @Override
    public List<FileRecord> files(FileQuery query) throws IOException {
        return time("files", () -> next.files(query));
    }

    @Override
    public List<PartitionSummary> partitions(
            NamespaceName namespace, TableName table, Optional<PartitionKey> after, int limit) throws IOException {
        return time("partitions", () -> next.partitions(namespace, table, after, limit));
    }

    @Override
    public Set<String> objectNames() throws IOException {
        return time("objectNames", next::objectNames);
    }

    @Override
    public void close() throws IOException {
        next.close();
    }

    @FunctionalInterface
    private interface Call<T> {
        T run() throws IOException;
    }

    private <T> T time(String method, Call<T> call) throws IOException {
        Timer.Sample sample = Timer.start(meters);
        String outcome = "error";
        try {
            T result = call.run();
            outcome = "ok";
            availability.succeeded();
            return result;
        } catch (CatalogConflictException e) {
            outcome = "conflict";
            availability.succeeded();
            throw e;
        } catch (IOException e) {
            availability.failed(e);
            throw e;
        } finally {
            sample.stop(Timer.builder("sluice.catalog.call")
                    .description("Calls of the catalog")
                    .tag("method", method)
                    .tag("outcome", outcome)
                    .register(meters));
        }
    }
}
