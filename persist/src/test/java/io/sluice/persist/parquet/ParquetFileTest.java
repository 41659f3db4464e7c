package io.sluice.persist.parquet;

import static org.assertj.core.api.Assertions.assertThat;

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
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.parquet.column.statistics.Statistics;
import org.apache.parquet.format.ColumnChunk;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.SortingColumn;
import org.apache.parquet.format.Util;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.internal.column.columnindex.ColumnIndex;
import org.apache.parquet.internal.column.columnindex.OffsetIndex;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.schema.MessageTypeParser;
import org.junit.jupiter.api.Test;

/// How a file looks to readers that prune and unite: schema, order, statistics, page index, metadata.
class ParquetFileTest {
    private static final TableSchema TABLE = new TableSchema(
            new NamespaceName("metrics"),
            new TableName("cpu"),
            new TableId(1),
            PartitionTemplate.DAILY,
            List.of(
                    ColumnSchema.field("s", ColumnType.STRING),
                    ColumnSchema.tag("host"),
                    ColumnSchema.field("u", ColumnType.U64),
                    ColumnSchema.TIME,
                    ColumnSchema.tag("cpu"),
                    ColumnSchema.field("b", ColumnType.BOOL),
                    ColumnSchema.field("f", ColumnType.F64),
                    ColumnSchema.field("i", ColumnType.I64)));
    private static final SortKey KEY =
            new SortKey(List.of(new ColumnName("cpu"), new ColumnName("gone"), new ColumnName("host")));

    @Test
    void schemaHasTheKeyThenTimeThenFieldsInTheirOrder() throws IOException {
        Map<String, Object> row = Map.of(
                "host", "a", "cpu", "0", "time", 1L, "s", "x", "u", BigInteger.ONE, "b", true, "f", 1.0, "i", 1L);
        try (var reader = reader(List.of(row))) {
            assertThat(reader.getFileMetaData().getSchema()).isEqualTo(MessageTypeParser.parseMessageType("""
                            message sluice {
                              optional binary cpu (STRING) = 5;
                              optional binary host (STRING) = 2;
                              required int64 time (TIMESTAMP(NANOS,true)) = 4;
                              optional binary s (STRING) = 1;
                              optional int64 u (INTEGER(64,false)) = 3;
                              optional boolean b = 6;
                              optional double f = 7;
                              optional int64 i = 8;
                            }
                            """));
        }
    }

    @Test
    void columnsWithoutValuesAreLeftOutAndTheOthersKeepTheirIds() throws IOException {
        List<Map<String, Object>> rows = List.of(Map.of("time", 1L, "host", "a"), Map.of("time", 1L, "i", 2L));
        try (var reader = reader(rows)) {
            assertThat(reader.getFileMetaData().getSchema()).isEqualTo(MessageTypeParser.parseMessageType("""
                            message sluice {
                              optional binary host (STRING) = 2;
                              required int64 time (TIMESTAMP(NANOS,true)) = 4;
                              optional int64 i = 8;
                            }
                            """));
        }
    }

