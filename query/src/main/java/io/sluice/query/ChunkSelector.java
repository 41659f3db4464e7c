package io.sluice.query;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.rows.RowBatch;

/// Selects the rows of chunks, and counts how many chunks had none. For one thread.
final class ChunkSelector {
    private final RowFilter filter;
    private final Counts counts;

    ChunkSelector(RowFilter filter, Counts counts) {
        this.filter = filter;
        this.counts = counts;
    }

    Selection select(RowBatch chunk) {
        Selection selection = filter.select(chunk);
        (selection.count() == 0 ? counts.prunedChunks : counts.readChunks).increment();
        return selection;
    }

    /// What queries looked at and what they could leave alone. Any thread may count.
    static final class Counts {
        final Counter readPartitions;
        final Counter prunedPartitions;
        final Counter partitionsPrunedByTag;
        final Counter plainColumns;
        final Counter prunedChunks;
        private final Counter readChunks;

        Counts(MeterRegistry metrics) {
            this.readPartitions = partitions(metrics, "read");
            this.prunedPartitions = partitions(metrics, "pruned");
            this.partitionsPrunedByTag = partitions(metrics, "pruned_by_tag");
            this.plainColumns = Counter.builder("sluice.query.plain.columns")
                    .description(
                            "Tags that streams sent as plain strings, as they had too many values for a dictionary")
                    .register(metrics);
            this.readChunks = chunks(metrics, "read");
            this.prunedChunks = chunks(metrics, "pruned");
        }

        private static Counter partitions(MeterRegistry metrics, String result) {
            return Counter.builder("sluice.query.partitions")
                    .description("Partitions that queries read, or left out because of their keys' time or tags")
                    .tag("result", result)
                    .register(metrics);
        }

        private static Counter chunks(MeterRegistry metrics, String result) {
            return Counter.builder("sluice.query.chunks")
                    .description("Chunks that queries sent rows of, or that had no rows for them")
                    .tag("result", result)
                    .register(metrics);
        }
    }
}
