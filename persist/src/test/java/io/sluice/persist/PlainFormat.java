package io.sluice.persist;

import io.sluice.model.ColumnName;
import io.sluice.model.SortKey;
import io.sluice.persist.Rows.Row;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.BigIntVector;

/// The rows of [Rows] as lines `host time value`, sorted and merged. Throws on cue. Any thread may call.
final class PlainFormat implements FileFormat {
    /// What it says that each file took.
    static final Duration MERGE = Duration.ofMillis(7);

    static final Duration ENCODE = Duration.ofMillis(11);
    static final Duration WRITE = Duration.ofMillis(5);

    private final Deque<Throwable> failures = new ArrayDeque<>();
    private final List<String> sorted = Collections.synchronizedList(new ArrayList<>());
    private boolean liesAboutSize;

    /// Makes a coming call of [#sort] throw.
    synchronized void failNext(Throwable failure) {
        failures.add(failure);
    }

    synchronized void heal() {
        failures.clear();
    }

    synchronized void lieAboutTheNextSize() {
        liesAboutSize = true;
    }

    /// Partition and last sequence number of each request that was sorted, in order.
    List<String> sorted() {
        return List.copyOf(sorted);
    }

    @Override
    public SortKey extend(SortKey key, List<RowBatch> batches) {
        var tags = new ArrayList<ColumnName>(key.tags());
        for (RowBatch batch : batches) {
            for (RowColumn column : batch.columns()) {
                if (column instanceof RowColumn.Tag tag
                        && !tags.contains(tag.schema().name())) {
                    tags.add(tag.schema().name());
                }
            }
        }
        return new SortKey(tags);
    }

    @Override
    public SortedRows sort(PersistRequest request, SortKey key) {
        sorted.add(request.key() + ":" + request.maxSequence());
        throwIfTold();
        record Key(String host, long timeNs) {}
        Map<Key, Row> merged = new LinkedHashMap<>();
        for (RowBatch batch : request.batches()) {
            var host = (RowColumn.Tag) batch.find(Rows.HOST.name()).orElseThrow();
            var value =
                    (BigIntVector) batch.find(Rows.VALUE.name()).orElseThrow().values();
            for (int i = 0; i < batch.rowCount(); i++) {
                String name = host.dictionary().getObject(host.codes().get(i)).toString();
                long timeNs = batch.time().get(i);
                merged.put(new Key(name, timeNs), new Row(name, timeNs, value.get(i)));
            }
        }
        List<Row> rows = merged.values().stream()
                .sorted(Comparator.comparing(Row::host).thenComparingLong(Row::timeNs))
                .toList();
        return new PlainRows(rows);
    }

    @Override
    public long workingMemoryBytes(PersistRequest request) {
        return request.memoryBytes();
    }

    static List<Row> decode(byte[] file) {
        return new String(file, StandardCharsets.UTF_8)
                .lines()
                .map(line -> line.split(" "))
                .map(cells -> new Row(cells[0], Long.parseLong(cells[1]), Long.parseLong(cells[2])))
                .toList();
    }

    private synchronized void throwIfTold() {
        switch (failures.poll()) {
            case null -> {}
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            case Throwable e -> throw new AssertionError("sorting throws nothing checked", e);
        }
    }

    private synchronized long reportedSize(long sizeBytes) {
        long reported = liesAboutSize ? sizeBytes + 1 : sizeBytes;
        liesAboutSize = false;
        return reported;
    }

    private final class PlainRows implements SortedRows {
        private final List<Row> rows;

        private PlainRows(List<Row> rows) {
            this.rows = rows;
        }

        @Override
        public Encoded encode(OutputStream out) throws IOException {
            long sizeBytes = 0;
            for (Row row : rows) {
                byte[] line = "%s %d %d%n"
                        .formatted(row.host(), row.timeNs(), row.value())
                        .getBytes(StandardCharsets.UTF_8);
                out.write(line);
                sizeBytes += line.length;
            }
            long min = rows.stream().mapToLong(Row::timeNs).min().orElseThrow();
            long max = rows.stream().mapToLong(Row::timeNs).max().orElseThrow();
            return new Encoded(rows.size(), reportedSize(sizeBytes), min, max, MERGE, ENCODE, WRITE);
        }

        @Override
        public void close() {}
    }
}
