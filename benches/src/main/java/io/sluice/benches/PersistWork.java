package io.sluice.benches;

import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.TableId;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.rows.RowBatch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.apache.arrow.memory.BufferAllocator;

/// Rows of one partition that are to be persisted, from a seed: series that each have one row for each tick, in the
/// order of the ticks, some of them written again one to five ticks later. A field is a walk between 0 and 100.
///
/// @param ticks of 10 s
/// @param copies rows that are written again
/// @param nulls share of fields' values that are null
/// @param isSorted whether rows come in the order of their tags and times instead
record PersistWork(
        String name,
        int series,
        int ticks,
        int copies,
        List<Tag> tags,
        List<ColumnType> fields,
        double nulls,
        boolean isSorted) {
    private static final int BATCH_ROWS = 1 << 16;
    private static final long START_NS = 1_451_606_400_000_000_000L;
    private static final long TICK_NS = 10_000_000_000L;
    private static final int LATEST_COPY = 6;
    private static final long SEED = 20_261_121;

    /// A tag's values, and which one a series has.
    ///
    /// @param distinct how many values there are
    /// @param prefix before a value's number
    record Tag(String name, String prefix, int distinct, IntUnaryOperator ofSeries) {
        String value(int number) {
            return prefix + number;
        }

        static Tag scattered(String name, String prefix, int distinct) {
            int salt = name.hashCode();
            return new Tag(name, prefix, distinct, series ->
                    (int) Long.remainderUnsigned(new SplittableRandom(salt * 31L + series).nextLong(), distinct));
        }

        static Tag each(String name, String prefix, int distinct) {
            return new Tag(name, prefix, distinct, series -> series);
        }
    }

    /// TSBS's cpu-only table: 10 tags, 10 integer fields.
    static PersistWork cpu(String name, int series, int ticks, int copies) {
        List<Tag> tags = List.of(
                Tag.each("hostname", "host_", series),
                Tag.scattered("region", "eu-west-", 9),
                Tag.scattered("datacenter", "eu-central-1", 25),
                Tag.scattered("rack", "", 100),
                Tag.scattered("os", "Ubuntu16.", 3),
                Tag.scattered("arch", "x", 2),
                Tag.scattered("team", "T", 4),
                Tag.scattered("service", "", 20),
                Tag.scattered("service_version", "", 2),
                Tag.scattered("service_environment", "env", 3));
        return new PersistWork(
                name,
                series,
                ticks,
                copies,
                tags,
                IntStream.range(0, 10).mapToObj(_ -> ColumnType.I64).toList(),
                0,
                false);
    }

    /// Three tags and these fields.
    static PersistWork plain(String name, int series, int ticks, int copies, List<ColumnType> fields) {
        List<Tag> tags = List.of(
                Tag.each("hostname", "host_", series),
                Tag.scattered("region", "eu-west-", 9),
                Tag.scattered("service", "", 20));
        return new PersistWork(name, series, ticks, copies, tags, fields, 0, false);
    }

    PersistWork withNulls(double share) {
        return new PersistWork(name, series, ticks, copies, tags, fields, share, isSorted);
    }

    PersistWork sorted() {
        return new PersistWork(name, series, ticks, copies, tags, fields, nulls, true);
    }

    int rows() {
        return series * ticks + copies;
    }

    TableSchema schema() {
        List<ColumnSchema> columns = new ArrayList<>();
        columns.add(ColumnSchema.TIME);
        tags.forEach(tag -> columns.add(ColumnSchema.tag(tag.name())));
        for (int i = 0; i < fields.size(); i++) {
            columns.add(ColumnSchema.field("f" + i, fields.get(i)));
        }
        return new TableSchema(
                new NamespaceName("bench"), new TableName("persist"), new TableId(1), PartitionTemplate.DAILY, columns);
    }

    /// The rows, which the caller closes.
    List<RowBatch> batches(BufferAllocator allocator) {
        int[][] values = new int[tags.size()][];
        for (int tag = 0; tag < values.length; tag++) {
            values[tag] =
                    IntStream.range(0, series).map(tags.get(tag).ofSeries()).toArray();
        }
        SplittableRandom random = new SplittableRandom(SEED);
        List<RowBatch> batches = new ArrayList<>();
        PersistRows rows = new PersistRows(this, values, allocator);
        Arrivals arrivals = isSorted ? inOrder(values) : byTick(random.split());
        for (int at = 0; at < rows(); at += BATCH_ROWS) {
            batches.add(rows.batch(arrivals, at, Math.min(rows(), at + BATCH_ROWS), random));
        }
        return batches;
    }

    /// For each row its series and tick, and whether it is a copy.
    ///
    /// @param keys tick * series + number of the series
    record Arrivals(int[] keys, boolean[] isCopy) {}

    private Arrivals byTick(SplittableRandom random) {
        int originals = series * ticks;
        long[] placed = new long[copies];
        int candidates = originals - LATEST_COPY * series;
        int chosen = 0;
        for (int key = 0; key < candidates && chosen < copies; key++) {
            if (random.nextInt(candidates - key) < copies - chosen) {
                long place = key + (long) random.nextInt(1, LATEST_COPY) * series;
                placed[chosen++] = place << 32 | key;
            }
        }
        Arrays.sort(placed);
        int[] keys = new int[rows()];
        boolean[] isCopy = new boolean[rows()];
        int at = 0;
        int copy = 0;
        for (int key = 0; key < originals; key++) {
            keys[at++] = key;
            while (copy < copies && placed[copy] >>> 32 == key) {
                isCopy[at] = true;
                keys[at++] = (int) placed[copy++];
            }
        }
        return new Arrivals(keys, isCopy);
    }

    /// Series after series, in the order of the tags with few values first.
    private Arrivals inOrder(int[][] values) {
        List<Integer> byDistinct = IntStream.range(0, tags.size())
                .boxed()
                .sorted(Comparator.<Integer>comparingInt(tag -> tags.get(tag).distinct())
                        .thenComparing(tag -> new ColumnName(tags.get(tag).name())))
                .toList();
        Comparator<Integer> order = (_, _) -> 0;
        for (int tag : byDistinct) {
            order = order.thenComparing(number -> tags.get(tag).value(values[tag][number]));
        }
        List<Integer> sorted = IntStream.range(0, series).boxed().sorted(order).toList();
        int[] keys = new int[rows()];
        int at = 0;
        for (int number : sorted) {
            for (int tick = 0; tick < ticks; tick++) {
                keys[at++] = tick * series + number;
            }
        }
        return new Arrivals(keys, new boolean[rows()]);
    }

    /// The timestamp of a key.
    long timeNs(int key) {
        return START_NS + key / series * TICK_NS;
    }
}
