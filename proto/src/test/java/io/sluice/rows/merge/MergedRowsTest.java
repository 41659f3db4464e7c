package io.sluice.rows.merge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.model.ColumnKind;
import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SortKey;
import io.sluice.model.TableId;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.rows.RowBatch;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.Test;

/// Invariant 2: among rows of one key the later wins, column by column.
class MergedRowsTest {
    private static final ColumnSchema HOST = ColumnSchema.tag("host");
    private static final ColumnSchema CPU = ColumnSchema.tag("cpu");
    private static final ColumnSchema USAGE = ColumnSchema.field("usage", ColumnType.F64);
    private static final ColumnSchema NOTE = ColumnSchema.field("note", ColumnType.STRING);
    private static final List<ColumnSchema> COLUMNS = List.of(ColumnSchema.TIME, HOST, CPU, USAGE, NOTE);
    private static final SortKey KEY = new SortKey(List.of(HOST.name(), CPU.name()));
    private static final Random ARBITRARY_RANDOM = new Random(1);

    @Test
    void rowsAreThoseOfTheModel() {
        int crossed = 0;
        for (long seed = 0; seed < 6_000; seed++) {
            var writes = RandomWrites.of(seed, 5, seed % 10 == 0 ? 60 : 8);
            List<Map<String, Object>> expected = writes.merged();
            var arrived = writes.rows().stream().mapToInt(List::size).sum();
            try (var allocator = new RootAllocator()) {
                List<RowBatch> batches = writes.batches(allocator);
                var merged = MergedRows.of(writes.schema(), writes.sortKey(), batches);

                assertThat(read(merged)).as("seed %d", seed).isEqualTo(expected);
                int window = 1 + (int) (seed % 13);
                assertThat(read(merged, window)).as("seed %d", seed).isEqualTo(expected);
                assertThat(merged.rowCount()).as("seed %d", seed).isEqualTo(expected.size());
                assertThat(merged.duplicates()).as("seed %d", seed).isEqualTo(arrived - expected.size());
                assertThat(merged.presentColumns()).as("seed %d", seed).isEqualTo(present(writes.schema(), expected));
                if (arrived > 0) {
                    assertThat(merged.minTimeNs())
                            .as("seed %d", seed)
                            .isEqualTo(times(expected).min().orElseThrow());
                    assertThat(merged.maxTimeNs())
                            .as("seed %d", seed)
                            .isEqualTo(times(expected).max().orElseThrow());
                }
                batches.forEach(RowBatch::close);
            }
            crossed += arrived > expected.size() ? 1 : 0;
        }
        assertThat(crossed).as("inputs with duplicate keys").isGreaterThan(1_000);
    }

    private static LongStream times(List<Map<String, Object>> rows) {
        return rows.stream().mapToLong(row -> (Long) row.getOrDefault("time", 0L));
    }

    private static List<ColumnSchema> present(TableSchema schema, List<Map<String, Object>> rows) {
        return schema.columns().stream()
                .filter(column -> column.kind() != ColumnKind.TIME)
                .filter(column -> rows.stream()
                        .anyMatch(row -> row.containsKey(column.name().value())))
                .toList();
    }

    @Test
    void tagValuesAreDistinctAndInOrderOfTheirBytes() {
        // In UTF-16 the surrogates of U+1F600 come before U+FF5A, in UTF-8 after it.
        withBatches(
                List.of(
                        List.of(row("😀", 1), row("ｚ", 1), row("a", 1)),
                        List.of(row("é", 1), row("ｚ", 2), row("Z", 1), row("", 1))),
                batches -> {
                    var merged = MergedRows.of(schema(COLUMNS), KEY, batches);
                    assertThat(List.of(merged.tagValues(HOST.name())))
                            .extracting(bytes -> new String(bytes, StandardCharsets.UTF_8))
                            .filteredOn(value -> !value.startsWith("unused"))
                            .containsExactly("", "Z", "a", "é", "ｚ", "😀");
                    assertThat(read(merged))
                            .extracting(row -> row.get("host"))
                            .containsExactly("", "Z", "a", "é", "ｚ", "ｚ", "😀");
                    List<Integer> runs = new ArrayList<>();
                    RowWindow window = merged.window();
                    window.move(1, 6);
                    window.tag(CPU.name(), (place, count) -> runs.addAll(List.of(place, count)));
                    assertThat(runs).containsExactly(-1, 5);
                });
    }

