package io.sluice.benches;

import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.TableSchema;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.TimeStampNanoTZVector;
import org.apache.arrow.vector.UInt8Vector;
import org.apache.arrow.vector.VarCharVector;

/// Makes the batches of a [PersistWork], one after another.
final class PersistRows {
    private static final int COPY_VALUES = 101;
    private static final double STEP = 1;
    private static final int STATES = 8;

    private final PersistWork work;
    private final TableSchema schema;
    private final int[][] tagOfSeries;
    private final BufferAllocator allocator;
    private final double[][] walks;

    /// @param tagOfSeries for each tag the number of each series' value
    PersistRows(PersistWork work, int[][] tagOfSeries, BufferAllocator allocator) {
        this.work = work;
        this.schema = work.schema();
        this.tagOfSeries = tagOfSeries;
        this.allocator = allocator;
        this.walks = new double[work.fields().size()][work.series()];
        SplittableRandom random = new SplittableRandom(work.series());
        for (double[] walk : walks) {
            for (int i = 0; i < walk.length; i++) {
                walk[i] = random.nextDouble(COPY_VALUES);
            }
        }
    }

    /// The rows `[from, to)` as a batch, whose dictionaries have the values of these rows only, as a client would
    /// send them.
    RowBatch batch(PersistWork.Arrivals arrivals, int from, int to, SplittableRandom random) {
        List<RowColumn> columns = new ArrayList<>();
        int[] keys = arrivals.keys();
        TimeStampNanoTZVector time = new TimeStampNanoTZVector("time", allocator, "UTC");
        time.allocateNew(to - from);
        long min = Long.MAX_VALUE;
        long max = Long.MIN_VALUE;
        for (int row = from; row < to; row++) {
            long timeNs = work.timeNs(keys[row]);
            time.set(row - from, timeNs);
            min = Math.min(min, timeNs);
            max = Math.max(max, timeNs);
        }
        time.setValueCount(to - from);
        columns.add(new RowColumn.Plain(ColumnSchema.TIME, time));
        for (int tag = 0; tag < tagOfSeries.length; tag++) {
            columns.add(tag(work.tags().get(tag), tagOfSeries[tag], keys, from, to));
        }
        for (int field = 0; field < walks.length; field++) {
            columns.add(field(field, arrivals, from, to, random));
        }
        return new RowBatch(columns, to - from, min, max);
    }

    private RowColumn tag(PersistWork.Tag tag, int[] ofSeries, int[] keys, int from, int to) {
        IntVector codes = new IntVector(tag.name(), allocator);
        VarCharVector dictionary = new VarCharVector(tag.name(), allocator);
        codes.allocateNew(to - from);
        dictionary.allocateNew();
        int[] known = new int[tag.distinct()];
        int count = 0;
        for (int row = from; row < to; row++) {
            int number = ofSeries[keys[row] % work.series()];
            if (known[number] == 0) {
                dictionary.setSafe(count++, tag.value(number).getBytes(StandardCharsets.UTF_8));
                known[number] = count;
            }
            codes.set(row - from, known[number] - 1);
        }
        dictionary.setValueCount(count);
        codes.setValueCount(to - from);
        return new RowColumn.Tag(ColumnSchema.tag(tag.name()), codes, dictionary);
    }

    private RowColumn field(int field, PersistWork.Arrivals arrivals, int from, int to, SplittableRandom random) {
        ColumnType type = work.fields().get(field);
        ColumnSchema column = ColumnSchema.field("f" + field, type);
        if (schema.find(column.name()).isEmpty()) {
            throw new IllegalStateException("no column " + column);
        }
        FieldVector vector = RowColumn.newVector(column, allocator);
        vector.setInitialCapacity(to - from);
        vector.allocateNew();
        double[] walk = walks[field];
        for (int row = from; row < to; row++) {
            int series = arrivals.keys()[row] % work.series();
            double value;
            if (arrivals.isCopy()[row]) {
                value = random.nextInt(COPY_VALUES);
            } else {
                value = walk[series];
                walk[series] = Math.clamp(value + STEP * random.nextGaussian(), 0, 100);
            }
            if (work.nulls() > 0 && random.nextDouble() < work.nulls()) {
                vector.setNull(row - from);
            } else {
                set(vector, row - from, value, field, random);
            }
        }
        vector.setValueCount(to - from);
        return new RowColumn.Plain(column, vector);
    }

    /// Floats of one decimal and of all, strings that are a state, or a line of text that differs in each row.
    private static void set(FieldVector vector, int row, double value, int field, SplittableRandom random) {
        switch (vector) {
            case BigIntVector integers -> integers.setSafe(row, (long) value);
            case UInt8Vector integers -> integers.setSafe(row, (long) (value * 1e6));
            case Float8Vector floats -> floats.setSafe(row, field % 2 == 0 ? Math.rint(value * 10) / 10 : value);
            case BitVector bits -> bits.setSafe(row, value > 50 ? 1 : 0);
            case VarCharVector strings ->
                strings.setSafe(
                        row,
                        (field % 2 == 0
                                        ? "state-" + (int) value / STATES
                                        : "request " + Long.toHexString(random.nextLong()) + " took " + (int) value
                                                + " ms")
                                .getBytes(StandardCharsets.UTF_8));
            default -> throw new IllegalArgumentException("no field is a " + vector.getClass());
        }
    }
}
