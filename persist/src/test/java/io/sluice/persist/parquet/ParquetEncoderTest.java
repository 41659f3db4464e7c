package io.sluice.persist.parquet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SortKey;
import io.sluice.model.TableId;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.persist.parquet.Encoding.Made;
import io.sluice.rows.RowBatch;
import io.sluice.rows.merge.Batches;
import io.sluice.rows.merge.MergeModel;
import io.sluice.rows.merge.MergedRows;
import io.sluice.rows.merge.RandomWrites;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.math.BigInteger;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.LongStream;
import org.apache.arrow.memory.RootAllocator;
import org.apache.parquet.io.api.Binary;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Whether what is read is what was written; how files look is in `ParquetFileTest`.
class ParquetEncoderTest {
    private static final SortKey BY_HOST = new SortKey(List.of(new ColumnName("host")));
    private static final TableSchema TABLE = table(List.of(
            ColumnSchema.TIME,
            ColumnSchema.tag("host"),
            ColumnSchema.field("i", ColumnType.I64),
            ColumnSchema.field("u", ColumnType.U64),
            ColumnSchema.field("f", ColumnType.F64),
            ColumnSchema.field("b", ColumnType.BOOL),
            ColumnSchema.field("s", ColumnType.STRING)));

    @Test
    void rowsReadAreThoseOfTheModel() throws IOException {
        int rowGroups = 0;
        int rowCount = 0;
        for (long seed = 0; seed < 600; seed++) {
            var random = new Random(seed);
            var writes = RandomWrites.of(seed, 4, 60);
            var settings = new ParquetSettings(1, 1 + random.nextInt(50), 1 + random.nextInt(25));
            List<Map<String, Object>> expected = writes.merged();

            Made made = Encoding.encode(writes, settings);

            assertThat(ParquetRows.read(made.bytes())).as("seed %d", seed).isEqualTo(expected);
            assertThat(made.file().sizeBytes()).as("seed %d", seed).isEqualTo(made.bytes().length);
            assertThat(made.file().rowCount()).as("seed %d", seed).isEqualTo(expected.size());
            if (!expected.isEmpty()) {
                assertThat(made.file().minTimeNs())
                        .isEqualTo(times(expected).min().orElseThrow());
                assertThat(made.file().maxTimeNs())
                        .isEqualTo(times(expected).max().orElseThrow());
            }
            rowGroups += Math.ceilDiv(expected.size(), settings.rowGroupRows());
            rowCount += expected.size();
        }
        assertThat(rowGroups).as("row groups in all").isGreaterThan(1_200);
        assertThat(rowCount).as("rows in all").isGreaterThan(20_000);
    }

    private static LongStream times(List<Map<String, Object>> rows) {
        return rows.stream().mapToLong(row -> (Long) row.getOrDefault("time", 0L));
    }

    @Test
    void extremeValuesComeBackAsTheyWere() throws IOException {
        BigInteger aboveLong = BigInteger.ONE.shiftLeft(63);
        BigInteger greatest = BigInteger.ONE.shiftLeft(64).subtract(BigInteger.ONE);
        List<Map<String, Object>> rows = List.of(
                Map.of("time", Long.MIN_VALUE, "i", Long.MIN_VALUE, "u", BigInteger.ZERO, "f", Double.NaN, "s", ""),
                Map.of("time", -1L, "i", Long.MAX_VALUE, "u", aboveLong, "f", -0.0, "b", false, "s", "\u0000"),
                Map.of("time", 0L, "i", 0L, "u", greatest, "f", 0.0, "b", true, "s", "ü日😀"),
                Map.of("time", 1L, "f", Double.POSITIVE_INFINITY, "s", "x".repeat(100_000)),
                Map.of("time", 2L, "f", Double.NEGATIVE_INFINITY),
                Map.of("time", Long.MAX_VALUE, "f", Double.MIN_VALUE));
        Made made = Encoding.encode(TABLE, BY_HOST, ParquetSettings.DEFAULT, rows);
        assertThat(ParquetRows.read(made.bytes())).isEqualTo(rows);
        assertThat(made.file())
                .isEqualTo(new EncodedFile(
                        6,
                        made.bytes().length,
                        Long.MIN_VALUE,
                        Long.MAX_VALUE,
                        Duration.ZERO,
                        Duration.ZERO,
                        Duration.ZERO));
    }