    @Test
    void aNullTagIsAnotherKeyThanAnEmptyOneAndComesFirst() {
        Map<String, Object> nobody = Map.of("time", 5L);
        withBatches(
                List.of(List.of(row("", 4), nobody), List.of(row("", 5), nobody)),
                batches -> assertThat(read(MergedRows.of(schema(COLUMNS), KEY, batches)))
                        .containsExactly(nobody, row("", 4), row("", 5)));
    }

    @Test
    void lastValueByArrivalWinsAndANullReplacesNothing() {
        withBatches(
                List.of(
                        List.of(row("a", 1, "usage", 1.0, "note", "first"), row("a", 1, "usage", 2.0)),
                        List.of(row("b", 1, "usage", 9.0)),
                        List.of(row("a", 1, "note", "third"), row("a", 1), row("a", 1, "usage", 3.0), row("a", 1))),
                batches -> {
                    var merged = MergedRows.of(schema(COLUMNS), KEY, batches);
                    assertThat(read(merged))
                            .containsExactly(row("a", 1, "usage", 3.0, "note", "third"), row("b", 1, "usage", 9.0));
                    assertThat(merged.duplicates()).isEqualTo(5);
                });
    }

    @Test
    void inputThatIsSortedOrReversedOrShuffledGivesTheSame() {
        var sorted = new ArrayList<Map<String, Object>>();
        for (String host : List.of("a", "b", "c")) {
            for (int time = -500; time < 500; time++) {
                sorted.add(row(host, time, "usage", (double) time));
            }
        }
        var reversed = new ArrayList<>(sorted);
        Collections.reverse(reversed);
        var shuffled = new ArrayList<>(sorted);
        Collections.shuffle(shuffled, new Random(7));
        for (List<Map<String, Object>> rows : List.of(sorted, reversed, shuffled)) {
            withBatches(
                    List.of(rows),
                    batches -> assertThat(read(MergedRows.of(schema(COLUMNS), KEY, batches)))
                            .isEqualTo(sorted));
        }
    }

    @Test
    void oneRowIsOneRow() {
        withBatches(List.of(List.of(row("a", Long.MIN_VALUE, "note", ""))), batches -> {
            var merged = MergedRows.of(schema(COLUMNS), KEY, batches);
            assertThat(read(merged)).containsExactly(row("a", Long.MIN_VALUE, "note", ""));
            assertThat(merged.minTimeNs()).isEqualTo(Long.MIN_VALUE);
            assertThat(merged.maxTimeNs()).isEqualTo(Long.MIN_VALUE);
        });
    }

