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
import io.sluice.rows.merge.MergeModel;
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