    /// More distinct values than a dictionary takes: its writer changes to plain values in the middle of a row group.
    @Test
    void valuesThatOutgrowTheDictionaryComeBackAsTheyWere() throws IOException {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < 9_000; i++) {
            rows.add(Map.of(
                    "host",
                    "h%06d".formatted(i) + "-".repeat(200),
                    "time",
                    (long) i,
                    "s",
                    "s".repeat(200) + i,
                    "i",
                    (long) i));
        }
        Made made = Encoding.encode(TABLE, BY_HOST, new ParquetSettings(1, 7_000, 1_000), rows);
        assertThat(ParquetRows.read(made.bytes())).isEqualTo(rows);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 999, 1_000, 1_001, Integer.MAX_VALUE})
    void pagesAndRowGroupsMayHaveAnySize(int size) throws IOException {
        List<Map<String, Object>> rows = rows(1_000);
        for (int other : new int[] {1, 300, 1_000, Integer.MAX_VALUE}) {
            for (var settings : List.of(new ParquetSettings(1, size, other), new ParquetSettings(1, other, size))) {
                Made made = Encoding.encode(TABLE, BY_HOST, settings, rows);
                assertThat(ParquetRows.read(made.bytes())).as("%s", settings).isEqualTo(rows);
                try (var reader = ParquetRows.reader(made.bytes())) {
                    assertThat(reader.getRowGroups())
                            .as("%s", settings)
                            .hasSize(Math.ceilDiv(1_000, settings.rowGroupRows()));
                }
            }
        }
    }

    @Test
    void aFileHasTheSameBytesWheneverItIsMade() throws IOException {
        var settings = new ParquetSettings(3, 400, 70);
        byte[] once = Encoding.encode(TABLE, BY_HOST, settings, rows(1_000)).bytes();
        assertThat(Encoding.encode(TABLE, BY_HOST, settings, rows(1_000)).bytes())
                .isEqualTo(once);
    }

    @Test
    void namesMayHoldAnyCharacter() throws IOException {
        List<String> names = List.of("a.b", "a", "b", "with space", "\"quoted\"", "back\\slash", "ü😀", "A", "element");
        List<ColumnSchema> columns = new ArrayList<>(List.of(ColumnSchema.TIME));
        Map<String, Object> row = new HashMap<>(Map.of("time", 1L));
        for (String name : names) {
            columns.add(ColumnSchema.tag(name));
            columns.add(ColumnSchema.field(name + "!", ColumnType.I64));
            row.put(name, "tag " + name);
            row.put(name + "!", (long) name.hashCode());
        }
        var key = new SortKey(names.stream().map(ColumnName::new).toList());
        Made made = Encoding.encode(table(columns), key, ParquetSettings.DEFAULT, List.of(row));
        assertThat(ParquetRows.read(made.bytes())).containsExactly(row);
    }

    /// Cuts the way to the store at many places: never does the encoder say that all is written.
    @Test
    void aFailureToWriteIsPassedOn() throws IOException {
        var settings = new ParquetSettings(1, 40, 10);
        int sizeBytes = Encoding.encode(TABLE, BY_HOST, settings, rows(100)).bytes().length;
        for (int capacityBytes = 0; capacityBytes < sizeBytes; capacityBytes += 13) {
            var out = new FullDisk(capacityBytes);
            assertThatThrownBy(() -> Encoding.encodeTo(TABLE, BY_HOST, settings, rows(100), out))
                    .as("%d bytes", capacityBytes)
                    .isInstanceOf(IOException.class)
                    .hasMessage("disk is full");
        }
        assertThat(Encoding.encodeTo(TABLE, BY_HOST, settings, rows(100), new FullDisk(sizeBytes))
                        .sizeBytes())
                .isEqualTo(sizeBytes);
    }

    @Test
    void theStreamStaysOpen() throws IOException {
        var out = new ByteArrayOutputStream() {
            private boolean isClosed;

            @Override
            public void close() {
                isClosed = true;
            }
        };
        Encoding.encodeTo(TABLE, BY_HOST, ParquetSettings.DEFAULT, rows(10), out);
        assertThat(out.isClosed).isFalse();
    }

    /// Many columns and few rows are usual in a young partition. Counts what is allocated; what is held is less.
    @Test
    void manyColumnsOfOneRowTakeLittleMemory() throws IOException {
        List<ColumnSchema> columns = new ArrayList<>(List.of(ColumnSchema.TIME));
        Map<String, Object> row = new HashMap<>(Map.of("time", 1L));
        for (int i = 0; i < 1_000; i++) {
            columns.add(ColumnSchema.field("f" + i, i % 2 == 0 ? ColumnType.F64 : ColumnType.STRING));
            row.put("f" + i, i % 2 == 0 ? (Object) 1.5 : "text");
        }
        // Once before: classes that are loaded are counted too, and many times what a column takes.
        Encoding.encode(table(columns), SortKey.EMPTY, ParquetSettings.DEFAULT, List.of(row));
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        Made made = Encoding.encode(table(columns), SortKey.EMPTY, ParquetSettings.DEFAULT, List.of(row));
        long allocatedBytes = threads.getCurrentThreadAllocatedBytes() - before;
        assertThat(ParquetRows.read(made.bytes())).containsExactly(row);
        assertThat(allocatedBytes).isLessThan(64 << 20);
    }

    /// One column is in memory at a time, and a row group's pages: so all that is allocated is less than the values.
    @Test
    void aFileTakesLessMemoryThanItsValues() throws IOException {
        List<ColumnSchema> columns = new ArrayList<>(List.of(ColumnSchema.TIME));
        for (int i = 0; i < 40; i++) {
            columns.add(ColumnSchema.field("f" + i, ColumnType.I64));
        }
        var random = new Random(1);
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int row = 0; row < 10_000; row++) {
            Map<String, Object> values = new HashMap<>(Map.of("time", (long) row));
            for (int i = 0; i < 40; i++) {
                values.put("f" + i, (long) random.nextInt(100));
            }
            rows.add(values);
        }
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (var allocator = new RootAllocator();
                var batch = Batches.batch(allocator, columns, rows, random)) {
            var out = new ByteArrayOutputStream(8 << 20);
            long before = threads.getCurrentThreadAllocatedBytes();
            MergedRows merged = MergedRows.of(table(columns), SortKey.EMPTY, List.of(batch));
            EncodedFile file = new ParquetEncoder(new ParquetSettings(1, 5_000, 2_500), EncodeHelpers.NONE, () -> 0)
                    .encode(merged, Encoding.metadata(SortKey.EMPTY), out);
            long allocatedBytes = threads.getCurrentThreadAllocatedBytes() - before;
            assertThat(file.rowCount()).isEqualTo(10_000);
            assertThat(allocatedBytes).isLessThan(40L * 10_000 * Long.BYTES);
        }
    }

    /// Columns are encoded by several threads, and the file is the same.
    @Test
    void helpersChangeNothing() throws IOException {
        var helpers = new EncodeHelpers(3);
        helpers.start(Thread.ofPlatform().name("helper-", 0).factory());
        for (long seed = 0; seed < 100; seed++) {
            var writes = RandomWrites.of(seed, 4, 200);
            var settings = new ParquetSettings(1, 60, 17);
            byte[] alone = Encoding.encode(writes, settings).bytes();
            try (var allocator = new RootAllocator()) {
                List<RowBatch> batches = writes.batches(allocator);
                var out = new ByteArrayOutputStream();
                EncodedFile file = new ParquetEncoder(settings, helpers, () -> 0)
                        .encode(
                                MergedRows.of(writes.schema(), writes.sortKey(), batches),
                                Encoding.metadata(writes.sortKey()),
                                out);
                assertThat(out.toByteArray()).as("seed %d", seed).isEqualTo(alone);
                assertThat(file.sizeBytes()).isEqualTo(alone.length);
                batches.forEach(RowBatch::close);
            }
        }
        helpers.stop();
    }

    /// Encodings that random rows seldom bring about: floats of all digits, even steps, long texts without repetition.
    @Test
    void valuesOfAllShapesComeBackAsTheyWere() throws IOException {
        for (long seed = 0; seed < 12; seed++) {
            var random = new Random(seed);
            List<Map<String, Object>> rows = new ArrayList<>();
            int shape = (int) seed % 6;
            for (int i = 0; i < 6_000; i++) {
                Map<String, Object> row = new HashMap<>(Map.of("time", 1_000L * i));
                if (random.nextInt(10) >= shape) {
                    row.put("i", number(shape, i, random));
                    row.put("u", BigInteger.valueOf(number(shape, i, random)).and(BigInteger.valueOf(Long.MAX_VALUE)));
                    row.put("f", shape % 2 == 0 ? random.nextGaussian() : random.nextInt(50) / 10.0);
                    row.put("b", random.nextInt(100) < 20 * shape);
                    row.put("s", shape < 3 ? "text " + random.nextLong() : "state " + random.nextInt(9));
                }
                rows.add(row);
            }
            Made made = Encoding.encode(TABLE, BY_HOST, new ParquetSettings(1, 2_500, 1_000), rows);
            assertThat(ParquetRows.read(made.bytes())).as("seed %d", seed).isEqualTo(rows);
        }
    }

    private static long number(int shape, int row, Random random) {
        return switch (shape) {
            case 0 -> random.nextLong();
            case 1 -> 7L * row;
            case 2 -> random.nextInt(100);
            case 3 -> (long) random.nextInt(40) << 50;
            case 4 -> Long.MIN_VALUE + random.nextInt(3);
            default -> 1_000_000_000L * row + random.nextInt(1_000);
        };
    }

    /// A reader that looks for one of many values of a tag need not read the others' row groups.
    @Test
    void aTagOfManyValuesHasABloomFilterThatKnowsThemAll() throws IOException {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < 2 * TagChunk.BLOOM_VALUES; i++) {
            rows.add(Map.of("time", (long) i, "host", "host%04d".formatted(i)));
        }
        Made made = Encoding.encode(TABLE, BY_HOST, new ParquetSettings(1, TagChunk.BLOOM_VALUES, 100), rows);
        try (var reader = ParquetRows.reader(made.bytes())) {
            for (int group = 0; group < 2; group++) {
                var filter = reader.getBloomFilterDataReader(
                                reader.getRowGroups().get(group))
                        .readBloomFilter(
                                reader.getRowGroups().get(group).getColumns().getFirst());
                int found = 0;
                for (int i = 0; i < rows.size(); i++) {
                    var value = Binary.fromString("host%04d".formatted(i));
                    boolean isInGroup = i / TagChunk.BLOOM_VALUES == group;
                    boolean mayBe = filter.findHash(filter.hash(value));
                    assertThat(mayBe || !isInGroup)
                            .as("row %d, group %d", i, group)
                            .isTrue();
                    found += mayBe ? 1 : 0;
                }
                assertThat(found).isLessThan(TagChunk.BLOOM_VALUES + 30);
            }
        }
        assertThat(ParquetRows.read(made.bytes())).isEqualTo(rows);
    }

    /// A page of texts ends early when they are many bytes; other columns' pages do not.
    @Test
    void longTextsEndTheirPage() throws IOException {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            rows.add(Map.of("time", (long) i, "s", i + "x".repeat(1 << 20)));
        }
        Made made = Encoding.encode(TABLE, SortKey.EMPTY, new ParquetSettings(1, 100, 100), rows);
        assertThat(ParquetRows.read(made.bytes())).isEqualTo(rows);
        try (var reader = ParquetRows.reader(made.bytes())) {
            var columns = reader.getRowGroups().getFirst().getColumns();
            assertThat(reader.readOffsetIndex(columns.get(0)).getPageCount()).isOne();
            assertThat(reader.readOffsetIndex(columns.get(1)).getPageCount()).isEqualTo(5);
        }
    }

    private static TableSchema table(List<ColumnSchema> columns) {
        return new TableSchema(
                new NamespaceName("metrics"), new TableName("cpu"), new TableId(1), PartitionTemplate.DAILY, columns);
    }

    /// Rows in order, some of whose columns are null.
    private static List<Map<String, Object>> rows(int count) {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Map<String, Object> row = new HashMap<>();
            row.put("time", (long) i);
            row.put("i", i * 31L);
            if (i >= 5) {
                row.put("host", "host" + i / 100);
            }
            if (i % 3 != 0) {
                row.put("f", i / 7.0);
                row.put("s", "text " + i % 11);
            }
            if (i % 5 == 0) {
                row.put("b", i % 2 == 0);
            }
            rows.add(row);
        }
        rows.sort(MergeModel.order(BY_HOST));
        return Collections.unmodifiableList(rows);
    }

    private static final class FullDisk extends OutputStream {
        private long freeBytes;

        FullDisk(long capacityBytes) {
            freeBytes = capacityBytes;
        }

        @Override
        public void write(int value) throws IOException {
            take(1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            take(length);
        }

        private void take(int bytes) throws IOException {
            if (freeBytes < bytes) {
                throw new IOException("disk is full");
            }
            freeBytes -= bytes;
        }
    }
}
