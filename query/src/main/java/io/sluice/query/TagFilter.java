package io.sluice.query;

import io.sluice.model.ColumnName;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import io.sluice.rows.TagIndex;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.IntVector;

/// One predicate on a tag, made ready to judge many chunks: it looks at a chunk's dictionary first, and at the rows
/// only where that does not decide. For one thread.
final class TagFilter {
    private final ColumnName column;
    private final boolean isNegated;
    private final Predicate<byte[]> holds;
    private final Map<TagIndex, boolean[]> judged = new HashMap<>();

    TagFilter(TagPredicate predicate) {
        this.column = predicate.column();
        this.isNegated = predicate.isNegated();
        this.holds = switch (predicate) {
            case TagPredicate.OneOf oneOf -> isOneOf(oneOf.values());
            case TagPredicate.Matching matching ->
                value -> matching.pattern().matcher(value).find();
        };
    }

    private static Predicate<byte[]> isOneOf(Set<String> values) {
        Set<ByteBuffer> encoded = HashSet.newHashSet(values.size());
        values.forEach(value -> encoded.add(ByteBuffer.wrap(value.getBytes(StandardCharsets.UTF_8))));
        return value -> encoded.contains(ByteBuffer.wrap(value));
    }

    ColumnName column() {
        return column;
    }

    /// What a chunk's dictionary says.
    ///
    /// @param wanted for each code whether rows that have it are wanted
    record Verdict(boolean[] wanted, boolean nullWanted, boolean isNone, boolean isAll) {}

    /// Judges a chunk by its dictionary and whether it has nulls.
    Verdict judge(RowBatch batch) {
        Optional<RowColumn> found = batch.find(column);
        if (found.isEmpty() || !(found.get() instanceof RowColumn.Tag tag)) {
            return new Verdict(new boolean[0], isNegated, !isNegated, isNegated); // null in all rows
        }
        boolean[] wanted = wanted(tag);
        int count = 0;
        for (boolean one : wanted) {
            count += one ? 1 : 0;
        }
        boolean hasNulls = tag.codes().getNullCount() > 0;
        return new Verdict(
                wanted,
                isNegated,
                count == 0 && !(isNegated && hasNulls),
                count == wanted.length && (isNegated || !hasNulls));
    }

    /// For each code of a chunk's dictionary whether the value fulfils the predicate.
    boolean[] wanted(RowColumn.Tag tag) {
        boolean[] wanted = new boolean[tag.dictionary().getValueCount()];
        int[] numbers = tag.valueNumbers();
        boolean[] byNumber = judged(tag.numbers().index());
        for (int code = 0; code < wanted.length; code++) {
            wanted[code] = numbers[code] < 0 ? isWanted(tag.dictionary().get(code)) : byNumber[numbers[code]];
        }
        return wanted;
    }

    private boolean isWanted(byte[] value) {
        return holds.test(value) != isNegated;
    }

    /// For each number of an index whether its value is wanted; each value is judged once.
    private boolean[] judged(TagIndex index) {
        boolean[] known = judged.getOrDefault(index, new boolean[0]);
        int size = index.size();
        if (known.length < size) {
            int number = known.length;
            known = Arrays.copyOf(known, size);
            for (; number < size; number++) {
                known[number] = isWanted(index.value(number));
            }
            judged.put(index, known);
        }
        return known;
    }

    /// Keeps those of the first `count` rows that are wanted; returns how many. Called if the dictionary did not
    /// decide.
    int keep(RowBatch batch, Verdict verdict, int[] rows, int count) {
        if (!(batch.find(column).orElse(null) instanceof RowColumn.Tag tag)) {
            return verdict.nullWanted() ? count : 0;
        }
        IntVector codes = tag.codes();
        ArrowBuf data = codes.getDataBuffer();
        boolean[] wanted = verdict.wanted();
        boolean hasNulls = codes.getNullCount() > 0;
        int kept = 0;
        for (int i = 0; i < count; i++) {
            int row = rows[i];
            boolean isWanted = (hasNulls && codes.isNull(row))
                    ? verdict.nullWanted()
                    : wanted[data.getInt((long) row * Integer.BYTES)];
            if (isWanted) {
                rows[kept++] = row;
            }
        }
        return kept;
    }
}
