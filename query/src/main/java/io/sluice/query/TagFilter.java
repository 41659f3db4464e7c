package io.sluice.query;

import io.sluice.model.ColumnName;
import io.sluice.rows.RowBatch;
import io.sluice.rows.RowColumn;
import io.sluice.rows.TagIndex;
import io.sluice.rows.TagPostings;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.arrow.memory.util.MemoryUtil;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;

/// One predicate on a tag, made ready to judge many chunks: it looks at a chunk's dictionary first, and at the rows
/// only where that does not decide. For one thread.
final class TagFilter {
    private static final byte UNKNOWN = 0;
    private static final byte WANTED = 1;
    private static final byte UNWANTED = 2;
    /// More values than this are not looked up one by one.
    private static final int MAX_LOOKED_UP = 64;
    /// Above one of so many rows, all of a chunk are looked at instead.
    private static final int MIN_ROWS_PER_FOUND = 4;

    private final ColumnName column;
    private final boolean isNegated;
    private final DictionaryTest holds;
    private final Map<TagIndex, byte[]> judged = new HashMap<>();
    /// The values that are asked for, if they are few enough to be looked up.
    private final List<byte[]> lookedUp;

    private final Map<TagIndex, Resolved> resolved = new HashMap<>();

    /// The numbers of the values that are asked for.
    ///
    /// @param indexSize of the index when they were looked for
    private record Resolved(int indexSize, int[] numbers) {}

    TagFilter(TagPredicate predicate) {
        this.column = predicate.column();
        this.isNegated = predicate.isNegated();
        this.lookedUp = predicate instanceof TagPredicate.OneOf oneOf
                        && !isNegated
                        && oneOf.values().size() <= MAX_LOOKED_UP
                ? oneOf.values().stream()
                        .map(value -> value.getBytes(StandardCharsets.UTF_8))
                        .toList()
                : List.of();
        this.holds = switch (predicate) {
            case TagPredicate.OneOf oneOf -> new ValueSet(oneOf.values());
            case TagPredicate.Matching matching ->
                (dictionary, code) ->
                        matching.pattern().matcher(dictionary.get(code)).find();
        };
    }

    /// Looks at one value of a dictionary.
    @FunctionalInterface
    interface DictionaryTest {
        boolean test(VarCharVector dictionary, int code);
    }

    ColumnName column() {
        return column;
    }

    /// Whether it asks for a few values.
    boolean mayBeLookedUp() {
        return !lookedUp.isEmpty();
    }

    /// The rows that fulfil the predicate, ascending, in an array of the caller's; empty if that cannot be told without
    /// a look at all rows, or they are many.
    Optional<int[]> lookUp(RowBatch batch) {
        if (lookedUp.isEmpty()) {
            return Optional.empty();
        }
        if (!(batch.find(column).orElse(null) instanceof RowColumn.Tag tag)) {
            return Optional.of(new int[0]); // null in all rows
        }
        Optional<TagPostings> postings = tag.numbers().postings(tag, batch.nullCount(column) > 0);
        if (postings.isEmpty()) {
            return Optional.empty();
        }
        int[] numbers = numbers(tag.numbers().index());
        int count = 0;
        for (int number : numbers) {
            count += postings.get().count(number, batch.rowCount());
        }
        if (count > batch.rowCount() / MIN_ROWS_PER_FOUND) {
            return Optional.empty();
        }
        int[] rows = new int[count];
        int at = 0;
        for (int number : numbers) {
            at += postings.get().copy(number, batch.rowCount(), rows, at);
        }
        if (numbers.length > 1) {
            Arrays.sort(rows);
        }
        return Optional.of(rows);
    }

    /// The numbers of the values that are asked for; those that have none are in no chunk whose values all have one.
    private int[] numbers(TagIndex index) {
        int size = index.size();
        Resolved known = resolved.get(index);
        if (known == null || known.indexSize() < size) {
            int[] numbers = lookedUp.stream()
                    .mapToInt(index::find)
                    .filter(number -> number >= 0)
                    .toArray();
            known = new Resolved(size, numbers);
            resolved.put(index, known);
        }
        return known.numbers();
    }