    /// 12 tags of 40 values: 40 to the power of 12 combinations are far more than a long can number.
    @Test
    void moreCombinationsOfTagsThanALongCountsAreKeptApart() {
        var random = new Random(3);
        List<ColumnSchema> columns = new ArrayList<>(List.of(ColumnSchema.TIME));
        IntStream.range(0, 12).forEach(i -> columns.add(ColumnSchema.tag("tag" + i)));
        var key = new SortKey(columns.stream().skip(1).map(ColumnSchema::name).toList());
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < 4_000; i++) {
            Map<String, Object> row = new HashMap<>();
            row.put("time", 0L);
            for (ColumnName tag : key.tags()) {
                row.put(tag.value(), "v" + random.nextInt(40));
            }
            rows.add(row);
            if (random.nextBoolean()) {
                rows.add(row);
            }
        }
        withBatches(
                columns,
                List.of(rows),
                batches -> assertThat(read(MergedRows.of(schema(columns), key, batches)))
                        .isEqualTo(MergeModel.merge(key, List.of(rows)))
                        .hasSize(4_000));
    }

    @Test
    void aTagOfTheKeyThatNoBatchHasChangesNothing() {
        var longer = new SortKey(List.of(new ColumnName("gone"), HOST.name(), CPU.name(), new ColumnName("never")));
        withBatches(List.of(List.of(row("b", 1), row("a", 1))), batches -> {
            var merged = MergedRows.of(schema(COLUMNS), longer, batches);
            assertThat(read(merged)).containsExactly(row("a", 1), row("b", 1));
            assertThat(merged.sortKey()).isEqualTo(longer);
        });
    }

    @Test
    void aTagWithValuesThatTheKeyLacksIsRefused() {
        withBatches(
                List.of(List.of(row("a", 1))),
                batches -> assertThatThrownBy(
                                () -> MergedRows.of(schema(COLUMNS), new SortKey(List.of(CPU.name())), batches))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessage("table 'cpu' has tags that its sort key [cpu] lacks: expected [cpu, host]"));
    }

    @Test
    void aTagWithoutValuesNeedNotBeInTheKey() {
        withBatches(
                List.of(List.of(row("a", 1))),
                batches -> assertThat(read(MergedRows.of(schema(COLUMNS), new SortKey(List.of(HOST.name())), batches)))
                        .containsExactly(row("a", 1)));
    }

    @Test
    void aTagThatIsNotInTheKeyHasNoValuesToAskFor() {
        withBatches(List.of(List.of(row("a", 1))), batches -> {
            var merged = MergedRows.of(schema(COLUMNS), new SortKey(List.of(HOST.name())), batches);
            assertThatThrownBy(() -> merged.tagValues(CPU.name()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("'cpu' is not in the sort key [host]");
        });
    }

    /// Were such a column passed over, its values would be in no file, and gone.
    @Test
    void aColumnThatTheSchemaLacksIsRefused() {
        withBatches(
                List.of(List.of(row("a", 1, "note", "here"))),
                batches -> assertThatThrownBy(
                                () -> MergedRows.of(schema(List.of(ColumnSchema.TIME, HOST, CPU, USAGE)), KEY, batches))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessage("table 'cpu' has no column 'note' of kind FIELD of type STRING: found none"));
        var other = ColumnSchema.field("note", ColumnType.I64);
        withBatches(
                List.of(List.of(row("a", 1, "note", "here"))),
                batches -> assertThatThrownBy(() -> MergedRows.of(
                                schema(List.of(ColumnSchema.TIME, HOST, CPU, USAGE, other)), KEY, batches))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessage(
                                "table 'cpu' has no column 'note' of kind FIELD of type STRING: found FIELD of type I64"));
    }

    @Test
    void moreRowsThanTheLimitAreRefused() {
        var rows = Collections.nCopies(1 << 16, row("a", 1));
        withBatches(List.of(ColumnSchema.TIME), List.of(rows), batches -> {
            for (int times : new int[] {(MergedRows.MAX_ROWS >> 16) + 1, 1 << 15, (1 << 16) + 1}) {
                assertThatThrownBy(() ->
                                MergedRows.of(schema(COLUMNS), KEY, Collections.nCopies(times, batches.getFirst())))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessage(
                                "table 'cpu' has %d rows to merge: expected at most %d",
                                (long) times << 16, MergedRows.MAX_ROWS);
            }
        });
    }

    @Test
    void emptyBatchesBeforeBetweenAndBehindOthersAreHarmless() {
        List<Map<String, Object>> none = List.of();
        withBatches(
                List.of(
                        none,
                        none,
                        List.of(row("a", 1, "note", "x")),
                        none,
                        none,
                        List.of(row("a", 1, "note", "y")),
                        none),
                batches -> assertThat(read(MergedRows.of(schema(COLUMNS), KEY, batches)))
                        .containsExactly(row("a", 1, "note", "y")));
    }

    private static Map<String, Object> row(String host, long timeNs, Object... namesAndValues) {
        Map<String, Object> row = new HashMap<>(Map.of("host", host, "time", timeNs));
        for (int i = 0; i < namesAndValues.length; i += 2) {
            row.put((String) namesAndValues[i], namesAndValues[i + 1]);
        }
        return row;
    }

    private static TableSchema schema(List<ColumnSchema> columns) {
        return new TableSchema(
                new NamespaceName("metrics"), new TableName("cpu"), new TableId(1), PartitionTemplate.DAILY, columns);
    }

    private static void withBatches(List<List<Map<String, Object>>> rows, Consumer<List<RowBatch>> test) {
        withBatches(COLUMNS, rows, test);
    }

    private static void withBatches(
            List<ColumnSchema> columns, List<List<Map<String, Object>>> rows, Consumer<List<RowBatch>> test) {
        try (BufferAllocator allocator = new RootAllocator()) {
            List<RowBatch> batches = rows.stream()
                    .map(batch -> Batches.batch(allocator, columns, batch, ARBITRARY_RANDOM))
                    .toList();
            try {
                test.accept(batches);
            } finally {
                batches.forEach(RowBatch::close);
            }
        }
    }

    private static List<Map<String, Object>> read(MergedRows merged) {
        return read(merged, Math.max(1, merged.rowCount()));
    }

    /// Reads so many rows at once, with the same memory again and again.
    private static List<Map<String, Object>> read(MergedRows merged, int windowRows) {
        List<Map<String, Object>> rows = new ArrayList<>();
        RowWindow window = merged.window();
        var numbers = new NumberColumn();
        var texts = new TextColumn();
        for (int from = 0; from < merged.rowCount(); from += windowRows) {
            window.move(from, Math.min(merged.rowCount(), from + windowRows));
            List<Map<String, Object>> read = new ArrayList<>();
            window.times(numbers);
            for (int row = 0; row < window.size(); row++) {
                assertThat(numbers.values()[row]).isEqualTo(merged.timeNs(from + row));
                read.add(new HashMap<>(Map.of("time", numbers.values()[row])));
            }
            for (ColumnSchema column : merged.presentColumns()) {
                if (column.kind() == ColumnKind.TAG) {
                    readTag(merged, window, column.name(), read);
                } else if (column.type() == ColumnType.STRING) {
                    window.strings(column, texts);
                    readTexts(texts, column, read);
                } else {
                    window.numbers(column, numbers);
                    readNumbers(numbers, column, read);
                }
            }
            rows.addAll(read);
        }
        return rows;
    }

    private static void readTexts(TextColumn texts, ColumnSchema column, List<Map<String, Object>> rows) {
        assertThat(texts.size()).isEqualTo(rows.size());
        for (int row = 0; row < rows.size(); row++) {
            if (texts.isPresent(row)) {
                byte[] bytes = new byte[texts.length(row)];
                texts.copy(row, bytes, 0);
                rows.get(row).put(column.name().value(), new String(bytes, StandardCharsets.UTF_8));
            }
        }
    }

    private static void readNumbers(NumberColumn numbers, ColumnSchema column, List<Map<String, Object>> rows) {
        int present = 0;
        for (int row = 0; row < rows.size(); row++) {
            if (numbers.isPresent(row)) {
                present++;
                rows.get(row).put(column.name().value(), number(column.type(), numbers.values()[row]));
            }
            if (!numbers.isComplete()) {
                assertThat(numbers.presentByte(row) & 1).isEqualTo(numbers.isPresent(row) ? 1 : 0);
            }
        }
        assertThat(numbers.count(0, rows.size())).isEqualTo(present);
        assertThat(numbers.compact()).isEqualTo(present);
        int at = 0;
        for (Map<String, Object> row : rows) {
            Object value = row.get(column.name().value());
            if (value != null) {
                assertThat(number(column.type(), numbers.values()[at++])).isEqualTo(value);
            }
        }
    }

    private static void readTag(MergedRows merged, RowWindow window, ColumnName tag, List<Map<String, Object>> rows) {
        byte[][] values = merged.tagValues(tag);
        var next = new AtomicInteger();
        window.tag(tag, (place, count) -> {
            for (int i = 0; i < count; i++) {
                Map<String, Object> row = rows.get(next.getAndIncrement());
                if (place >= 0) {
                    row.put(tag.value(), new String(values[place], StandardCharsets.UTF_8));
                }
            }
        });
        assertThat(next).hasValue(rows.size());
    }

    private static Object number(ColumnType type, long bits) {
        return switch (type) {
            case I64 -> bits;
            case U64 -> new BigInteger(Long.toUnsignedString(bits));
            case F64 -> Double.longBitsToDouble(bits);
            case BOOL -> bits != 0;
            case STRING -> throw new AssertionError("a string is no number");
        };
    }
}