    @Test
    void eachRowGroupSaysByWhichColumnsItIsSorted() throws IOException {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            rows.add(Map.of("time", (long) i, "host", "a", "cpu", "0", "i", 1L));
        }
        assertThat(footer(made(rows, 4, 2)).getRow_groups())
                .hasSize(3)
                .allSatisfy(group ->
                        assertThat(group.getSorting_columns()).containsExactly(sortedBy(0), sortedBy(1), sortedBy(2)));
        // The key's other tags are null in all rows, so the order is that of those that are there.
        assertThat(footer(made(List.of(Map.of("time", 1L, "host", "a", "s", "x")), 4, 2))
                        .getRow_groups())
                .singleElement()
                .satisfies(group -> assertThat(group.getSorting_columns()).containsExactly(sortedBy(0), sortedBy(1)));
        assertThat(footer(made(List.of(Map.of("time", 1L, "s", "x")), 4, 2)).getRow_groups())
                .singleElement()
                .satisfies(group -> assertThat(group.getSorting_columns()).containsExactly(sortedBy(0)));
    }

    private static SortingColumn sortedBy(int column) {
        return new SortingColumn(column, false, true);
    }

    @Test
    void statisticsOfARowGroupBoundItsValues() throws IOException {
        BigInteger aboveLong = BigInteger.ONE.shiftLeft(63).add(BigInteger.TEN);
        List<Map<String, Object>> rows = List.of(
                Map.of("host", "Z", "time", -5L, "i", Long.MIN_VALUE, "u", aboveLong, "f", -1.5, "b", true, "s", "é"),
                Map.of("host", "a", "time", 5L, "i", 3L, "u", BigInteger.TWO, "f", 2.5, "b", false, "s", "z"),
                Map.of("host", "😀", "time", 7L, "f", 1.0),
                Map.of("host", "😀", "time", 8L, "i", 4L));
        try (var reader = reader(rows, 3, 3)) {
            Map<String, Statistics<?>> first = statistics(reader, 0);
            assertThat(bounds(first, "host")).containsExactly("Z", "😀", 0L);
            assertThat(bounds(first, "time")).containsExactly(-5L, 7L, 0L);
            assertThat(bounds(first, "i")).containsExactly(Long.MIN_VALUE, 3L, 1L);
            assertThat(bounds(first, "u")).containsExactly(2L, aboveLong.longValue(), 1L);
            assertThat(bounds(first, "f")).containsExactly(-1.5, 2.5, 0L);
            assertThat(bounds(first, "b")).containsExactly(false, true, 1L);
            assertThat(bounds(first, "s")).containsExactly("z", "é", 1L);
            Map<String, Statistics<?>> second = statistics(reader, 1);
            assertThat(bounds(second, "time")).containsExactly(8L, 8L, 0L);
            assertThat(bounds(second, "i")).containsExactly(4L, 4L, 0L);
            assertThat(second.get("s")).satisfies(nulls -> {
                assertThat(nulls.hasNonNullValue()).isFalse();
                assertThat(nulls.getNumNulls()).isOne();
            });
        }
    }

    /// A reader that prunes by `f < 0` must find -0.0 in neither bound's way, and no bound where there is a NaN.
    @Test
    void statisticsOfFloatsDoNotLieAboutZerosAndNaN() throws IOException {
        try (var reader = reader(List.of(Map.of("time", 1L, "f", 0.0), Map.of("time", 2L, "f", -0.0)))) {
            assertThat(bounds(statistics(reader, 0), "f")).containsExactly(-0.0, 0.0, 0L);
        }
        try (var reader = reader(List.of(Map.of("time", 1L, "f", 1.0), Map.of("time", 2L, "f", Double.NaN)))) {
            assertThat(statistics(reader, 0).get("f"))
                    .satisfies(floats -> assertThat(floats.hasNonNullValue()).isFalse());
        }
    }

    @Test
    void longStringsAreBoundedByShortOnes() throws IOException {
        String least = "a".repeat(1_000);
        String greatest = "é".repeat(1_000);
        try (var reader = reader(List.of(Map.of("time", 1L, "s", least), Map.of("time", 2L, "s", greatest)))) {
            Statistics<?> statistics =
                    Objects.requireNonNull(statistics(reader, 0).get("s"), "statistics of s");
            assertThat(statistics.getMinBytes()).isEqualTo(bytes("a".repeat(64)));
            assertThat(statistics.getMaxBytes())
                    .hasSizeLessThanOrEqualTo(64)
                    .satisfies(max -> assertThat(Arrays.compareUnsigned(max, bytes(greatest)))
                            .isPositive());
        }
    }

    @Test
    void boundsSayWhetherTheyAreValues() throws IOException {
        String cut = "b".repeat(65);
        Made made = made(
                List.of(Map.of("time", 1L, "host", "a", "s", "b"), Map.of("time", 2L, "host", "b", "s", cut)), 9, 9);
        var host = statistics(made, "host");
        assertThat(host.isIs_min_value_exact()).isTrue();
        assertThat(host.isIs_max_value_exact()).isTrue();
        assertThat(statistics(made, "time").isIs_max_value_exact()).isTrue();
        var text = statistics(made, "s");
        assertThat(text.isIs_min_value_exact()).isTrue();
        assertThat(text.isSetIs_max_value_exact()).isTrue();
        assertThat(text.isIs_max_value_exact()).isFalse();
    }

    /// Nothing short is above it.
    @Test
    void longStringsOfTheGreatestCharacterHaveNoBounds() throws IOException {
        String greatest = Character.toString(Character.MAX_CODE_POINT).repeat(100);
        Made made = made(List.of(Map.of("time", 1L, "s", "a"), Map.of("time", 2L, "s", greatest)), 9, 9);
        var text = statistics(made, "s");
        assertThat(text.isSetMin_value()).isFalse();
        assertThat(text.isSetMax_value()).isFalse();
        assertThat(text.isSetMax()).isFalse();
        assertThat(text.getNull_count()).isZero();
    }

    /// What the footer says of a column in the first row group.
    private static org.apache.parquet.format.Statistics statistics(Made made, String column) throws IOException {
        RowGroup group = Objects.requireNonNull(footer(made).getRow_groups()).getFirst();
        for (ColumnChunk chunk : Objects.requireNonNull(group.getColumns())) {
            var metadata = Objects.requireNonNull(chunk.getMeta_data());
            if (List.of(column).equals(metadata.getPath_in_schema())) {
                return Objects.requireNonNull(metadata.getStatistics());
            }
        }
        throw new AssertionError("no column " + column);
    }

    @Test
    void pagesBeginAtTheSameRowsInEveryColumnAndTheirIndexBoundsThem() throws IOException {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < 250; i++) {
            Map<String, Object> row = new HashMap<>(Map.of("time", (long) i, "u", BigInteger.valueOf(1_000 - i)));
            if (i >= 100) {
                row.put("host", "h" + i);
                row.put("s", "text ".repeat(i));
            }
            if (i != 130) {
                row.put("i", (long) i);
            }
            rows.add(row);
        }
        try (var reader = reader(rows, 200, 50)) {
            for (ColumnChunkMetaData chunk : reader.getRowGroups().get(0).getColumns()) {
                assertThat(firstRows(reader.readOffsetIndex(chunk)))
                        .as("%s", chunk.getPath())
                        .containsExactly(0L, 50L, 100L, 150L);
            }
            for (ColumnChunkMetaData chunk : reader.getRowGroups().get(1).getColumns()) {
                assertThat(firstRows(reader.readOffsetIndex(chunk))).containsExactly(0L);
            }
            ColumnIndex time = index(reader, "time");
            assertThat(longs(time.getMinValues())).containsExactly(0L, 50L, 100L, 150L);
            assertThat(longs(time.getMaxValues())).containsExactly(49L, 99L, 149L, 199L);
            ColumnIndex host = index(reader, "host");
            assertThat(host.getNullPages()).containsExactly(true, true, false, false);
            assertThat(host.getNullCounts()).containsExactly(50L, 50L, 0L, 0L);
            assertThat(host.getMinValues().subList(2, 4))
                    .extracting(value ->
                            StandardCharsets.UTF_8.decode(value.duplicate()).toString())
                    .containsExactly("h100", "h150");
            assertThat(index(reader, "i").getNullCounts()).containsExactly(0L, 0L, 1L, 0L);
            assertThat(longs(index(reader, "u").getMinValues())).containsExactly(951L, 901L, 851L, 801L);
        }
    }

    @Test
    void pagesAreCompressedAndTagsAreInADictionary() throws IOException {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            rows.add(Map.of("host", "host" + i / 100, "time", (long) i, "s", "the same text each time"));
        }
        try (var reader = reader(rows)) {
            List<ColumnChunkMetaData> chunks = reader.getRowGroups().get(0).getColumns();
            assertThat(chunks).extracting(ColumnChunkMetaData::getCodec).containsOnly(CompressionCodecName.ZSTD);
            assertThat(chunks.get(0).getPath().toDotString()).isEqualTo("host");
            assertThat(chunks.get(0).getEncodingStats().hasNonDictionaryEncodedPages())
                    .isFalse();
        }
    }

    /// Rows without the tag come first: a page of nulls, and a row group of them.
    @Test
    void tagsAreInADictionaryWhateverTheyAre() throws IOException {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            rows.add(Map.of("time", (long) i));
        }
        for (int i = 300; i < 800; i++) {
            rows.add(Map.of("host", "h" + i / 50 + "-".repeat(200_000), "cpu", "c%04d".formatted(i), "time", (long) i));
        }
        Made made = made(rows, 200, 60);
        assertThat(ParquetRows.read(made.bytes())).isEqualTo(rows);
        try (var reader = ParquetRows.reader(made.bytes())) {
            for (int group = 1; group < 4; group++) {
                for (ColumnChunkMetaData tag :
                        reader.getRowGroups().get(group).getColumns().subList(0, 2)) {
                    assertThat(tag.getEncodingStats().hasNonDictionaryEncodedPages())
                            .as("%s in row group %d", tag.getPath(), group)
                            .isFalse();
                }
            }
        }
    }

    @Test
    void aHigherLevelOfCompressionMakesASmallerFile() throws IOException {
        // Words at random, and many: zstd's higher levels make the times, which count up, larger.
        var random = new Random(1);
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < 5_000; i++) {
            String words = IntStream.range(0, 24)
                    .mapToObj(word -> "word" + random.nextInt(100))
                    .collect(Collectors.joining(" "));
            rows.add(Map.of("time", (long) i, "s", words));
        }
        long fast = made(rows, 5_000, 5_000).file().sizeBytes();
        long small = Encoding.encode(TABLE, KEY, new ParquetSettings(19, 5_000, 5_000), rows)
                .file()
                .sizeBytes();
        assertThat(small).isLessThan(fast);
    }

    @Test
    void metadataSaysWhereTheRowsComeFrom() throws IOException {
        try (var reader = reader(List.of(Map.of("time", 1L, "host", "a")))) {
            assertThat(reader.getFileMetaData().getKeyValueMetaData())
                    .containsExactlyInAnyOrderEntriesOf(Map.of(
                            "sluice.schema_version", "1",
                            "sluice.ingester", "5f0c2a4e-0000-4000-8000-0000000000aa",
                            "sluice.min_sequence", "7",
                            "sluice.max_sequence", "9",
                            "sluice.namespace", "metrics",
                            "sluice.table", "cpu",
                            "sluice.partition", "2026-11-21",
                            "sluice.sort_key", "[\"cpu\",\"gone\",\"host\"]",
                            "sluice.created_at", "2026-11-21T10:11:12.123456789Z"));
        }
    }

    @Test
    void theSortKeyInTheMetadataIsJsonWhateverTheNames() {
        var key = new SortKey(List.of(new ColumnName("a\"b"), new ColumnName("c\\d"), new ColumnName("é,[]")));
        assertThat(Encoding.metadata(key).entries())
                .containsEntry("sluice.sort_key", "[\"a\\\"b\",\"c\\\\d\",\"é,[]\"]");
        assertThat(Encoding.metadata(SortKey.EMPTY).entries()).containsEntry("sluice.sort_key", "[]");
    }

    /// The footer is rewritten: nothing that parquet-java put there may get lost.
    @Test
    void theFooterIsThatOfParquetJavaButForTheOrder() throws IOException {
        FileMetaData footer = footer(made(List.of(Map.of("time", 1L, "host", "a"), Map.of("time", 2L, "i", 1L)), 1, 1));
        assertThat(footer.getNum_rows()).isEqualTo(2);
        assertThat(footer.getCreated_by()).startsWith("parquet-mr version ");
        assertThat(footer.getColumn_orders()).hasSize(3);
        assertThat(footer.getRow_groups())
                .hasSize(2)
                .allSatisfy(group -> assertThat(group.getNum_rows()).isOne())
                .allSatisfy(group -> assertThat(group.getColumns()).allSatisfy(chunk -> {
                    assertThat(chunk.isSetOffset_index_offset()).isTrue();
                    assertThat(chunk.isSetColumn_index_offset()).isTrue();
                    assertThat(Objects.requireNonNull(chunk.getMeta_data()).isSetStatistics())
                            .isTrue();
                }));
    }

    private static Made made(List<Map<String, Object>> rows, int rowGroupRows, int pageRows) throws IOException {
        return Encoding.encode(TABLE, KEY, new ParquetSettings(1, rowGroupRows, pageRows), rows);
    }

    private static ParquetFileReader reader(List<Map<String, Object>> rows) throws IOException {
        return reader(rows, 1_000, 1_000);
    }

    private static ParquetFileReader reader(List<Map<String, Object>> rows, int rowGroupRows, int pageRows)
            throws IOException {
        return ParquetRows.reader(made(rows, rowGroupRows, pageRows).bytes());
    }

    private static FileMetaData footer(Made made) throws IOException {
        byte[] bytes = made.bytes();
        assertThat(new String(bytes, bytes.length - 4, 4, StandardCharsets.US_ASCII))
                .isEqualTo("PAR1");
        int lengthBytes = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt(bytes.length - 8);
        return Util.readFileMetaData(new ByteArrayInputStream(bytes, bytes.length - 8 - lengthBytes, lengthBytes));
    }

    private static Map<String, Statistics<?>> statistics(ParquetFileReader reader, int rowGroup) {
        Map<String, Statistics<?>> statistics = new HashMap<>();
        for (ColumnChunkMetaData chunk : reader.getRowGroups().get(rowGroup).getColumns()) {
            statistics.put(chunk.getPath().toDotString(), chunk.getStatistics());
        }
        return statistics;
    }

    /// Least, greatest, number of nulls.
    private static List<Object> bounds(Map<String, Statistics<?>> statistics, String column) {
        Statistics<?> found = statistics.get(column);
        if (found == null || !found.hasNonNullValue()) {
            throw new AssertionError("column %s has no statistics".formatted(column));
        }
        return List.of(plain(found.genericGetMin()), plain(found.genericGetMax()), found.getNumNulls());
    }

    private static Object plain(Object value) {
        return value instanceof Binary binary ? binary.toStringUsingUTF8() : value;
    }

    private static ColumnIndex index(ParquetFileReader reader, String column) throws IOException {
        for (ColumnChunkMetaData chunk : reader.getRowGroups().get(0).getColumns()) {
            if (chunk.getPath().toDotString().equals(column)) {
                return reader.readColumnIndex(chunk);
            }
        }
        throw new AssertionError("no column " + column);
    }

    private static List<Long> firstRows(OffsetIndex index) {
        List<Long> rows = new ArrayList<>();
        for (int page = 0; page < index.getPageCount(); page++) {
            rows.add(index.getFirstRowIndex(page));
        }
        return rows;
    }

    private static List<Long> longs(List<ByteBuffer> values) {
        return values.stream()
                .map(value -> value.duplicate().order(ByteOrder.LITTLE_ENDIAN).getLong())
                .toList();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
