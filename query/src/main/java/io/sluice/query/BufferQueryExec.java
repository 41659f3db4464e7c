package io.sluice.query;

import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.TableSchema;
import io.sluice.query.QuerySource.Partition;
import io.sluice.query.QuerySource.TableScan;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.types.pojo.Schema;

/// Answers queries from a [QuerySource]: checks them against the table's schema and leaves out partitions whose key
/// says that they have no row in the time range.
public final class BufferQueryExec implements QueryExec {
    private final QuerySource source;
    private final BatchLimits limits;
    private final BufferAllocator allocator;
    private final ChunkSelector.Counts counts;

    /// @param allocator of what is being sent
    public BufferQueryExec(QuerySource source, BufferAllocator allocator, MeterRegistry metrics) {
        this(source, BatchLimits.STANDARD, allocator, metrics);
    }

    BufferQueryExec(QuerySource source, BatchLimits limits, BufferAllocator allocator, MeterRegistry metrics) {
        this.source = source;
        this.limits = limits;
        this.allocator = allocator;
        this.counts = new ChunkSelector.Counts(metrics);
    }

    @Override
    public QueryStream execute(QueryRequest request) throws InvalidQueryException, TableNotFoundException {
        TableScan scan = scan(request);
        List<ColumnSchema> columns = columns(request, scan.schema());
        checkPredicates(request, scan.schema());
        List<Partition> partitions = scan.partitions().stream()
                .filter(partition -> mayMatch(partition, scan.schema(), request))
                .toList();
        counts.prunedPartitions.increment(scan.partitions().size() - partitions.size());
        return new PartitionStream(request, scan, columns, partitions, counts, limits, allocator);
    }

    @Override
    public Schema schema(QueryRequest request) throws InvalidQueryException, TableNotFoundException {
        TableScan scan = scan(request);
        checkPredicates(request, scan.schema());
        return WireSchema.message(columns(request, scan.schema()));
    }

    private TableScan scan(QueryRequest request) throws TableNotFoundException {
        return source.scan(request.namespace(), request.table())
                .orElseThrow(() -> new TableNotFoundException(request.namespace(), request.table()));
    }

    private static List<ColumnSchema> columns(QueryRequest request, TableSchema schema) throws InvalidQueryException {
        if (request.columns().isEmpty()) {
            return schema.columns();
        }
        List<ColumnSchema> columns = new ArrayList<>();
        for (ColumnName name : request.columns()) {
            columns.add(find(schema, name));
        }
        return columns;
    }

    private static ColumnSchema find(TableSchema schema, ColumnName name) throws InvalidQueryException {
        return schema.find(name)
                .orElseThrow(() -> new InvalidQueryException("table '%s' in namespace '%s' has no column '%s'"
                        .formatted(schema.table(), schema.namespace(), name)));
    }

    private static void checkPredicates(QueryRequest request, TableSchema schema) throws InvalidQueryException {
        for (TagPredicate predicate : request.predicates()) {
            ColumnSchema column = find(schema, predicate.column());
            if (column.kind() != ColumnKind.TAG) {
                throw new InvalidQueryException("predicate on column '%s', which is a %s: expected a TAG"
                        .formatted(column.name(), column.describe()));
            }
        }
    }

    private static boolean mayMatch(Partition partition, TableSchema schema, QueryRequest request) {
        boolean isOpen = request.endNs() == Long.MAX_VALUE;
        return (isOpen || schema.template().startNs(partition.key()) < request.endNs())
                && schema.template().endNs(partition.key()) > request.startNs();
    }
}
