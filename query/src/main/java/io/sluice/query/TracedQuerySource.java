package io.sluice.query;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.Tracer;
import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionKey;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.rows.RowBatch;
import io.sluice.rows.TimeRange;
import java.util.List;
import java.util.Optional;

/// Makes an OpenTelemetry span of each look at a partition, below that of its query.
public final class TracedQuerySource implements QuerySource {
    static final String SPAN = "partition";
    static final AttributeKey<String> PARTITION = AttributeKey.stringKey("sluice.partition");

    private final QuerySource next;
    private final Tracer tracer;

    public TracedQuerySource(QuerySource next, Tracer tracer) {
        this.next = next;
        this.tracer = tracer;
    }

    @Override
    public Optional<TableScan> scan(NamespaceName namespace, TableName table) {
        return next.scan(namespace, table).map(TracedScan::new);
    }

    @Override
    public List<TableSchema> tables() {
        return next.tables();
    }

    private final class TracedScan implements TableScan {
        private final TableScan scan;
        private final List<Partition> partitions;

        TracedScan(TableScan scan) {
            this.scan = scan;
            this.partitions = scan.partitions().stream()
                    .<Partition>map(TracedPartition::new)
                    .toList();
        }

        @Override
        public TableSchema schema() {
            return scan.schema();
        }

        @Override
        public IngesterId ingester() {
            return scan.ingester();
        }

        @Override
        public SequenceNumber asOf() {
            return scan.asOf();
        }

        @Override
        public List<Partition> partitions() {
            return partitions;
        }
    }

    private final class TracedPartition implements Partition {
        private final Partition partition;

        TracedPartition(Partition partition) {
            this.partition = partition;
        }

        @Override
        public PartitionKey key() {
            return partition.key();
        }

        @Override
        public PartitionRows read(TimeRange times) {
            Span span = tracer.spanBuilder(SPAN)
                    .setAttribute(PARTITION, partition.key().value())
                    .startSpan();
            try {
                PartitionRows rows = partition.read(times);
                span.setAttribute(
                        TracedQueryExec.ROWS,
                        rows.batches().stream().mapToLong(RowBatch::rowCount).sum());
                return rows;
            } catch (RuntimeException e) {
                TracedQueryExec.failed(span, e);
                throw e;
            } finally {
                span.end();
            }
        }
    }
}
