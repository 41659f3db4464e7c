package io.sluice.benches;

import io.sluice.model.IngesterId;
import io.sluice.model.PartitionKey;
import io.sluice.model.SequenceNumber;
import io.sluice.model.SortKey;
import io.sluice.model.TableSchema;
import io.sluice.persist.parquet.EncodeHelpers;
import io.sluice.persist.parquet.EncodedFile;
import io.sluice.persist.parquet.FileMetadata;
import io.sluice.persist.parquet.ParquetEncoder;
import io.sluice.persist.parquet.ParquetSettings;
import io.sluice.rows.RowBatch;
import io.sluice.rows.merge.MergedRows;
import io.sluice.rows.merge.SortKeys;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.UUID;

/// Our way from frozen rows to a file: what a persist job does between the gate and the catalog.
final class SluicePersist implements AutoCloseable {
    private static final int BUFFER_BYTES = 64 << 10;

    private final TableSchema schema;
    private final List<RowBatch> batches;
    private final EncodeHelpers helpers;
    private final ParquetEncoder encoder;

    /// @param threads that encode
    SluicePersist(TableSchema schema, List<RowBatch> batches, int threads) {
        this.schema = schema;
        this.batches = batches;
        this.helpers = new EncodeHelpers(threads - 1);
        this.encoder = new ParquetEncoder(ParquetSettings.DEFAULT, helpers, System::nanoTime);
        helpers.start(Thread.ofPlatform().name("encode-", 0).factory());
    }

    /// @param sortSeconds of the time
    /// @param cpuSeconds of the whole process
    /// @param file with the time that merging and encoding took, of all threads together
    /// @param memoryBytes on the heap at once, garbage included
    record Figures(double seconds, double sortSeconds, double cpuSeconds, EncodedFile file, long memoryBytes) {
        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT,
                    "ours %.2f s (CPU %.2f; sort %.2f, merge %.2f, encode %.2f, write %.2f), %.1f MB, memory %.0f MB",
                    seconds,
                    cpuSeconds,
                    sortSeconds,
                    file.merge().toNanos() / 1e9,
                    file.encode().toNanos() / 1e9,
                    file.write().toNanos() / 1e9,
                    file.sizeBytes() / 1e6,
                    memoryBytes / 1e6);
        }
    }

    Figures write(Path file) throws IOException {
        List<MemoryPoolMXBean> heap = ManagementFactory.getMemoryPoolMXBeans().stream()
                .filter(pool -> pool.getType() == MemoryType.HEAP)
                .toList();
        System.gc();
        heap.forEach(MemoryPoolMXBean::resetPeakUsage);
        long usedBefore =
                heap.stream().mapToLong(pool -> pool.getUsage().getUsed()).sum();
        long cpuBefore = cpuNanos();
        long start = System.nanoTime();
        SortKey key = SortKeys.extend(SortKey.EMPTY, batches);
        MergedRows rows = MergedRows.of(schema, SortKeys.extend(key, batches), batches);
        long sorted = System.nanoTime();
        FileMetadata metadata = new FileMetadata(
                new IngesterId(new UUID(1, 1)),
                new SequenceNumber(1),
                new SequenceNumber(2),
                schema.namespace(),
                schema.table(),
                new PartitionKey("all"),
                key,
                Instant.EPOCH);
        EncodedFile encoded;
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), BUFFER_BYTES)) {
            encoded = encoder.encode(rows, metadata, out);
        }
        long end = System.nanoTime();
        long peak =
                heap.stream().mapToLong(pool -> pool.getPeakUsage().getUsed()).sum();
        return new Figures(
                (end - start) / 1e9,
                (sorted - start) / 1e9,
                (cpuNanos() - cpuBefore) / 1e9,
                encoded,
                peak - usedBefore);
    }

    private static long cpuNanos() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                .getProcessCpuTime();
    }

    @Override
    public void close() {
        helpers.stop();
    }
}
