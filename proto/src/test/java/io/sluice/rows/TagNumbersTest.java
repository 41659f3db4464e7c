package io.sluice.rows;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.model.ColumnSchema;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.junit.jupiter.api.Test;

final class TagNumbersTest {
    private final TagIndex index = new TagIndex();

    private static VarCharVector dictionary(RootAllocator allocator, String... values) {
        VarCharVector vector = new VarCharVector("d", allocator);
        for (int i = 0; i < values.length; i++) {
            vector.setSafe(i, values[i].getBytes(StandardCharsets.UTF_8));
        }
        vector.setValueCount(values.length);
        return vector;
    }

    private List<String> values(int[] numbers) {
        return Arrays.stream(numbers)
                .mapToObj(number -> new String(index.value(number), StandardCharsets.UTF_8))
                .toList();
    }

    @Test
    void aValueHasTheSameNumberInAllChunksOfAnIndex() {
        try (RootAllocator allocator = new RootAllocator();
                VarCharVector first = dictionary(allocator, "a", "b", "a", "ä");
                VarCharVector second = dictionary(allocator, "c", "b")) {
            int[] numbers = new TagNumbers(index).of(first);
            int[] others = new TagNumbers(index).of(second);
            assertThat(numbers[2]).as("a value that stands twice").isEqualTo(numbers[0]);
            assertThat(others[1]).isEqualTo(numbers[1]);
            assertThat(index.size()).isEqualTo(4);
            assertThat(values(numbers)).containsExactly("a", "b", "a", "ä");
            assertThat(values(others)).containsExactly("c", "b");
        }
    }

    private static IntVector codes(RootAllocator allocator, Random random, int rowCount, int codeCount) {
        IntVector codes = new IntVector("c", allocator);
        for (int row = 0; row < rowCount; row++) {
            if (random.nextInt(5) == 0) {
                codes.setNull(row);
            } else {
                codes.setSafe(row, random.nextInt(codeCount));
            }
        }
        codes.setValueCount(rowCount);
        return codes;
    }

    private static Optional<TagPostings> ask(RowColumn.Tag tag, int times) {
        Optional<TagPostings> found = Optional.empty();
        for (int i = 0; i < times; i++) {
            found = tag.numbers().postings(tag, true);
        }
        return found;
    }

    /// Against a look at every row, with values that stand twice in the dictionary.
    @Test
    void rowsOfAValueAreThoseThatALookAtEachRowFinds() {
        AtomicLong held = new AtomicLong();
        TagIndex accounted = new TagIndex(held::addAndGet);
        for (long seed = 0; seed < 300; seed++) {
            Random random = new Random(seed);
            int rowCount = 1 + random.nextInt(50);
            try (RootAllocator allocator = new RootAllocator();
                    RowColumn.Tag tag = new RowColumn.Tag(
                            ColumnSchema.tag("t"),
                            codes(allocator, random, rowCount, 4),
                            dictionary(allocator, "a", "b" + seed, "a", "c"),
                            new TagNumbers(accounted))) {
                TagPostings postings = ask(tag, 3).orElseThrow();
                assertThat(held.get()).isEqualTo(postings.memoryBytes());
                int[] numbers = tag.valueNumbers();
                for (int number = 0; number <= accounted.size(); number++) {
                    int limit = random.nextInt(rowCount + 1);
                    List<Integer> expected = new ArrayList<>();
                    for (int row = 0; row < limit; row++) {
                        if (!tag.codes().isNull(row) && numbers[tag.codes().get(row)] == number) {
                            expected.add(row);
                        }
                    }
                    int[] rows = new int[rowCount];
                    int count = postings.copy(number, limit, rows, 0);
                    assertThat(Arrays.stream(rows).limit(count).boxed().toList())
                            .as("seed %d, number %d of the first %d rows", seed, number, limit)
                            .isEqualTo(expected);
                    assertThat(postings.count(number, limit)).isEqualTo(expected.size());
                }
                tag.numbers().drop();
                assertThat(held.get()).isZero();
            }
        }
    }

    @Test
    void whereValuesStandIsNotFoundOutForOneQueryOrWhileTheChunkGrows() {
        try (RootAllocator allocator = new RootAllocator();
                RowColumn.Tag tag = new RowColumn.Tag(
                        ColumnSchema.tag("t"),
                        codes(allocator, new Random(1), 10, 2),
                        dictionary(allocator, "a", "b"),
                        TagNumbers.growing(index))) {
            assertThat(ask(tag, 2)).as("one query asks twice").isEmpty();
            assertThat(ask(tag, 5)).as("it still grows").isEmpty();
            tag.numbers().settle();
            assertThat(ask(tag, 1)).isPresent();
        }
    }

    @Test
    void aDictionaryThatGrewKeepsItsNumbersAndGetsMore() {
        TagNumbers numbers = new TagNumbers(index);
        try (RootAllocator allocator = new RootAllocator();
                VarCharVector shorter = dictionary(allocator, "a", "b");
                VarCharVector longer = dictionary(allocator, "a", "b", "c")) {
            assertThat(values(numbers.of(shorter))).containsExactly("a", "b");
            assertThat(values(numbers.of(longer))).containsExactly("a", "b", "c");
            assertThat(values(numbers.of(shorter))).startsWith("a", "b");
        }
    }

    @Test
    void aValueTooManyHasNoNumberAndThoseBeforeKeepTheirs() {
        for (int i = 0; i < TagIndex.MAX_VALUES; i++) {
            assertThat(index.number(Integer.toString(i).getBytes(StandardCharsets.UTF_8)))
                    .isEqualTo(i);
        }
        assertThat(index.number("one more".getBytes(StandardCharsets.UTF_8))).isEqualTo(-1);
        assertThat(index.number("7".getBytes(StandardCharsets.UTF_8))).isEqualTo(7);
        assertThat(index.size()).isEqualTo(TagIndex.MAX_VALUES);
    }

    @Test
    void threadsThatAskAtOnceHearTheSame() throws Exception {
        String[] values = new String[2_000];
        Arrays.setAll(values, i -> "v" + i);
        try (RootAllocator allocator = new RootAllocator();
                VarCharVector dictionary = dictionary(allocator, values);
                ExecutorService threads = Executors.newFixedThreadPool(4)) {
            TagNumbers shared = new TagNumbers(index);
            List<Future<List<String>>> heard = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                TagNumbers asked = i % 2 == 0 ? shared : new TagNumbers(index);
                heard.add(threads.submit(() -> values(asked.of(dictionary))));
            }
            for (Future<List<String>> one : heard) {
                assertThat(one.get()).containsExactly(values);
            }
        }
        assertThat(index.size()).isEqualTo(values.length);
    }
}
