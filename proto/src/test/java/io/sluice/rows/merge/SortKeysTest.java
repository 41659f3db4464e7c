package io.sluice.rows.merge;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.model.ColumnName;
import io.sluice.model.ColumnSchema;
import io.sluice.model.SortKey;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.TimeStampNanoTZVector;
import org.apache.arrow.vector.VarCharVector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SortKeysTest {
    private static final int NULL = -1;

    private final BufferAllocator allocator = new RootAllocator();
    private final List<RowBatch> batches = new ArrayList<>();

    @AfterEach
    void close() {
        batches.forEach(RowBatch::close);
        allocator.close();
    }

    @Test
    void tagsOfFewValuesComeFirst() {
        batch(
                tag("many", List.of("a", "b", "c"), 0, 1, 2, 0),
                tag("one", List.of("a"), 0, 0, 0, 0),
                tag("two", List.of("a", "b"), 0, 1, 1, 0));
        assertThat(extend()).containsExactly("one", "two", "many");
    }

    @Test
    void equallyManyValuesGoByName() {
        batch(tag("c", List.of("x"), 0), tag("a", List.of("x"), 0), tag("b", List.of("x"), 0));
        assertThat(extend()).containsExactly("a", "b", "c");
    }

    @Test
    void valuesThatNoRowUsesAndThoseThatStandTwiceDoNotCount() {
        batch(
                tag("unused", List.of("a", "b", "c", "d"), 1, 1, 1),
                tag("twice", List.of("a", "a", "a", "b"), 0, 1, 3),
                tag("three", List.of("a", "b", "c"), 0, 1, 2));
        assertThat(extend()).containsExactly("unused", "twice", "three");
    }

    @Test
    void aNullIsNoValue() {
        batch(tag("b", List.of("a"), 0, NULL), tag("a", List.of("a", "b"), 0, 1));
        assertThat(extend()).containsExactly("b", "a");
    }

    @Test
    void valuesAreCountedOverAllBatchesWhateverTheirDictionaries() {
        batch(tag("same", List.of("x", "y"), 0, 1), tag("other", List.of("p"), 0, 0));
        batch(tag("same", List.of("y", "x"), 0, 1), tag("other", List.of("q"), 0, 0));
        batch(tag("other", List.of("r"), 0));
        assertThat(extend()).containsExactly("same", "other");
    }

    @Test
    void newTagsComeBehindTheKeyWhichIsNeverReordered() {
        batch(
                tag("few", List.of("a"), 0, 0, 0),
                tag("many", List.of("a", "b", "c"), 0, 1, 2),
                tag("new", List.of("a", "b"), 0, 1, 1));
        assertThat(extend("many", "gone")).containsExactly("many", "gone", "few", "new");
    }

    @Test
    void theKeyItselfIsReturnedIfThereIsNothingNew() {
        var key = new SortKey(List.of(new ColumnName("b"), new ColumnName("a")));
        assertThat(SortKeys.extend(key, batches)).isSameAs(key);
        batch(tag("a", List.of("x", "y"), 0, 1), tag("b", List.of("x"), 0, 0));
        batch(tag("b", List.of("z"), 0));
        assertThat(SortKeys.extend(key, batches)).isSameAs(key);
    }

    @Test
    void aTagThatIsNullInAllRowsIsNotAdded() {
        batch(tag("null", List.of("x"), NULL, NULL), tag("empty", List.of(), NULL, NULL), tag("a", List.of(""), 0, 0));
        assertThat(extend()).containsExactly("a");
    }

    private List<String> extend(String... key) {
        var from = new SortKey(Arrays.stream(key).map(ColumnName::new).toList());
        return SortKeys.extend(from, batches).tags().stream()
                .map(ColumnName::value)
                .toList();
    }

    private void batch(RowColumn.Tag... tags) {
        int rowCount = tags[0].codes().getValueCount();
        var time = (TimeStampNanoTZVector) RowColumn.newVector(ColumnSchema.TIME, allocator);
        for (int row = 0; row < rowCount; row++) {
            time.setSafe(row, row);
        }
        time.setValueCount(rowCount);
        List<RowColumn> columns = new ArrayList<>(List.of(tags));
        columns.add(new RowColumn.Plain(ColumnSchema.TIME, time));
        batches.add(new RowBatch(columns, rowCount, 0, rowCount));
    }

    private RowColumn.Tag tag(String name, List<String> values, int... codes) {
        var dictionary = new VarCharVector(name, allocator);
        for (int i = 0; i < values.size(); i++) {
            dictionary.setSafe(i, values.get(i).getBytes(StandardCharsets.UTF_8));
        }
        dictionary.setValueCount(values.size());
        var vector = new IntVector(name, allocator);
        for (int row = 0; row < codes.length; row++) {
            if (codes[row] == NULL) {
                vector.setNull(row);
            } else {
                vector.setSafe(row, codes[row]);
            }
        }
        vector.setValueCount(codes.length);
        return new RowColumn.Tag(ColumnSchema.tag(name), vector, dictionary);
    }
}
