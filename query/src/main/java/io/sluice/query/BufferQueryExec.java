package io.sluice.query;

import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.TableSchema;
import io.sluice.model.TagPart;
import io.sluice.query.QuerySource.Partition;
import io.sluice.query.QuerySource.TableScan;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.types.pojo.Schema;

/// Answers queries from a [QuerySource]: checks them against the table's schema and leaves out partitions whose key
/// says that they have no row in the time range, or none with the tags' values that are asked for.
public final class BufferQueryExec implements QueryExec {
    private final QuerySource source;
    private final BatchLimits limits;
    private final DictionaryBounds bounds;
    private final BufferAllocator allocator;
    private final ChunkSelector.Counts counts;

    /// @param allocator of what is being sent
    public BufferQueryExec(QuerySource source, BufferAllocator allocator, MeterRegistry metrics) {
        this(source, BatchLimits.STANDARD, DictionaryBounds.STANDARD, allocator, metrics);
    }

    BufferQueryExec(
            QuerySource source,
            BatchLimits limits,
            DictionaryBounds bounds,
            BufferAllocator allocator,
            MeterRegistry metrics) {
        this.source = source;
        this.limits = limits;
        this.bounds = bounds;
        this.allocator = allocator;
        this.counts = new ChunkSelector.Counts(metrics);
    }

    @Override
    public QueryStream execute(QueryRequest request) throws InvalidQueryException, TableNotFoundException {
        TableScan scan = scan(request);
        List<ColumnSchema> columns = columns(request, scan.schema());
        checkPredicates(request, scan.schema());
        List<Partition> partitions = new ArrayList<>();
        for (Partition partition : scan.partitions()) {
            if (!isInTime(partition, scan.schema(), request)) {
                counts.prunedPartitions.increment();
            } else if (!mayMatch(partition, scan.schema(), request)) {
                counts.partitionsPrunedByTag.increment();
            } else {
                partitions.add(partition);
            }
        }
        DictionaryBounds applied = request.keepsDictionaries() ? DictionaryBounds.NONE : bounds;
        return new PartitionStream(request, scan, columns, partitions, counts, limits, applied, allocator);
    }

    @Override
    public Schema schema(QueryRequest request) throws InvalidQueryException, TableNotFoundException {
        TableScan scan = scan(request);
        checkPredicates(request, scan.schema());
        return WireSchema.message(columns(request, scan.schema()), Set.of());
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

    private static boolean isInTime(Partition partition, TableSchema schema, QueryRequest request) {
        boolean isOpen = request.endNs() == Long.MAX_VALUE;
        return (isOpen || schema.template().startNs(partition.key()) < request.endNs())
                && schema.template().endNs(partition.key()) > request.startNs();
    }

    /// Whether the values of tags that the partition's key tells of leave it possible that a row matches.
    private static boolean mayMatch(Partition partition, TableSchema schema, QueryRequest request) {
        List<ColumnName> tags = schema.template().tags();
        if (tags.isEmpty() || request.predicates().isEmpty()) {
            return true;
        }
        List<TagPart> parts = schema.template().tagParts(partition.key());
        for (TagPredicate predicate : request.predicates()) {
            int part = tags.indexOf(predicate.column());
            if (part >= 0 && !mayMatch(predicate, parts.get(part))) {
                return false;
            }
        }
        return true;
    }

    /// Whether rows of which the key says this fulfil the predicate: all of them do, or none does, but for a long
    /// value, which no expression can be tried on.
    private static boolean mayMatch(TagPredicate predicate, TagPart part) {
        boolean holds = switch (predicate) {
            case TagPredicate.OneOf oneOf ->
                switch (part) {
                    case TagPart.Missing() -> false;
                    case TagPart.Exact(String value) -> oneOf.values().contains(value);
                    case TagPart.Shortened cut ->
                        oneOf.values().stream().anyMatch(value -> cut.holds(Optional.of(value)));
                };
            case TagPredicate.Matching matching ->
                switch (part) {
                    case TagPart.Missing() -> false;
                    case TagPart.Exact(String value) ->
                        matching.pattern().matcher(value).find();
                    case TagPart.Shortened _ -> !matching.isNegated();
                };
        };
        return holds != predicate.isNegated();
    }
}
