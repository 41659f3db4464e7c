package io.sluice.rows.merge;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.rows.RowBatch;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SeriesKeysTest {
    /// Ranks of up to 90 bits: they do not fit one number, and not two either with another's in front.
    @ParameterizedTest
    @CsvSource({"0, 1", "1, 1", "1, 900", "5, 3", "5, 900", "9, 900", "9, 2"})
    void seriesAreNumberedInTheOrderOfTheirRanks(int tagCount, int values) {
        var random = new Random(tagCount + values);
        List<ColumnSchema> columns = new ArrayList<>(List.of(ColumnSchema.TIME));
        for (int tag = 0; tag < tagCount; tag++) {
            columns.add(ColumnSchema.tag("t" + tag));
        }
        List<ColumnName> names =
                columns.stream().skip(1).map(ColumnSchema::name).toList();
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < 3_000; i++) {
            Map<String, Object> row = new HashMap<>(Map.of("time", (long) i));
            names.stream()
                    .filter(_ -> random.nextInt(10) > 0)
                    .forEach(name -> row.put(name.value(), "v" + random.nextInt(values)));
            rows.add(row);
        }
        try (var allocator = new RootAllocator();
                RowBatch first = Batches.batch(allocator, columns, rows.subList(0, 1_000), random);
                RowBatch second = Batches.batch(allocator, columns, rows.subList(1_000, 3_000), random)) {
            List<RowBatch> batches = List.of(first, second);
            List<TagRanks> tags =
                    names.stream().map(name -> TagRanks.of(name, batches)).toList();
            int[] series = new int[3_000];

            SeriesKeys keys = SeriesKeys.number(names, tags, batches, series);

            Comparator<Integer> order = (_, _) -> 0;
            for (int tag = 0; tag < tagCount; tag++) {
                int number = tag;
                order = order.thenComparing(row -> rank(tags.get(number), rows.get(row), names.get(number)));
            }
            List<Integer> sorted =
                    IntStream.range(0, 3_000).boxed().sorted(order).toList();
            int expected = 0;
            for (int i = 0; i < sorted.size(); i++) {
                expected += i > 0 && order.compare(sorted.get(i - 1), sorted.get(i)) != 0 ? 1 : 0;
                int row = sorted.get(i);
                assertThat(series[row]).isEqualTo(expected);
                for (int tag = 0; tag < tagCount; tag++) {
                    assertThat(keys.rank(tag, series[row]))
                            .isEqualTo(rank(tags.get(tag), rows.get(row), names.get(tag)));
                }
            }
            assertThat(keys.count()).isEqualTo(expected + 1);
        }
    }

    private static int rank(TagRanks tag, Map<String, Object> row, ColumnName name) {
        Object value = row.get(name.value());
        return value == null
                ? 0
                : 1
                        + Arrays.binarySearch(
                                tag.values(),
                                value.toString().getBytes(StandardCharsets.UTF_8),
                                Arrays::compareUnsigned);
    }

    @Test
    void noRowsAreNoSeries() {
        assertThat(SeriesKeys.number(List.of(), List.of(), List.of(), new int[0])
                        .count())
                .isZero();
    }
}