    /// Keeps those of the first `count` rows that fulfil the predicate, by their values alone; returns how many.
    int keepFew(RowBatch batch, int[] rows, int count) {
        if (!(batch.find(column).orElse(null) instanceof RowColumn.Tag tag)) {
            return isNegated ? count : 0;
        }
        int[] numbers = tag.valueNumbers();
        byte[] known = judged(tag.numbers().index());
        int kept = 0;
        for (int i = 0; i < count; i++) {
            int row = rows[i];
            if (tag.codes().isNull(row) ? isNegated : isWanted(tag, tag.codes().get(row), numbers, known)) {
                rows[kept++] = row;
            }
        }
        return kept;
    }

    private boolean isWanted(RowColumn.Tag tag, int code, int[] numbers, byte[] known) {
        int number = numbers[code];
        if (number < 0) {
            return isWanted(tag, code);
        }
        if (known[number] == UNKNOWN) {
            known[number] = isWanted(tag, code) ? WANTED : UNWANTED;
        }
        return known[number] == WANTED;
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
        boolean hasNulls = batch.nullCount(column) > 0;
        return new Verdict(
                wanted,
                isNegated,
                count == 0 && !(isNegated && hasNulls),
                count == wanted.length && (isNegated || !hasNulls));
    }

    /// For each code of a chunk's dictionary whether the value fulfils the predicate.
    boolean[] wanted(RowColumn.Tag tag) {
        boolean[] wanted = new boolean[tag.dictionary().getValueCount()];
        if (mayBeLookedUp() && !tag.numbers().areKnown(tag.dictionary())) {
            // Most values differ from the few that are asked for in their length or last byte: to look at them is
            // much less than to hash them, which pays for those who ask again.
            for (int code = 0; code < wanted.length; code++) {
                wanted[code] = isWanted(tag, code);
            }
            return wanted;
        }
        int[] numbers = tag.valueNumbers();
        byte[] known = judged(tag.numbers().index());
        for (int code = 0; code < wanted.length; code++) {
            wanted[code] = isWanted(tag, code, numbers, known);
        }
        return wanted;
    }

    private boolean isWanted(RowColumn.Tag tag, int code) {
        return holds.test(tag.dictionary(), code) != isNegated;
    }

    /// What is known of an index's values, by their numbers; each is judged once.
    private byte[] judged(TagIndex index) {
        byte[] known = judged.getOrDefault(index, new byte[0]);
        if (known.length < index.size()) {
            known = Arrays.copyOf(known, index.size());
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
        boolean[] wanted = verdict.wanted();
        if (batch.nullCount(column) > 0) {
            return keepWithNulls(codes, verdict, rows, count);
        }
        // Bounds are checked once, here: this loop is most of the work of a query for few rows.
        codes.getDataBuffer().checkBytes(0, (long) batch.rowCount() * Integer.BYTES);
        long address = codes.getDataBuffer().memoryAddress();
        int kept = 0;
        for (int i = 0; i < count; i++) {
            int row = rows[i];
            rows[kept] = row;
            kept += wanted[MemoryUtil.getInt(address + (long) row * Integer.BYTES)] ? 1 : 0;
        }
        return kept;
    }

    /// Puts the rows of a whole chunk that are wanted into `rows`; returns how many. Called if the dictionary did not
    /// decide.
    int keepOfAll(RowBatch batch, Verdict verdict, int[] rows) {
        if (!(batch.find(column).orElse(null) instanceof RowColumn.Tag tag) || batch.nullCount(column) > 0) {
            for (int row = 0; row < batch.rowCount(); row++) {
                rows[row] = row;
            }
            return keep(batch, verdict, rows, batch.rowCount());
        }
        boolean[] wanted = verdict.wanted();
        tag.codes().getDataBuffer().checkBytes(0, (long) batch.rowCount() * Integer.BYTES);
        long address = tag.codes().getDataBuffer().memoryAddress();
        int kept = 0;
        for (int row = 0; row < batch.rowCount(); row++) {
            rows[kept] = row;
            kept += wanted[MemoryUtil.getInt(address + (long) row * Integer.BYTES)] ? 1 : 0;
        }
        return kept;
    }

    private static int keepWithNulls(IntVector codes, Verdict verdict, int[] rows, int count) {
        int kept = 0;
        for (int i = 0; i < count; i++) {
            int row = rows[i];
            if (codes.isNull(row) ? verdict.nullWanted() : verdict.wanted()[codes.get(row)]) {
                rows[kept++] = row;
            }
        }
        return kept;
    }
}
