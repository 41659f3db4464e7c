package io.sluice.query;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.model.ColumnSchema;
import io.sluice.rows.RowColumn;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// A query for a few values that is the first to look at a chunk: it hashes none of the others.
final class FirstLookTest {
    private static final ColumnSchema HOST = ColumnSchema.tag("host");
    private static final int VALUES = 320;

    private final RootAllocator allocator = new RootAllocator();
    private final RowColumn.Tag tag = tag();
    private final StreamDictionary dictionary =
            new StreamDictionary(WireSchema.encoding(0), "host", new DictionaryBounds(1_000, 1_000, 1_000), allocator);
    private final Source source = Source.of(tag, 0, dictionary);

    /// The code of `host-7` is 7.
    private RowColumn.Tag tag() {
        IntVector codes = new IntVector("host", allocator);
        VarCharVector values = new VarCharVector("host", allocator);
        for (int code = 0; code < VALUES; code++) {
            codes.setSafe(code, code);
            values.setSafe(code, ("host-" + code).getBytes(StandardCharsets.UTF_8));
        }
        codes.setValueCount(VALUES);
        values.setValueCount(VALUES);
        return new RowColumn.Tag(HOST, codes, values);
    }

    @AfterEach
    void everythingIsReleased() {
        dictionary.close();
        tag.close();
        allocator.close();
    }

    private int hashed() {
        return tag.numbers().index().size();
    }

    @Test
    void theValuesThatAreAskedForAreFoundWithTheirNumbersAndWithout() {
        TagFilter filter =
                new TagFilter(new TagPredicate.OneOf(HOST.name(), false, Set.of("host-7", "host-300", "host")));
        boolean[] wanted = filter.wanted(tag);
        assertThat(hashed()).isZero();
        for (int code = 0; code < VALUES; code++) {
            assertThat(wanted[code]).as("host-%d", code).isEqualTo(code == 7 || code == 300);
        }
        assertThat(tag.valueNumbers()).hasSize(VALUES);
        assertThat(filter.wanted(tag)).isEqualTo(wanted);
    }

    @Test
    void allValuesGetNumbersForAQueryThatExcludesSome() {
        TagFilter filter = new TagFilter(new TagPredicate.OneOf(HOST.name(), true, Set.of("host-7")));
        assertThat(filter.wanted(tag)).hasSize(VALUES);
        assertThat(hashed()).isEqualTo(VALUES);
    }

    @Test
    void aFewValuesHaveTheirCodesInTheStreamAndManyFindTheOthersAtHand() {
        assertThat(source.code(7)).isZero();
        assertThat(source.code(7)).isZero();
        assertThat(source.code(300)).isEqualTo(1);
        assertThat(source.code(7)).isZero();
        assertThat(hashed()).isZero();
        for (int code = 0; code < VALUES; code++) {
            int expected = code < 7 ? code + 2 : code == 7 ? 0 : code < 300 ? code + 1 : code == 300 ? 1 : code;
            assertThat(source.code(code)).as("host-%d", code).isEqualTo(expected);
        }
        assertThat(hashed()).isEqualTo(VALUES);
    }

    @Test
    void aValueThatCameBehindTheQuerysStartIsNoneOfItsValues() {
        assertThat(source.code(7)).isZero();
        dictionary.seal();
        assertThat(source.code(7)).isZero();
        assertThatThrownBy(() -> source.code(8))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("'host'");
    }
}
